# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Exact sums over the levels of one side that are near.

Owns the accumulators. What is summed is said at the twin, ``orderbook.near.PlainSums``: the same calls give the same numbers.

An accumulator is a fixed-point number wide enough for any float64: 32 bits in each of 68 chunks of 64 bits, whose carries
are propagated when the sum is asked for (R. Neal, "Fast exact summation using small and large superaccumulators", 2015).
"""

from libc.math cimport fabs, frexp, ldexp
from libc.string cimport memcpy, memset

from kernels.book_side cimport BookSide, Change, Level

cdef enum:
    BANDS = 3
    CHUNKS = 68
    BIAS = 1075  # the first bit of the first chunk is worth 2 ** -BIAS
    CARRIES_DUE = 1 << 28  # a chunk takes twice as many numbers twice over without carrying

ctypedef unsigned long long Bits


cdef class Sums:
    """See ``orderbook.near.PlainSums``."""

    cdef public bint known
    cdef BookSide _side
    cdef double _limits[BANDS]
    cdef long long _totals[BANDS][CHUNKS]
    cdef int _low, _high  # chunks that are used
    cdef Py_ssize_t _pending  # changes since the carries were propagated
    cdef bint _per_price
    cdef double _size

    def __cinit__(self, BookSide side not None):
        self._side = side
        self._per_price = True

    def within(self, list limits, size):
        cdef double new[BANDS]
        cdef int band
        for band in range(BANDS):
            new[band] = limits[band]
        if self._per_price != (size is None) or (size is not None and self._size != size):
            self._per_price, self._size, self.known = size is None, 0.0 if size is None else size, False
        self.changed()
        if self.known:
            self._move(new)
        else:
            self._add_up(new)
        values = self._rounded_all()
        return [values[band] if new[band] >= self._side._floor else None for band in range(BANDS)]

    def changed(self):
        try:
            self._take_changes()
        except OverflowError:  # what is worth so much may be gone again
            self.known = False

    cdef int _take_changes(self) except -1:
        """The innermost loop. A price that changed twice is counted twice, and what was between cancels out."""
        cdef Py_ssize_t at
        cdef Change *change
        if not self.known:
            return 0
        for at in range(self._side._changes):
            change = self._side._log + at
            if change.key >= self._limits[BANDS - 1] and change.before != change.after:
                self._count(change.key, change.after, 1)
                self._count(change.key, change.before, -1)
        self._pending += self._side._changes
        if self._pending > CARRIES_DUE:
            self._rounded_all()
        return 0

    cdef int _count(self, double key, double quantity, int sign) except -1:
        """Add a level to the bands that it lies in, or take it away."""
        cdef int band
        for band in range(BANDS - 1, -1, -1):
            if key < self._limits[band]:
                break
            self._add(band, self._worth(key, quantity), sign)
        return 0

    cdef double _worth(self, double key, double quantity) noexcept:
        return (fabs(key) if self._per_price else self._size) * quantity

    cdef int _move(self, double *limits) except -1:
        """Take in, and let go of, the levels between the old limits and the new ones."""
        cdef int band, sign
        cdef double new, old
        cdef Level *level
        cdef Level *end
        for band in range(BANDS):
            new, old = limits[band], self._limits[band]
            if new == old:
                continue
            sign = 1 if new < old else -1
            level = self._side._levels + self._side._find(min(new, old))
            end = self._side._levels + self._side._find(max(new, old))
            while level < end:
                self._add(band, self._worth(level.key, level.quantity), sign)
                level += 1
            self._limits[band] = new
        return 0

    cdef int _add_up(self, double *limits) except -1:
        """Begin anew."""
        cdef Py_ssize_t at
        cdef BookSide side = self._side
        memset(self._totals, 0, sizeof(self._totals))
        memcpy(self._limits, limits, sizeof(self._limits))
        self._low, self._high = CHUNKS, 0
        for at in range(side._find(limits[BANDS - 1]), side._count):
            self._count(side._levels[at].key, side._levels[at].quantity, 1)
        self.known = True
        return 0

    cdef int _add(self, int band, double worth, int sign) except -1:
        cdef Bits bits, mantissa
        cdef int exponent, shift, first
        cdef long long *chunk
        memcpy(&bits, &worth, sizeof(bits))
        exponent = <int> (bits >> 52)
        if exponent >= 2047:
            self.known = False
            raise OverflowError(f"expected a finite worth, not negative, received {worth}")
        mantissa = bits & ((<Bits> 1 << 52) - 1)
        if exponent:
            mantissa |= <Bits> 1 << 52
        else:
            exponent = 1
        shift, first = exponent & 31, exponent >> 5
        chunk = self._totals[band] + first
        bits = mantissa << shift
        chunk[0] += sign * <long long> (bits & 0xFFFFFFFFU)
        chunk[1] += sign * <long long> (bits >> 32)
        if shift:
            chunk[2] += sign * <long long> (mantissa >> (64 - shift))
        self._low, self._high = min(self._low, first), max(self._high, first + 2)
        return 0

    cdef list _rounded_all(self):
        self._pending = 0
        return [self._rounded(band) for band in range(BANDS)]

    cdef double _rounded(self, int band) noexcept:
        """The sum, rounded once, half to even; its carries are propagated."""
        cdef long long *chunk = self._totals[band]
        cdef long long carry = 0
        cdef int at, top = min(self._high + 1, CHUNKS - 1), length
        cdef Bits head, rest
        for at in range(self._low, top + 1):
            carry += chunk[at]
            chunk[at] = carry & 0xFFFFFFFF
            carry >>= 32
        if chunk[top]:
            self._high = top
        while top >= self._low and not chunk[top]:
            top -= 1
        if top < self._low:
            return 0.0
        frexp(<double> chunk[top], &length)
        head = (<Bits> chunk[top] << 32 | <Bits> (chunk[top - 1] if top else 0)) << (32 - length)
        rest = <Bits> (chunk[top - 2] if top > 1 else 0) << (32 - length)
        head |= rest >> 32 | ((rest & 0xFFFFFFFFU) != 0)
        for at in range(self._low, top - 2):
            head |= chunk[at] != 0
        return ldexp(<double> head, 32 * (top - 1) - (32 - length) - BIAS)
