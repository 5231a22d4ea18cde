# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The last numbers and their exact sum.

Owns the ring of numbers and the sum. What they mean is said at the twin, ``orderbook.windows.PlainWindow``: the same calls give
the same numbers.

The sum is held as numbers that do not overlap and whose exact sum it is (J. R. Shewchuk, "Adaptive precision floating-point
arithmetic and fast robust geometric predicates", 1997): adding to it and taking away from it loses nothing.
"""

from cpython.mem cimport PyMem_Free, PyMem_Realloc

cdef enum:
    FIRST_ROOM = 4


cdef void *grown(void *old, Py_ssize_t size) except NULL:
    cdef void *new = PyMem_Realloc(old, size)
    if new is NULL:
        raise MemoryError()
    return new


cdef class Window:
    """See ``orderbook.windows.PlainWindow``."""

    cdef double *_values  # a ring, as the stamps are
    cdef long long *_stamps
    cdef double *_parts  # of the sum, smallest first, none of them 0.0
    cdef Py_ssize_t _size, _room, _first, _count, _parts_room, _parts_count

    def __cinit__(self, Py_ssize_t size):
        if size < 1:
            raise ValueError(f"expected a size of at least 1, received {size}")
        self._size = size

    def __dealloc__(self):
        PyMem_Free(self._values)
        PyMem_Free(self._stamps)
        PyMem_Free(self._parts)

    def __len__(self):
        return self._count

    @property
    def values(self):
        cdef Py_ssize_t at
        return [self._values[(self._first + at) % self._room] for at in range(self._count)]

    @property
    def stamps(self):
        cdef Py_ssize_t at
        return [self._stamps[(self._first + at) % self._room] for at in range(self._count)]

    def push(self, double value, long long at_ms=0):
        cdef Py_ssize_t place
        if self._count == self._size:
            self._drop()
        elif self._count == self._room:
            self._grow()
        place = (self._first + self._count) % self._room
        self._add(value)
        self._values[place] = value
        self._stamps[place] = at_ms
        self._count += 1

    def sum(self):
        return self._rounded()

    def sum_after(self, long long ms):
        while self._count and self._stamps[self._first] <= ms:
            self._drop()
        return self._rounded()

    def clear(self):
        self._count = self._first = self._parts_count = 0

    cdef int _grow(self) except -1:
        """Twice the room; the numbers lie from its beginning then."""
        cdef Py_ssize_t room = min(max(2 * self._room, FIRST_ROOM), self._size), at
        values, stamps = self.values, self.stamps
        self._values = <double *>grown(self._values, room * sizeof(double))
        self._stamps = <long long *>grown(self._stamps, room * sizeof(long long))
        for at in range(self._count):
            self._values[at] = values[at]
            self._stamps[at] = stamps[at]
        self._first, self._room = 0, room
        return 0

    cdef int _drop(self) except -1:
        """Forget the oldest."""
        cdef double value = self._values[self._first]
        self._add(-value)
        self._first = (self._first + 1) % self._room
        self._count -= 1
        return 0

    cdef int _add(self, double value) except -1:
        """Add to the parts: what a rounded addition loses stays as a part of its own."""
        cdef Py_ssize_t at, kept = 0
        cdef double part, total, larger, smaller, lost
        if self._parts_count + 1 > self._parts_room:
            self._parts_room = 2 * self._parts_room + FIRST_ROOM
            self._parts = <double *>grown(self._parts, self._parts_room * sizeof(double))
        for at in range(self._parts_count):
            part = self._parts[at]
            larger, smaller = (part, value) if abs(part) > abs(value) else (value, part)
            total = larger + smaller
            lost = smaller - (total - larger)
            if lost != 0.0:
                self._parts[kept] = lost
                kept += 1
            value = total
        if value != 0.0:
            self._parts[kept] = value
            kept += 1
        self._parts_count = kept
        return 0

    cdef double _rounded(self) noexcept:
        """The sum of the parts, rounded once: a tie goes to even, unless what is below it says otherwise."""
        cdef Py_ssize_t at = self._parts_count - 1
        cdef double total, before, lost = 0.0, further
        if at < 0:
            return 0.0
        total = self._parts[at]
        while at > 0 and lost == 0.0:
            at -= 1
            before = total
            total = before + self._parts[at]
            lost = self._parts[at] - (total - before)
        if at > 0 and lost != 0.0 and (lost < 0.0) == (self._parts[at - 1] < 0.0):
            further = total + 2.0 * lost
            if further - total == 2.0 * lost:  # half a step exactly, and more of the same sign below
                return further
        return total
