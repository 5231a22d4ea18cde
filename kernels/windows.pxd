cdef struct Held:
    double value
    long long at_ms
    bint cut_off

cdef class Window:
    cdef Held *_ring
    cdef double *_parts  # of the sum, smallest first, none of them 0.0
    cdef Py_ssize_t _size, _room, _first, _count, _parts_room, _parts_count
    cdef readonly Py_ssize_t cut_off

    cdef bytes _packed(self, char what)
    cdef void ask(self) noexcept
    cdef char *pack_values(self, char *out, char *spare) noexcept
    cdef char *pack_stamps(self, char *out, char *spare) noexcept
    cdef char *pack_cuts(self, char *out, char *spare) noexcept
    cdef Py_ssize_t length(self) noexcept
    cdef int add(self, double value, long long at_ms, bint cut_off) except -1
    cdef int forget(self, long long ms) except -1
    cdef Held *at(self, Py_ssize_t number) noexcept
    cdef object first_ms(self)
    cdef double rounded(self) noexcept
    cdef int _grow(self) except -1
    cdef int _drop(self) except -1
    cdef int _add(self, double value) except -1
