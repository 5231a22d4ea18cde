# A window's numbers, which may lie in somebody else's memory: then one look finds all of an instrument.

cdef enum:
    FEW = 4  # parts of a sum that need no memory of their own

cdef struct Held:
    double value
    long long at_ms
    bint cut_off

cdef struct Ring:
    Held *held
    double *parts  # of the sum, smallest first, none of them 0.0; NULL: they are ``few``
    int size, room, first, count, parts_room, parts_count
    Py_ssize_t cut_off  # how many are marked so
    long long first_ms  # of the oldest, where there is one
    double few[FEW]

cdef int add(Ring *ring, double value, long long at_ms, bint cut_off) except -1
cdef int forget(Ring *ring, long long ms) except -1  # what came up to ``ms``
cdef double rounded(Ring *ring) noexcept  # the sum

cdef inline Held *held_at(Ring *ring, int number) noexcept:
    """The number at a place that there is room for, the oldest first."""
    cdef int place = ring.first + number
    return &ring.held[place if place < ring.room else place - ring.room]

cdef class Window:
    cdef Ring *ring  # its own, or where it was moved to
    cdef Ring _own

    cdef bint is_lent(self) noexcept
    cdef void move(self, Ring *ring) noexcept  # it is the caller's to call ``take_back`` before that memory is gone
    cdef void take_back(self) noexcept
    cdef bytes _packed(self, char what)
    cdef char *pack_values(self, char *out, char *spare) noexcept
    cdef char *pack_stamps(self, char *out, char *spare) noexcept
    cdef char *pack_cuts(self, char *out, char *spare) noexcept
    cdef Py_ssize_t length(self) noexcept
