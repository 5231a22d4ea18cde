from kernels.windows cimport Ring, Window

cdef enum:
    KEPT_MS = 1024

cdef class Decay:
    cdef object _factors
    cdef double[KEPT_MS] _kept

    cdef double after(self, long long ms) except? -1.0

cdef struct Numbers:
    # Of a flow. They may lie in somebody else's memory, as those of its windows.
    long long clock_ms, taken_ms
    double bid, bid_quantity, ask, ask_quantity, ofi_fast, ofi_slow, ofi
    Py_ssize_t place
    bint known, compared, swept
    Ring events, second

cdef int note(Numbers *flow, double amount, bint cut_off) except -1
cdef int follow(
    Numbers *flow, Decay fast, Decay slow, double bid, double bid_quantity, double ask, double ask_quantity
) except -1
cdef double ofi_now(Numbers *flow) noexcept

cdef class Flow:
    cdef readonly Window events, second
    cdef Numbers *numbers  # its own, or where they were moved to
    cdef Numbers _own
    cdef Py_ssize_t _nowhere
    cdef long long _clock_reset_ms
    cdef object _aggression
    cdef Decay fast, slow

    cdef bint is_lent(self) noexcept
    cdef void move(self, Numbers *numbers) noexcept  # it is the caller's to call ``take_back`` before that memory is gone
    cdef void take_back(self) noexcept
    cdef Py_ssize_t room(self) noexcept
    cdef Py_ssize_t spare(self) noexcept
    cdef char *pack(self, char *out, char *spare) noexcept
