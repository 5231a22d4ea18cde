from kernels.windows cimport Window

cdef enum:
    KEPT_MS = 1024

cdef class Decay:
    cdef object _factors
    cdef double[KEPT_MS] _kept

    cdef double after(self, long long ms) except? -1.0

cdef class Flow:
    cdef readonly Window events, second
    cdef public long long clock_ms, taken_ms
    cdef public double bid, bid_quantity, ask, ask_quantity, ofi_fast, ofi_slow
    cdef public Py_ssize_t place
    cdef public bint known
    cdef double _ofi
    cdef bint _compared
    cdef Py_ssize_t _nowhere
    cdef long long _clock_reset_ms
    cdef object _aggression
    cdef Decay _fast, _slow
    cdef readonly bint swept

    cdef object ofi_of(self)
    cdef double ofi_now(self) noexcept
    cdef int note(self, double amount, bint cut_off) except -1
    cdef int follow(self, double bid, double bid_quantity, double ask, double ask_quantity) except -1
    cdef Py_ssize_t room(self) noexcept
    cdef Py_ssize_t spare(self) noexcept
    cdef char *pack(self, char *out, char *spare) noexcept
