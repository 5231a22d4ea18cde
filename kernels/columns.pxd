# Where the partial books of a poll and their messages stand, instrument by instrument.
from kernels.block cimport Book

cdef struct Place:
    # Where a message stood; NOTHING (kernels.cells) for None. The order is that of an event's fields.
    long long offset, timestamp_ms, receive_time_ns, event_time_ms, transaction_time_ms, update_id

cdef class Columns:
    cdef readonly list names  # (instrument, partition) of each group
    cdef readonly object block  # of all books
    cdef Py_ssize_t *firsts  # of each group the first row of its books, and the end
    cdef Place *places  # of each row
    cdef Py_buffer view  # of the block
    cdef bint held

    cdef int lay_out(self, object block, const Py_ssize_t *firsts) except -1
