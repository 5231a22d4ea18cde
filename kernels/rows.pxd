from libc.stdint cimport int64_t, uint64_t

from kernels.spelling cimport Message, Numbers, Span

cdef enum Layout:
    LEFT_OUT, A_BOOK, A_CHANGE, A_LINKED, A_FREE, A_QUOTE, A_TRADE, AN_AGG_TRADE

cdef struct Row:
    Message message
    bint known
    Layout layout
    Span key
    Span header
    int64_t partition
    int64_t received_ns
    uint64_t hash
    Py_ssize_t identity
    Py_ssize_t slot

cdef bint read_row(Row *row, bytes value, key, headers, partition, timestamp_ms, Numbers *numbers) except -1
cdef bint is_same(Row *row, Row *other) noexcept
cdef tuple identity_of(Row *row, key, partition)
cdef bint fits(Row *row, Layout layout) noexcept
cdef object time_of(Row *row)
cdef int64_t clock_of(Row *row) noexcept
