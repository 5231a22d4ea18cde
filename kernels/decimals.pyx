# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Numbers in few bytes: one with few decimals as an integer, an integer in as many bytes as it needs.

Owns the loops. What the bytes are is said at the twin, ``orderbook.decimals``: the same numbers give the same bytes (on a
little-endian machine, as all kernels).
"""

from array import array

from cpython.buffer cimport PyBUF_CONTIG_RO, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport fabs
from libc.stdint cimport uint32_t
from libc.string cimport memcpy

ctypedef unsigned long long Bits

cdef enum:
    MOST_DECIMALS = 8
    NO_DECIMALS = 0xFF
    HEAD_BYTES = COUNT_BYTES + 1  # decimals
    WIDEST = 8

cdef double LIMIT = 2251799813685248.0  # 2 ** 51
cdef double ROUNDS = 6755399441055744.0  # 1.5 * 2 ** 52: what is added to it loses what is behind the point, half to even
cdef double[MOST_DECIMALS + 1] POWERS = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]


def decimals(values, bint steps):
    """See ``orderbook.decimals.packed_decimals``."""
    cdef Py_ssize_t count
    cdef double *numbers = doubles_of(values, &count)
    cdef char *out = NULL
    try:
        out = <char *> memory(room(count))
        return PyBytes_FromStringAndSize(out, put_decimals(out, <char *> numbers, sizeof(double), count, steps) - out)
    finally:
        PyMem_Free(out)
        PyMem_Free(numbers)


def integers(values):
    """See ``orderbook.decimals.packed_integers``."""
    cdef Py_ssize_t count
    cdef long long *numbers = integers_of(values, &count)
    cdef char *out = NULL
    try:
        out = <char *> memory(room(count))
        return PyBytes_FromStringAndSize(out, put_integers(out, numbers, count) - out)
    finally:
        PyMem_Free(out)
        PyMem_Free(numbers)


cdef double *doubles_of(values, Py_ssize_t *count) except NULL:
    cdef list numbers = list(values)
    cdef Py_ssize_t at
    cdef double *made = <double *> memory(sizeof(double) * len(numbers))
    count[0] = len(numbers)
    try:
        for at in range(count[0]):
            made[at] = numbers[at]
    except BaseException:
        PyMem_Free(made)
        raise
    return made


cdef long long *integers_of(values, Py_ssize_t *count) except NULL:
    cdef list numbers
    cdef Py_ssize_t at
    cdef long long *made
    if isinstance(values, array):
        return integers_in(values, count)
    numbers = list(values)
    made = <long long *> memory(sizeof(long long) * len(numbers))
    count[0] = len(numbers)
    try:
        for at in range(count[0]):
            made[at] = numbers[at]
    except BaseException:
        PyMem_Free(made)
        raise
    return made


cdef long long *integers_in(values, Py_ssize_t *count) except NULL:
    """The same of an array of 64 bits each, in one copy."""
    cdef Py_buffer view
    cdef long long *made = NULL
    PyObject_GetBuffer(values, &view, PyBUF_CONTIG_RO | PyBUF_FORMAT)
    try:
        if view.format == NULL or view.format[0] != b"q":
            raise ValueError("expected an array of the type 'q'")
        made = <long long *> memory(view.len)
        memcpy(made, view.buf, view.len)
        count[0] = view.len // <Py_ssize_t> sizeof(long long)
        return made
    finally:
        PyBuffer_Release(&view)


cdef void *memory(Py_ssize_t size) except NULL:
    cdef void *made = PyMem_Malloc(size)
    if made is NULL:
        raise MemoryError()
    return made


cdef Py_ssize_t room(Py_ssize_t count) noexcept:
    return HEAD_BYTES + (count + 3) // 4 + WIDEST * (count + 1)


cdef char *put_decimals(char *out, const char *first, Py_ssize_t stride, Py_ssize_t count, bint steps) noexcept:
    cdef int number
    cdef Py_ssize_t at
    cdef char *end
    out = put_count(out, count)
    for number in range(MOST_DECIMALS + 1):
        end = put_scaled(out + 1, first, stride, count, steps, POWERS[number])
        if end is not NULL:
            out[0] = <char> number
            return end
    out[0] = <char> NO_DECIMALS
    out += 1
    for at in range(count):
        memcpy(out, first + at * stride, WIDEST)
        out += WIDEST
    return out


cdef char *put_integers(char *out, const long long *first, Py_ssize_t count) noexcept:
    cdef Py_ssize_t at
    cdef Bits before = 0
    cdef unsigned int sizes = 0
    cdef unsigned char *told = <unsigned char *> put_count(out, count)
    out = <char *> told + (count + 3) // 4
    for at in range(count):
        out = put(out, <Bits> first[at] - before, told, at, &sizes)
        before = <Bits> first[at]
    return out


cdef char *put_count(char *out, Py_ssize_t count) noexcept:
    cdef uint32_t number = <uint32_t> count
    memcpy(out, &number, sizeof(number))
    return out + sizeof(number)


cdef char *put_scaled(
    char *out, const char *first, Py_ssize_t stride, Py_ssize_t count, bint steps, double power
) noexcept:
    """Write the doubles times ``power``; NULL: not all are integers then."""
    cdef Py_ssize_t at
    cdef double value, scaled
    cdef Bits before = 0, integer
    cdef unsigned int sizes = 0
    cdef unsigned char *told = <unsigned char *> out
    out += (count + 3) // 4
    for at in range(count):
        value = (<const double *> (first + at * stride))[0]
        scaled = value * power
        if not fabs(scaled) < LIMIT:
            return NULL
        scaled = (scaled + ROUNDS) - ROUNDS
        if scaled / power != value:
            return NULL
        integer = <Bits> <long long> scaled
        out = put(out, integer - before, told, at, &sizes)
        if steps:
            before = integer
    return out


cdef inline char *put(char *out, Bits number, unsigned char *told, Py_ssize_t at, unsigned int *sizes) noexcept:
    """Write an integer of either sign, and its size where ``told`` has it; ``sizes`` are the last four."""
    cdef unsigned int size
    number = (number << 1) ^ (<Bits> 0 - (number >> 63))
    size = (number >> 8 != 0) + (number >> 16 != 0) + (number >> 32 != 0)
    sizes[0] = sizes[0] >> 2 | size << 6
    told[at >> 2] = <unsigned char> (sizes[0] >> 2 * (3 - (at & 3)))
    memcpy(out, &number, WIDEST)  # what it does not take, the next one writes over
    return out + (<Py_ssize_t> 1 << size)
