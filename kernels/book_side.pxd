"""What the sums of ``kernels.near_sums`` read of a side."""

cdef struct Level:
    double key
    double quantity

cdef struct Change:
    double key
    double before
    double after

cdef class BookSide:
    cdef Level *_levels  # keys rise; the best one is the last
    cdef Change *_log  # in their order; a key's first one tells what was there at the mark
    cdef Py_ssize_t _count, _room, _changes, _log_room, _compact_at, _kept
    cdef double _sign, _floor
    cdef public long long rebuilt

    cdef Py_ssize_t _find(self, double key) noexcept
    cdef double _quantity(self, double key) noexcept
    cdef int _set(self, double key, double quantity) except -1
    cdef int _note(self, double key, double before, double after) except -1
    cdef int _compact(self) except -1
    cdef int _make_room(self, Py_ssize_t count) except -1
    cdef int _fill(self, dict levels) except -1
    cdef int _shorten(self) except -1
