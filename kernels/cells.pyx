# cython: language_level=3, wraparound=False, cdivision=True
"""Measured rows as plain memory: cells of 8 bytes where Python would have an object a number.

Owns that memory, and the way from tuples to it and back. What a row's items and columns mean is said where the caller knows
them; here are their names and kinds, so that a caller who knows others can see it.

Safety: a row is given out only with its whole room behind it; cells that nobody wrote are 0.
"""

from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.long cimport PyLong_AsDouble, PyLong_AsLongLong, PyLong_CheckExact
from cpython.mem cimport PyMem_RawFree, PyMem_RawRealloc
from cpython.tuple cimport PyTuple_GET_SIZE
from libc.math cimport NAN, isnan
from libc.string cimport memcpy, memset

cdef enum:
    FEWEST = 16  # rows that there is room for once there is one
    NEAR_FROM = 20  # the columns that the numbers of the item ``near`` are in, where there are some
    NEAR_COUNT = COLUMNS - NEAR_FROM

from kernels.prefetch cimport look_ahead

from kernels.books import KNOWN as OF_BOOKS

cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX

cdef enum Kind:
    INTEGER
    NUMBER
    NEAR  # a few numbers in place of the last columns, or nothing

KNOWN = {
    "items": (
        ("offset", "integer"),
        ("timestamp_ms", "integer"),
        ("receive_time_ns", "integer"),
        ("event_time_ms", "integer"),
        ("transaction_time_ms", "integer"),
        ("update_id", "integer"),
        ("seq", "integer"),
        ("delta_volume", "number"),
        ("trade_delta", "number"),
        ("delta_events", "integer"),
        ("state", "integer"),
        ("gaps", "integer"),
        ("ofi_l1", "number"),
        ("ofi_ew_500ms", "number"),
        ("ofi_ew_2s", "number"),
        ("delta_volume_1s", "number"),
        ("trade_delta_1s", "number"),
        ("trade_count_1s", "integer"),
        ("delta_window_ms", "integer"),
        ("delta_truncated", "integer"),
        ("near", "near"),
    ),
    "columns": OF_BOOKS["columns"],
    "near": (
        "bid_notional_5bps", "ask_notional_5bps", "bid_notional_10bps", "ask_notional_10bps", "bid_notional_25bps",
        "ask_notional_25bps",
    ),
}
"""What a row's cells and columns are: where the caller knows others, this is not the memory to use."""

cdef Kind[ITEMS] KINDS
if len(KNOWN["items"]) != ITEMS or len(KNOWN["columns"]) != COLUMNS or KNOWN["columns"][NEAR_FROM:] != KNOWN["near"]:
    raise AssertionError(f"expected {ITEMS} items and {COLUMNS} columns, the last {NEAR_COUNT} of them near mid")
for _place, (_name, _kind) in enumerate(KNOWN["items"]):
    KINDS[_place] = {"integer": INTEGER, "number": NUMBER, "near": NEAR}[_kind]


