# Where the partial books of a poll and their messages stand, instrument by instrument.
from libc.stdint cimport uint64_t

from kernels.lanes cimport Lane

cdef struct Place:
    # Where a message stood; NOTHING (kernels.cells) for None. The order is that of an event's fields.
    long long offset, timestamp_ms, receive_time_ns, event_time_ms, transaction_time_ms, update_id

cdef class Home:
    # One instrument on one partition, as long as it is remembered.
    cdef readonly tuple name  # (instrument, partition)
    cdef object partition
    cdef Py_ssize_t slot  # its group in the poll
    cdef uint64_t poll
    cdef dict lanes  # where its lane was found last
    cdef Lane lane

cdef class Columns:
    cdef readonly list names  # (instrument, partition) of each group
    cdef list homes  # of the first groups, or of none
    cdef readonly object block  # of all books
    cdef Py_ssize_t *firsts  # of each group the first row of its books, and the end
    cdef Place *places  # of each row
    cdef Py_buffer view  # of the block
    cdef bint held

    cdef int lay_out(self, object block, const Py_ssize_t *firsts) except -1
