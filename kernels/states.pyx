# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A state as it is written: one piece of memory that grows.

Owns that memory. What is written how is said at the twin, ``orderbook.codec.Writer``: the same calls give the same bytes. Other
kernels write theirs where the state ends (``kernels.states.pxd``).
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.string cimport memcpy

from kernels.block cimport is_float
from kernels.codec cimport put_float, put_marked
from kernels.decimals cimport COUNT_BYTES, doubles_of, integers_of, put_count, put_decimals, put_integers, room

cdef enum:
    FIRST_ROOM = 4096
    MARKED_BYTES = 1 + 8


cdef class Writer:
    """See ``orderbook.codec.Writer``.

    Args:
        begin: The first bytes.
    """

    def __cinit__(self, bytes begin not None=b""):
        self.put_written(begin)

    def __dealloc__(self):
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

    def put_levels(self, levels):
        cdef Py_buffer view
        PyObject_GetBuffer(levels, &view, PyBUF_STRIDES | PyBUF_FORMAT)
        try:
            if view.ndim != 2 or not is_float(&view) or view.shape[1] != 2:
                raise ValueError("expected levels of float64 of shape (n, 2)")
            self._put_levels(<char *> view.buf, view.strides[0], view.strides[1], view.shape[0])
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

    cdef int _put_levels(self, char *first, Py_ssize_t level, Py_ssize_t quantity, Py_ssize_t width) except -1:
        cdef Py_ssize_t count = 0
        cdef char *out = self.space(2 * room(width))
        while count < width and (<double *> (first + count * level))[0] != 0.0:
            count += 1
        out = put_decimals(out, first, level, count, True)
        self.ends(put_decimals(out, first + quantity, level, count, False))
        return 0


cdef Writer writer_of(out):
    """The writer itself, or if it is a plain one, a new one whose bytes are for it: see ``hand_over``."""
    return <Writer> out if isinstance(out, Writer) else Writer()


cdef int hand_over(Writer written, out) except -1:
    """Give a plain writer what was written for it."""
    if written is not out:
        out.put_written(written.done())
    return 0
