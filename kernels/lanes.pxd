from kernels.block cimport Book
from kernels.flow cimport Decay, Flow, Numbers

cdef enum:
    # Codes of the states.
    LIVE, ONE_SIDED, EMPTY, CROSSED

cdef enum:
    NEAR_LEVELS = 20  # of a side, that a lane has room for in itself

cdef class Lane:
    # In one piece what is read of it for each message, the flow's numbers and the levels of nearly all too.
    cdef public long long seq, last_id, clock_ms
    cdef public double contract_size  # NaN: quantities are base units
    cdef public bint told
    cdef public object partition, mark
    cdef double *levels  # of the predecessor, in one piece
    cdef Py_ssize_t width
    cdef Decay fast, slow
    cdef Numbers numbers  # the flow's
    cdef double near[4 * NEAR_LEVELS]  # what ``levels`` is, unless they are more
    cdef readonly Flow flow
    cdef Py_ssize_t _room
    cdef long long _id_reset_ms
    cdef Py_ssize_t before

    cdef void last(self, Book *book) noexcept
    cdef int keep(self, Book *book) except -1
    cdef bint accept(self, long long ms, bint has_id, long long update_id, notices) except -1
    cdef int follow(self, Book *now, Book *then) except -1
