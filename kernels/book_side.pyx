# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One side of a full book as a sorted array of levels.

Owns the array, and the log of changes since the last mark. What they mean is said at the twin, ``orderbook.book.BookSide``:
the same calls give the same numbers.
"""

from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.math cimport INFINITY
from libc.string cimport memmove

from kernels.codec cimport put_float
from kernels.decimals cimport COUNT_BYTES, put_count, put_decimals, room
from kernels.states cimport Writer, hand_over, writer_of

cdef enum:
    LOG_ROOM = 1 << 14  # a longer log is looked through for prices that changed more than once


cdef void *grown(void *old, Py_ssize_t size) except NULL:
    cdef void *new = PyMem_Realloc(old, size)
    if new is NULL:
        raise MemoryError()
    return new


cdef class BookSide:
    """See ``orderbook.book.BookSide``."""

    def __cinit__(self, int sign, Py_ssize_t levels=20_000):
        self._sign = sign
        self._floor = -INFINITY
        self._kept = levels
        self._compact_at = LOG_ROOM

    def __dealloc__(self):
        PyMem_Free(self._levels)
        PyMem_Free(self._log)

    def __len__(self):
        return self._count

    @property
    def floor(self):
        return self._floor

    @property
    def quantities(self):
        cdef Py_ssize_t at
        return {self._levels[at].key: self._levels[at].quantity for at in range(self._count)}

    @property
    def undo(self):
        cdef dict first = {}
        cdef Py_ssize_t at
        for at in range(self._changes):
            first.setdefault(self._log[at].key, self._log[at].before)
        return first

    @property
    def best(self):
        return self._levels[self._count - 1].key * self._sign if self._count else None

    @property
    def best_level(self):
        if not self._count:
            return 0.0, 0.0
        return self._levels[self._count - 1].key * self._sign, self._levels[self._count - 1].quantity

    def covers(self, Py_ssize_t count):
        if self._floor == -INFINITY:
            return True
        return 0 < count <= self._count and self._levels[self._count - count].key >= self._floor

    def knows(self, double price):
        return price * self._sign >= self._floor

    def apply(self, changes):
        cdef double price, quantity
        for price, quantity in changes:
            self._set(price * self._sign, quantity)
        self._shorten()

    def replace(self, levels, *, bint cut_off=False):
        cdef double sign = self._sign
        self._fill({price * sign: quantity for price, quantity in levels if quantity > 0.0})
        self._floor = self._levels[0].key if cut_off and self._count else -INFINITY
        self._shorten()
        self._changes = 0
        self.rebuilt += 1

    def reconcile(self, levels, worst):
        cdef double sign = self._sign, floor = -INFINITY if worst is None else worst * sign
        told = {price * sign: quantity for price, quantity in levels.items() if quantity > 0.0}
        told = {key: quantity for key, quantity in told.items() if key >= floor}
        had = self.quantities
        own = {key: quantity for key, quantity in had.items() if key >= floor}
        known = max(floor, self._floor)
        both = [key for key in own.keys() | told.keys() if key >= known]
        equal = sum([own.get(key) == told.get(key) for key in both])
        self._fill({key: quantity for key, quantity in had.items() if key < floor} | told)
        self._floor = min(floor, self._floor)
        self._shorten()
        self.rebuilt += own != told
        return len(both), equal, own != told

    def mark(self):
        self._changes = 0

    def marked_through(self, double price):
        cdef double limit = price * self._sign, total = 0.0
        undone = self.undo
        for key in sorted([key for key, quantity in undone.items() if key >= limit and quantity > 0.0], reverse=True):
            total += undone[key]
        return total

    def top(self, Py_ssize_t count):
        cdef Py_ssize_t at
        cdef list flat = []
        for at in range(self._count - 1, max(self._count - count, 0) - 1, -1):
            flat.append(self._levels[at].key * self._sign)
            flat.append(self._levels[at].quantity)
        return flat

    def write_levels(self, out):
        cdef Writer state = writer_of(out)
        cdef Py_ssize_t count = self._count, size = sizeof(Level)
        cdef char *end = state.space(2 * room(count))
        end = put_decimals(end, <char *> self._levels, size, count, True)
        state.ends(put_decimals(end, <char *> self._levels + sizeof(double), size, count, False))
        hand_over(state, out)

    def read_levels(self, state, changes):
        cdef Py_ssize_t at
        cdef double sign = self._sign
        keys = state.take_decimals(steps=True)
        levels = dict(zip(keys, state.take_decimals(), strict=True))
        levels.update({price * sign: quantity for price, quantity in changes.items()})
        self._fill({key: quantity for key, quantity in levels.items() if quantity > 0.0})
        for at in range(self._changes):
            self._log[at].after = self._quantity(self._log[at].key)

    def write(self, out):
        cdef Writer state = writer_of(out)
        cdef dict undone = self.undo
        cdef Py_ssize_t count = 1 + 2 * len(undone)
        cdef char *end = put_float(put_count(state.space(COUNT_BYTES + count * sizeof(double)), count), self._floor)
        for key in undone:
            end = put_float(end, key)
        for before in undone.values():
            end = put_float(end, before)
        state.ends(end)
        hand_over(state, out)

    def read(self, state):
        cdef double key, before
        self._floor, *undone = state.take_floats()
        self._changes, half = 0, len(undone) // 2
        for key, before in zip(undone[:half], undone[half:], strict=True):
            self._note(key, before, 0.0)  # until the levels are read

    cdef Py_ssize_t _find(self, double key) noexcept:
        """Where ``key`` is, or would be: so many keys are less."""
        cdef Py_ssize_t low = 0, size = self._count, half
        while size > 0:
            half = size >> 1
            if self._levels[low + half].key < key:
                low += half + 1
                size -= half + 1
            else:
                size = half
        return low

    cdef double _quantity(self, double key) noexcept:
        cdef Py_ssize_t at = self._find(key)
        return self._levels[at].quantity if at < self._count and self._levels[at].key == key else 0.0

    cdef int _set(self, double key, double quantity) except -1:
        """Take one change, into the levels and into the log."""
        cdef Py_ssize_t at = self._find(key), behind = self._count - at
        cdef Level *place
        if behind and self._levels[at].key == key:
            place = self._levels + at
            self._note(key, place.quantity, quantity if quantity > 0.0 else 0.0)
            if quantity > 0.0:
                place.quantity = quantity
            else:
                memmove(place, place + 1, (behind - 1) * sizeof(Level))
                self._count -= 1
        elif quantity > 0.0:
            self._note(key, 0.0, quantity)
            self._make_room(self._count + 1)
            place = self._levels + at
            memmove(place + 1, place, behind * sizeof(Level))
            place.key, place.quantity = key, quantity
            self._count += 1
        else:
            self._note(key, 0.0, 0.0)
        return 0

    cdef int _note(self, double key, double before, double after) except -1:
        if self._changes >= self._compact_at:
            self._compact()
        if self._changes >= self._log_room:
            self._log = <Change *> grown(self._log, (2 * self._log_room + 64) * sizeof(Change))
            self._log_room = 2 * self._log_room + 64
        self._log[self._changes] = Change(key, before, after)
        self._changes += 1
        return 0

    cdef int _compact(self) except -1:
        """Of changes at the same price keep one: in a long crossed stretch there is no mark."""
        cdef Py_ssize_t count = 0
        cdef double key, before
        undone = self.undo
        for key, before in undone.items():
            self._log[count] = Change(key, before, self._quantity(key))
            count += 1
        self._changes = count
        self._compact_at = 2 * count + LOG_ROOM
        return 0

    cdef int _make_room(self, Py_ssize_t count) except -1:
        if count > self._room:
            self._levels = <Level *> grown(self._levels, (count + count // 4 + 16) * sizeof(Level))
            self._room = count + count // 4 + 16
        return 0

    cdef int _fill(self, dict levels) except -1:
        """Become these levels."""
        cdef Py_ssize_t at = 0
        self._make_room(len(levels))
        for key in sorted(levels):
            self._levels[at] = Level(key, levels[key])
            at += 1
        self._count = at
        return 0

    cdef int _shorten(self) except -1:
        """See ``orderbook.book.BookSide._prune``."""
        cdef Py_ssize_t at, gone = self._count - self._kept
        if 4 * self._count <= 5 * self._kept:
            return 0
        for at in range(gone):
            self._note(self._levels[at].key, self._levels[at].quantity, 0.0)
        memmove(self._levels, self._levels + gone, self._kept * sizeof(Level))
        self._count = self._kept
        self._floor = max(self._floor, self._levels[0].key)
        self.rebuilt += 1
        return 0