cdef class Rows:
    """Rows of some instruments, those of one after those of another; at first none.

    Args:
        room: For so many rows there shall be room at once; more find theirs, too.
    """

    def __cinit__(self, Py_ssize_t room=0):
        self.reserve(room)

    def __dealloc__(self):
        PyMem_RawFree(self.cells)
        PyMem_RawFree(self.columns)

    def __len__(self):
        return self.count

    @staticmethod
    def of(list rows not None, const double[:, :] columns not None):
        """Rows of tuples.

        Args:
            rows: Tuples of 21 items, as ``KNOWN`` lists them. The numbers of ``near`` take the place of some columns.
            columns: Of each row the stateless metrics, shape (n, 26).

        Raises:
            TypeError: a row is no tuple of so many items, or an item not of its kind.
            OverflowError: an integer is not above -2^63 and below 2^63.
            ValueError: the columns do not fit, or ``near`` has not 6 numbers.
        """
        cdef Rows made = Rows(len(rows))
        cdef Cell *cells
        cdef double *of_row
        cdef Py_ssize_t index, place
        if columns.shape[0] != len(rows) or columns.shape[1] != COLUMNS:
            raise ValueError(
                f"expected {len(rows)} rows of {COLUMNS} columns, received {columns.shape[0]} of {columns.shape[1]}"
            )
        for index in range(len(rows)):
            look_ahead(rows, index)
            row = rows[index]
            if not isinstance(row, tuple) or PyTuple_GET_SIZE(<tuple>row) != ITEMS:
                raise TypeError(f"expected a row of {ITEMS} items, received {row!r}")
            cells, of_row = made.add(), columns_of(made, index)
            for place in range(COLUMNS):
                of_row[place] = columns[index, place]
            for place in range(ITEMS):
                if KINDS[place] != NEAR:
                    put(&cells[place], KINDS[place], (<tuple>row)[place])
                else:
                    put_near(&cells[place], of_row + NEAR_FROM, (<tuple>row)[place])
        return made

    def take(self, Rows others not None):
        """Add the rows of others behind these."""
        cdef Py_ssize_t count = others.count
        if not count:
            return
        self.reserve(count)
        memcpy(cells_of(self, self.count), others.cells, count * ITEMS * sizeof(Cell))
        memcpy(columns_of(self, self.count), others.columns, count * COLUMNS * sizeof(double))
        self.count += count

    def rows(self):
        """The rows as tuples again: what ``of`` was given, NaN as None."""
        cdef list out = []
        cdef Py_ssize_t index, place
        for index in range(self.count):
            out.append(tuple([self.item(index, place) for place in range(ITEMS)]))
        return out

    def integers(self, Py_ssize_t place):
        """The item of this place of all rows; None for nothing.

        Raises:
            ValueError: it is no integer.
        """
        if not 0 <= place < ITEMS or KINDS[place] != INTEGER:
            raise ValueError(f"expected the place of an integer, received {place}")
        return [self.item(index, place) for index in range(self.count)]

    cdef object item(self, Py_ssize_t index, Py_ssize_t place):
        cdef Cell cell = cells_of(self, index)[place]
        cdef double *near = columns_of(self, index) + NEAR_FROM
        if KINDS[place] == NUMBER:
            return shown(cell.number)
        if cell.integer == NOTHING:
            return None
        return cell.integer if KINDS[place] == INTEGER else tuple([shown(near[number]) for number in range(NEAR_COUNT)])

    def copy_columns(self, double[:, ::1] out not None):
        """Fill ``out``, shape (n, 26), with the stateless metrics of the rows, the numbers of ``near`` among them.

        Raises:
            ValueError: it has another shape.
        """
        if out.shape[0] != self.count or out.shape[1] != COLUMNS:
            raise ValueError(f"expected room for {self.count} rows of {COLUMNS} columns, received {out.shape[0]}")
        if self.count:
            memcpy(&out[0, 0], self.columns, self.count * COLUMNS * sizeof(double))

    cdef Cell *add(self) except NULL:
        cdef Cell *cells
        if self.count == self.room:
            self.reserve(max(self.count, <Py_ssize_t>FEWEST))
        cells = cells_of(self, self.count)
        memset(cells, 0, ITEMS * sizeof(Cell))
        cells[ITEMS - 1].integer = NOTHING
        self.count += 1
        return cells

    cdef int reserve(self, Py_ssize_t more) except -1:
        cdef Cell *cells
        cdef double *columns
        if more < 0 or more > PY_SSIZE_T_MAX // <Py_ssize_t>(COLUMNS * sizeof(double)) - self.count:
            raise ValueError(f"expected a number of rows, received {more}")
        if more <= self.room - self.count:
            return 0
        more += self.count
        cells = <Cell *>PyMem_RawRealloc(self.cells, more * ITEMS * sizeof(Cell))
        if cells == NULL:
            raise MemoryError
        self.cells = cells
        columns = <double *>PyMem_RawRealloc(self.columns, more * COLUMNS * sizeof(double))
        if columns == NULL:
            raise MemoryError
        self.columns, self.room = columns, more
        return 0


cdef int put(Cell *cell, Kind kind, object item) except -1:
    """Fill a cell that is no NEAR."""
    if kind == NUMBER:
        cell.number = number_of(item)
    elif item is None:
        cell.integer = NOTHING
    elif PyLong_CheckExact(item):
        cell.integer = PyLong_AsLongLong(item)
        if cell.integer == NOTHING:
            raise OverflowError(f"expected an integer above -2**63, received {item}")
    else:
        raise TypeError(f"expected an integer or None, received {item!r}")
    return 0


cdef int put_near(Cell *cell, double *columns, object item) except -1:
    """Say whether there are such numbers, and put them into their columns."""
    cdef Py_ssize_t place
    if item is None:
        cell.integer = NOTHING
        return 0
    if not isinstance(item, tuple) or PyTuple_GET_SIZE(<tuple>item) != NEAR_COUNT:
        raise ValueError(f"expected {NEAR_COUNT} numbers or None, received {item!r}")
    cell.integer = 1
    for place in range(NEAR_COUNT):
        columns[place] = number_of((<tuple>item)[place])
    return 0


cdef double number_of(object item) except? -1.0:
    """A number, NaN for None; no code of others is run while rows are read."""
    if isinstance(item, float):
        return PyFloat_AS_DOUBLE(item)
    if item is None:
        return NAN
    if not PyLong_CheckExact(item):
        raise TypeError(f"expected a number or None, received {item!r}")
    return PyLong_AsDouble(item)


cdef inline object shown(double number):
    return None if isnan(number) else number
