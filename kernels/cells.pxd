# Measured rows without Python's objects: what one kernel writes and another makes text of.

cdef extern from "<limits.h>":
    const long long NOTHING "LLONG_MIN"  # None, in the place of an integer; in that of a number it is NaN

cdef enum:
    ITEMS = 21  # of a row; their places are those of orderbook.rows.Row
    COLUMNS = 26  # the stateless metrics of a row; their places are those of orderbook.metrics.COLUMNS

cdef union Cell:
    long long integer
    double number

cdef class Rows:
    cdef Cell *cells  # ITEMS a row, count rows
    cdef double *columns  # COLUMNS a row; NaN: not defined
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t room

    # One more row, the number count - 1: its cells, all 0 but for the last, ``near``, which is NOTHING (1: there are some,
    # and the last columns hold them). Its columns are at columns_of(rows, count - 1), not yet written.
    # Room is made by moving: no pointer from before may be used after it.
    cdef Cell *add(self) except NULL
    cdef int reserve(self, Py_ssize_t more) except -1  # room for so many more
    cdef object item(self, Py_ssize_t index, Py_ssize_t place)

cdef inline Cell *cells_of(Rows rows, Py_ssize_t row) noexcept:
    return rows.cells + row * ITEMS

cdef inline double *columns_of(Rows rows, Py_ssize_t row) noexcept:
    return rows.columns + row * COLUMNS
