from kernels.block cimport Book
from kernels.flow cimport Flow

cdef enum:
    # Codes of the states.
    LIVE, ONE_SIDED, EMPTY, CROSSED

cdef class Lane:
    cdef readonly Flow flow
    cdef public long long seq, last_id, clock_ms
    cdef public double contract_size  # NaN: quantities are base units
    cdef public bint told
    cdef public object partition, mark
    cdef double *levels  # of the predecessor, in one piece
    cdef Py_ssize_t width, _room
    cdef long long _id_reset_ms
    cdef Py_ssize_t before

    cdef void last(self, Book *book) noexcept
    cdef int keep(self, Book *book) except -1
    cdef bint accept(self, long long ms, bint has_id, long long update_id, notices) except -1
    cdef int follow(self, Book *now, Book *then) except -1
