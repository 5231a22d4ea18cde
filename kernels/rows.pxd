from libc.stdint cimport int64_t, uint32_t

from kernels.spelling cimport Message, Numbers, Span

cdef enum Layout:
    LEFT_OUT, A_BOOK, A_CHANGE, A_LINKED, A_FREE, A_QUOTE, A_TRADE, AN_AGG_TRADE

cdef enum:
    LONGEST_NAME = 128
    LONGEST_SIGNATURE = 16 + 5 * (1 + 128)
    NEVER = -1  # in the place of a time

cdef struct Row:
    # One message. Its spans point into Python's objects.
    Message message
    Layout layout
    Span key
    Span header
    int64_t received_ns
    Py_ssize_t slot
    void *plan

cdef bint read_row(Row *row, bytes value, key, headers, timestamp_ms, Numbers *numbers) except -1
cdef Py_ssize_t sign(Row *row, int64_t partition, char *signature) noexcept
cdef tuple identity_of(Row *row, key)
cdef bint fits(Row *row, Layout layout) noexcept
cdef object time_of(Row *row)
cdef int64_t clock_of(Row *row) noexcept
