# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The last numbers and their exact sum.

Owns the ring of numbers and the sum. What they mean is said at the twin, ``orderbook.windows.PlainWindow``: the same calls give
the same numbers.

The sum is held as numbers that do not overlap and whose exact sum it is (J. R. Shewchuk, "Adaptive precision floating-point
arithmetic and fast robust geometric predicates", 1997): adding to it and taking away from it loses nothing.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Realloc

from kernels.prefetch cimport ask_for

from kernels.decimals cimport put_decimals, put_integers, room

cdef enum:
    FIRST_ROOM = 4


cdef void *grown(void *old, Py_ssize_t size) except NULL:
    cdef void *new = PyMem_Realloc(old, size)
    if new is NULL:
        raise MemoryError()
    return new


cdef class Window:
    """See ``orderbook.windows.PlainWindow``."""

    def __cinit__(self, Py_ssize_t size):
        if size < 1:
            raise ValueError(f"expected a size of at least 1, received {size}")
        self._size = size

    def __dealloc__(self):
        PyMem_Free(self._ring)
        PyMem_Free(self._parts)

    def __len__(self):
        return self._count

    @property
    def values(self):
        cdef Py_ssize_t at
        return [self._ring[(self._first + at) % self._room].value for at in range(self._count)]

    @property
    def stamps(self):
        cdef Py_ssize_t at
        return [self._ring[(self._first + at) % self._room].at_ms for at in range(self._count)]

    @property
    def cuts(self):
        cdef Py_ssize_t at
        return [self._ring[(self._first + at) % self._room].cut_off for at in range(self._count)]

    def packed_values(self):
        return self._packed(b"v")

    def packed_stamps(self):
        return self._packed(b"s")

    cdef bytes _packed(self, char what):
        cdef Py_ssize_t spare = sizeof(double) * self._count
        cdef char *made = <char *>grown(NULL, spare + room(self._count))
        cdef char *out = made + spare
        cdef char *end = self.pack_values(out, made) if what == b"v" else self.pack_stamps(out, made)
        try:
            return PyBytes_FromStringAndSize(out, end - out)
        finally:
            PyMem_Free(made)

    cdef char *pack_values(self, char *out, char *spare) noexcept:
        """Write ``packed_values`` into ``room``; ``spare`` has eight bytes for each. Returns the end."""
        cdef Py_ssize_t at
        for at in range(self._count):
            (<double *>spare)[at] = self.at(at).value
        return put_decimals(out, spare, sizeof(double), self._count, False)

    cdef char *pack_stamps(self, char *out, char *spare) noexcept:
        """The same of ``packed_stamps``."""
        cdef Py_ssize_t at
        for at in range(self._count):
            (<long long *>spare)[at] = self.at(at).at_ms
        return put_integers(out, <long long *>spare, self._count)

    cdef char *pack_cuts(self, char *out, char *spare) noexcept:
        """The same of the marks."""
        cdef Py_ssize_t at
        for at in range(self._count):
            (<long long *>spare)[at] = self.at(at).cut_off
        return put_integers(out, <long long *>spare, self._count)

    @property
    def since_ms(self):
        return self.first_ms()

    def push(self, double value, long long at_ms=0, bint cut_off=False):
        self.add(value, at_ms, cut_off)

    def sum(self):
        return self.rounded()

    def sum_after(self, long long ms):
        self.forget(ms)
        return self.rounded()

    def clear(self):
        self._count = self._first = self._parts_count = self.cut_off = 0

    def not_after(self, long long ms):
        cdef Py_ssize_t at
        for at in range(self._count):
            held = &self._ring[(self._first + at) % self._room]
            held.at_ms = min(held.at_ms, ms)

    cdef void ask(self) noexcept:
        """Ask for the memory that the next steps will read: the sum's parts, both ends of the ring."""
        ask_for(self._parts)
        if self._room:
            ask_for(&self._ring[self._first])
            ask_for(&self._ring[(self._first + self._count) % self._room])

    cdef Py_ssize_t length(self) noexcept:
        return self._count

    cdef int add(self, double value, long long at_ms, bint cut_off) except -1:
        """See ``push``."""
        cdef Held *held
        if self._count == self._size:
            self._drop()
        elif self._count == self._room:
            self._grow()
        self._add(value)
        held = &self._ring[(self._first + self._count) % self._room]
        held.value, held.at_ms, held.cut_off = value + 0.0, at_ms, cut_off  # a state has no -0.0
        self._count += 1
        self.cut_off += cut_off
        return 0

    cdef int forget(self, long long ms) except -1:
        """Forget what came up to ``ms``."""
        while self._count and self._ring[self._first].at_ms <= ms:
            self._drop()
        return 0

    cdef Held *at(self, Py_ssize_t number) noexcept:
        """The number at a place that there is, the oldest first."""
        return &self._ring[(self._first + number) % self._room]

    cdef object first_ms(self):
        """See ``since_ms``."""
        return self._ring[self._first].at_ms if self._count else None

    cdef int _grow(self) except -1:
        """Twice the room; the numbers lie from its beginning then."""
        cdef Py_ssize_t room = min(max(2 * self._room, FIRST_ROOM), self._size), at
        cdef Held *ring = <Held *>grown(NULL, room * sizeof(Held))
        for at in range(self._count):
            ring[at] = self._ring[(self._first + at) % self._room]
        PyMem_Free(self._ring)
        self._ring, self._first, self._room = ring, 0, room
        return 0

    cdef int _drop(self) except -1:
        """Forget the oldest."""
        cdef Held *held = &self._ring[self._first]
        self._add(-held.value)
        self.cut_off -= held.cut_off
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

    cdef double rounded(self) noexcept:
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
