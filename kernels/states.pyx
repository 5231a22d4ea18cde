# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A state as it is written: one piece of memory that grows.

Owns that memory. What is written how is said at the twin, ``orderbook.codec.Writer``: the same calls give the same bytes. Other
kernels write theirs where the state ends (``kernels.states.pxd``).
"""

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.string cimport memcpy

from kernels.block cimport Book, Side, at, price, take
from kernels.codec cimport put_float, put_marked
from kernels.decimals cimport COUNT_BYTES, doubles_of, integers_of, put_count, put_decimals, put_integers, room

cdef enum:
    FIRST_ROOM = 4096
    MARKED_BYTES = 1 + 8
    MOST_SPARE = 1 << 20

cdef char *spare = NULL  # of the last writer, for the next one: thousands of states are written one after the other
cdef Py_ssize_t spare_room = 0


cdef class Writer:
    """See ``orderbook.codec.Writer``.

    Args:
        begin: The first bytes.
    """

    def __cinit__(self, bytes begin not None=b""):
        global spare, spare_room
        self._state, self._room = spare, spare_room
        spare, spare_room = NULL, 0
        self.put_written(begin)

    def __dealloc__(self):
        global spare, spare_room
        if spare_room < self._room <= MOST_SPARE:
            PyMem_Free(spare)
            spare, spare_room = self._state, self._room
        else:
            PyMem_Free(self._state)

    def put_int(self, *values):
        for value in values:
            self._put_optional(value)

    def put_float(self, *values):
        self._put_all(values)

    def put_floats(self, values):
        cdef Py_ssize_t begin = self._size, count
        self.ends(put_count(self.space(COUNT_BYTES), 0))
        count = self._put_all(values)
        put_count(self._state + begin, count)

    def put_decimals(self, values, *, bint steps=False):
        cdef Py_ssize_t count
        cdef double *numbers = doubles_of(values, &count)
        try:
            self.ends(put_decimals(self.space(room(count)), <char *> numbers, sizeof(double), count, steps))
        finally:
            PyMem_Free(numbers)

    def put_integers(self, values):
        cdef Py_ssize_t count
        cdef long long *numbers = integers_of(values, &count)
        try:
            self.ends(put_integers(self.space(room(count)), numbers, count))
        finally:
            PyMem_Free(numbers)

    def put_book(self, block, Py_ssize_t row=0):
        cdef Py_buffer view
        cdef Book book
        take(block, &view)
        try:
            if not 0 <= row < view.shape[0]:
                raise IndexError(f"expected a row below {view.shape[0]}, received {row}")
            at(&view, row, &book)
            self.ends(put_side(put_side(self.space(4 * room(book.bids.width)), &book.bids), &book.asks))
        finally:
            PyBuffer_Release(&view)

    def put_written(self, bytes part not None):
        cdef Py_ssize_t size = PyBytes_GET_SIZE(part)
        memcpy(self.space(size), PyBytes_AS_STRING(part), size)
        self._size += size

    def done(self):
        return PyBytes_FromStringAndSize(self._state, self._size)

    cdef char *space(self, Py_ssize_t size) except NULL:
        """Where the state ends; behind it there are so many bytes to be written, until the next call."""
        cdef Py_ssize_t wanted = self._size + size
        cdef void *state
        if wanted > self._room or self._state is NULL:
            wanted = max(2 * self._room, wanted, FIRST_ROOM)
            state = PyMem_Realloc(self._state, wanted)
            if state is NULL:
                raise MemoryError()
            self._state, self._room = <char *> state, wanted
        return self._state + self._size

    cdef void ends(self, char *end) noexcept:
        """What was written into ``space`` ends there."""
        self._size = end - self._state

    cdef int _put_optional(self, value) except -1:
        cdef long long number
        if value is None:
            self.space(1)[0] = 0
            self._size += 1
        else:
            number = value  # before there is space: an object may do anything when it is asked for its number
            self.ends(put_marked(self.space(MARKED_BYTES), number))
        return 0

    cdef Py_ssize_t _put_all(self, values) except -1:
        """How many they are."""
        cdef Py_ssize_t count = 0
        cdef double number
        for value in values:
            number = value
            self.ends(put_float(self.space(sizeof(double)), number))
            count += 1
        return count


cdef char *put_side(char *out, Side *side) noexcept:
    cdef Py_ssize_t count = 0
    while price(side, count) != 0.0:
        count += 1
    out = put_decimals(out, side.first, side.level, count, True)
    return put_decimals(out, side.first + side.quantity, side.level, count, False)


cdef Writer writer_of(out):
    """The writer itself, or if it is a plain one, a new one whose bytes are for it: see ``hand_over``."""
    return <Writer> out if isinstance(out, Writer) else Writer()


cdef int hand_over(Writer written, out) except -1:
    """Give a plain writer what was written for it."""
    if written is not out:
        out.put_written(written.done())
    return 0
