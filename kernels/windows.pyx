# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The last numbers and their exact sum.

Owns the ring of numbers and the sum, wherever they lie. What they mean is said at the twin, ``orderbook.windows.PlainWindow``:
the same calls give the same numbers.

The sum is held as numbers that do not overlap and whose exact sum it is (J. R. Shewchuk, "Adaptive precision floating-point
arithmetic and fast robust geometric predicates", 1997): adding to it and taking away from it loses nothing.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.string cimport memcpy

from kernels.decimals cimport put_decimals, put_integers, room

cdef extern from "<limits.h>":
    const int INT_MAX

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
        if not 1 <= size <= INT_MAX // 2:
            raise ValueError(f"expected a size of 1 to {INT_MAX // 2}, received {size}")
        self.ring = &self._own
        self._own.size, self._own.parts_room = <int>size, FEW

    def __dealloc__(self):
        if self.ring != NULL:
            PyMem_Free(self.ring.held)
            PyMem_Free(self.ring.parts)

    def __len__(self):
        return self.ring.count

    @property
    def cut_off(self):
        return self.ring.cut_off

    @property
    def values(self):
        cdef int at
        return [held_at(self.ring, at).value for at in range(self.ring.count)]

    @property
    def stamps(self):
        cdef int at
        return [held_at(self.ring, at).at_ms for at in range(self.ring.count)]

    @property
    def cuts(self):
        cdef int at
        return [held_at(self.ring, at).cut_off for at in range(self.ring.count)]

    def packed_values(self):
        return self._packed(b"v")

    def packed_stamps(self):
        return self._packed(b"s")

    cdef bytes _packed(self, char what):
        cdef Py_ssize_t spare = sizeof(double) * self.ring.count
        cdef char *made = <char *>grown(NULL, spare + room(self.ring.count))
        cdef char *out = made + spare
        cdef char *end = self.pack_values(out, made) if what == b"v" else self.pack_stamps(out, made)
        try:
            return PyBytes_FromStringAndSize(out, end - out)
        finally:
            PyMem_Free(made)

    cdef char *pack_values(self, char *out, char *spare) noexcept:
        """Write ``packed_values`` into ``room``; ``spare`` has eight bytes for each. Returns the end."""
        cdef int at
        for at in range(self.ring.count):
            (<double *>spare)[at] = held_at(self.ring, at).value
        return put_decimals(out, spare, sizeof(double), self.ring.count, False)

    cdef char *pack_stamps(self, char *out, char *spare) noexcept:
        """The same of ``packed_stamps``."""
        cdef int at
        for at in range(self.ring.count):
            (<long long *>spare)[at] = held_at(self.ring, at).at_ms
        return put_integers(out, <long long *>spare, self.ring.count)

    cdef char *pack_cuts(self, char *out, char *spare) noexcept:
        """The same of the marks."""
        cdef int at
        for at in range(self.ring.count):
            (<long long *>spare)[at] = held_at(self.ring, at).cut_off
        return put_integers(out, <long long *>spare, self.ring.count)

    @property
    def since_ms(self):
        return self.ring.first_ms if self.ring.count else None

    def push(self, double value, long long at_ms=0, bint cut_off=False):
        add(self.ring, value, at_ms, cut_off)

    def sum(self):
        return rounded(self.ring)

    def sum_after(self, long long ms):
        forget(self.ring, ms)
        return rounded(self.ring)

    def clear(self):
        self.ring.count = self.ring.first = self.ring.parts_count = 0
        self.ring.cut_off = 0

    def not_after(self, long long ms):
        cdef int at
        for at in range(self.ring.count):
            held = held_at(self.ring, at)
            held.at_ms = min(held.at_ms, ms)
        self.ring.first_ms = min(self.ring.first_ms, ms)

    cdef bint is_lent(self) noexcept:
        return self.ring != &self._own

    cdef void move(self, Ring *ring) noexcept:
        """To lie there from now on."""
        ring[0] = self.ring[0]
        self.ring = ring

    cdef void take_back(self) noexcept:
        if self.is_lent():
            self.move(&self._own)

    cdef Py_ssize_t length(self) noexcept:
        return self.ring.count


cdef int add(Ring *ring, double value, long long at_ms, bint cut_off) except -1:
    """See ``push``."""
    cdef Held *held
    if ring.count == ring.size:
        drop(ring)
    elif ring.count == ring.room:
        grow(ring)
    add_to_sum(ring, value)
    held = held_at(ring, ring.count)
    held.value, held.at_ms, held.cut_off = value + 0.0, at_ms, cut_off  # a state has no -0.0
    if not ring.count:
        ring.first_ms = at_ms
    ring.count += 1
    ring.cut_off += cut_off
    return 0


cdef int forget(Ring *ring, long long ms) except -1:
    """Forget what came up to ``ms``."""
    while ring.count and ring.first_ms <= ms:
        drop(ring)
    return 0


cdef int grow(Ring *ring) except -1:
    """Twice the room; the numbers lie from its beginning then."""
    cdef int room = min(max(2 * ring.room, <int>FIRST_ROOM), ring.size), at
    cdef Held *held = <Held *>grown(NULL, room * sizeof(Held))
    for at in range(ring.count):
        held[at] = held_at(ring, at)[0]
    PyMem_Free(ring.held)
    ring.held, ring.first, ring.room = held, 0, room
    return 0


cdef int drop(Ring *ring) except -1:
    """Forget the oldest."""
    cdef Held *held = &ring.held[ring.first]
    add_to_sum(ring, -held.value)
    ring.cut_off -= held.cut_off
    ring.first = ring.first + 1 if ring.first + 1 < ring.room else 0
    ring.count -= 1
    if ring.count:
        ring.first_ms = ring.held[ring.first].at_ms
    return 0


cdef inline double *parts_of(Ring *ring) noexcept:
    return ring.parts if ring.parts != NULL else ring.few


cdef int add_to_sum(Ring *ring, double value) except -1:
    """Add to the parts: what a rounded addition loses stays as a part of its own."""
    cdef int at, kept = 0
    cdef double part, total, larger, smaller, lost
    cdef double *parts
    if ring.parts_count == ring.parts_room:
        more_parts(ring)
    parts = parts_of(ring)
    for at in range(ring.parts_count):
        part = parts[at]
        larger, smaller = (part, value) if abs(part) > abs(value) else (value, part)
        total = larger + smaller
        lost = smaller - (total - larger)
        if lost != 0.0:
            parts[kept] = lost
            kept += 1
        value = total
    if value != 0.0:
        parts[kept] = value
        kept += 1
    ring.parts_count = kept
    return 0


cdef int more_parts(Ring *ring) except -1:
    """Twice the room for parts, in memory of their own."""
    cdef double *parts = <double *>grown(ring.parts, 2 * ring.parts_room * sizeof(double))
    if ring.parts == NULL:
        memcpy(parts, ring.few, sizeof(ring.few))
    ring.parts, ring.parts_room = parts, 2 * ring.parts_room
    return 0


cdef double rounded(Ring *ring) noexcept:
    """The sum of the parts, rounded once: a tie goes to even, unless what is below it says otherwise."""
    cdef int at = ring.parts_count - 1
    cdef double total, before, lost = 0.0, further
    cdef double *parts = parts_of(ring)
    if at < 0:
        return 0.0
    total = parts[at]
    while at > 0 and lost == 0.0:
        at -= 1
        before = total
        total = before + parts[at]
        lost = parts[at] - (total - before)
    if at > 0 and lost != 0.0 and (lost < 0.0) == (parts[at - 1] < 0.0):
        further = total + 2.0 * lost
        if further - total == 2.0 * lost:  # half a step exactly, and more of the same sign below
            return further
    return total
