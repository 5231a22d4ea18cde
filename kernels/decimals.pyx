# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Numbers in few bytes: one with few decimals as an integer, an integer in as many bytes as it needs.

Owns the loops. What the bytes are is said at the twin, ``orderbook.decimals``: the same numbers give the same bytes (on a
little-endian machine, as all kernels).
"""

from array import array

from cpython.buffer cimport PyBUF_CONTIG_RO, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint32_t
from libc.string cimport memcpy

ctypedef unsigned long long Bits

ctypedef fused Number:
    double
    long long

cdef enum:
    MOST_DECIMALS = 8
    NO_DECIMALS = 0xFF
    HEAD_BYTES = COUNT_BYTES + 1  # decimals
    WIDEST = 8

cdef Bits LIMIT = 2251799813685248  # 2 ** 51
cdef double ROUNDS = 6755399441055744.0  # 1.5 * 2 ** 52: what is added to it loses what is behind the point, half to even
cdef Bits ROUNDS_BITS = 0x4338000000000000  # of this number; those of the sum are as many more as the integer says
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
    cdef double *made = NULL
    take(values, &made, count)
    return made


cdef long long *integers_of(values, Py_ssize_t *count) except NULL:
    cdef long long *made = NULL
    if isinstance(values, array):
        return integers_in(values, count)
    take(values, &made, count)
    return made


cdef int take(values, Number **made, Py_ssize_t *count) except -1:
    """Numbers into memory of their own, which is the caller's only when all of them are numbers."""
    cdef list numbers = list(values)
    cdef Number *into = <Number *> memory(sizeof(Number) * len(numbers))
    cdef Py_ssize_t at
    try:
        for at in range(len(numbers)):
            into[at] = numbers[at]
    except BaseException:
        PyMem_Free(into)
        raise
    made[0], count[0] = into, len(numbers)
    return 0


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
    cdef Py_ssize_t at = 0
    cdef Bits before = 0
    cdef Bits[4] numbers
    cdef unsigned char *told = <unsigned char *> put_count(out, count)
    out = <char *> told + (count + 3) // 4
    while at < count:
        memcpy(numbers, first + at, min(4, count - at) * sizeof(Bits))
        out = put_four(out, numbers, min(4, count - at), told, &before, True)
        told += 1
        at += 4
    return out


cdef char *put_count(char *out, Py_ssize_t count) noexcept:
    cdef uint32_t number = <uint32_t> count
    memcpy(out, &number, sizeof(number))
    return out + sizeof(number)


cdef char *put_scaled(
    char *out, const char *first, Py_ssize_t stride, Py_ssize_t count, bint steps, double power
) noexcept:
    """Write the doubles times ``power``; NULL: not all are integers then."""
    cdef Bits before = 0
    cdef Bits[4] integers
    cdef double[4] rest
    cdef Py_ssize_t at
    cdef unsigned char *told = <unsigned char *> out
    out += (count + 3) // 4
    while count >= 4:
        if not scale(first, stride, power, integers):
            return NULL
        out = put_four(out, integers, 4, told, &before, steps)
        first += 4 * stride
        told += 1
        count -= 4
    if count:
        for at in range(4):
            rest[at] = (<const double *> (first + at * stride))[0] if at < count else 0.0
        if not scale(<const char *> rest, sizeof(double), power, integers):
            return NULL
        out = put_four(out, integers, count, told, &before, steps)
    return out


cdef inline bint scale(const char *first, Py_ssize_t stride, double power, Bits *integers) noexcept:
    """Make integers of four doubles times ``power``; whether that is what they are. Without branches: all at a time."""
    cdef int at
    cdef bint same = True
    cdef double value
    cdef double[4] rounded
    cdef Bits reach = 0
    for at in range(4):
        value = (<const double *> (first + at * stride))[0]
        rounded[at] = value * power + ROUNDS
        same &= (rounded[at] - ROUNDS) / power == value
    memcpy(integers, rounded, sizeof(rounded))
    for at in range(4):
        integers[at] -= ROUNDS_BITS
        reach |= (integers[at] + LIMIT) | (integers[at] + (LIMIT - 1))  # both ends; what is no number is far outside
    return same & (reach < 2 * LIMIT)


cdef inline char *put_four(
    char *out, const Bits *integers, Py_ssize_t count, unsigned char *told, Bits *before, bint steps
) noexcept:
    """Write up to four integers of either sign, and their sizes where ``told`` has them. Most of them take a byte or two."""
    cdef Py_ssize_t at
    cdef Bits[4] numbers
    cdef Bits last = before[0], largest = 0
    cdef unsigned int sizes = 0, more
    for at in range(count):
        numbers[at] = signed(integers[at] - last)
        last = integers[at] if steps else 0
        largest |= numbers[at]
    before[0] = last
    if largest > 0xFFFF:
        return put_wide(out, numbers, count, told)
    if largest <= 0xFF:
        for at in range(count):
            out[at] = <char> numbers[at]
        told[0] = 0
        return out + count
    for at in range(count):
        more = numbers[at] > 0xFF
        sizes |= more << 2 * at
        memcpy(out, &numbers[at], 2)  # what it does not take, the next one writes over
        out += 1 + more
    told[0] = <unsigned char> sizes
    return out


cdef inline Bits signed(Bits number) noexcept:
    """An integer of either sign, as one without."""
    return (number << 1) ^ (<Bits> 0 - (number >> 63))


cdef char *put_wide(char *out, const Bits *numbers, Py_ssize_t count, unsigned char *told) noexcept:
    """The same, whatever they take."""
    cdef Py_ssize_t at
    cdef unsigned int sizes = 0, size
    for at in range(count):
        size = (numbers[at] > 0xFF) + (numbers[at] > 0xFFFF) + (numbers[at] > 0xFFFFFFFFU)
        sizes |= size << 2 * at
        memcpy(out, &numbers[at], WIDEST)
        out += <Py_ssize_t> 1 << size
    told[0] = <unsigned char> sizes
    return out
