# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What was told last of each price, and by which difference.

Owns a table of prices in the order in which they were last told, and an index of it (open addressing). A price that is told
again gets a new entry, and its old one is left dead until the table is full. What it is for is said at the twin,
``orderbook.told.PlainTold``: the same calls give the same numbers.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Realloc
from libc.string cimport memcpy

from kernels.decimals cimport put_decimals, put_integers, room
from kernels.states cimport Writer, hand_over, writer_of

ctypedef unsigned long long Bits

cdef enum:
    ALIGNED = 8
    NOWHERE = -1
    DEAD = -1  # in the place of a number: the price was told again

cdef struct Entry:
    double price
    double quantity
    long long number

cdef struct Gathered:
    double *prices
    double *quantities
    Py_ssize_t size
    long long *marks  # of differences
    long long *counts  # of the prices that each told
    Py_ssize_t groups


cdef void lay(char *memory, Py_ssize_t count, Gathered *told) noexcept:
    """Have so many of each there, at the next place where they may lie."""
    cdef char *begin = memory + ALIGNED - <Py_ssize_t> (<size_t> memory % ALIGNED)
    told.prices, told.quantities = <double *> begin, <double *> begin + count
    told.marks, told.counts = <long long *> begin + 2 * count, <long long *> begin + 3 * count


cdef class Told:
    """See ``orderbook.told.PlainTold``."""

    cdef Entry *_entries
    cdef int *_index  # 2 * _room places: 1 + the entry's place, 0 where there is none
    cdef Py_ssize_t _count, _live, _room  # entries, those that are not dead, room for them
    cdef Py_ssize_t _first  # place that was looked for last, or NOWHERE
    cdef long long _first_number  # of what
    cdef int _shift  # a price's place is in so many bits less of its hash

    def __cinit__(self):
        self._first = NOWHERE

    def __dealloc__(self):
        PyMem_Free(self._entries)
        PyMem_Free(self._index)

    def __len__(self):
        return self._live

    def take(self, changes, long long number):
        cdef double price, quantity
        for price, quantity in changes:
            self._put(price, quantity, number)

    def since(self, long long number):
        cdef Py_ssize_t at
        return {
            self._entries[at].price: self._entries[at].quantity
            for at in range(self._count)
            if self._entries[at].number >= max(number, 0)
        }

    def forget(self, long long before):
        self._keep(max(before, 0))
        self._make_room(2 * self._count)

    cdef void _keep(self, long long before) noexcept:
        """Only what was told by this difference and later ones; the index is old then."""
        cdef Py_ssize_t at, kept = 0
        for at in range(self._count):
            if self._entries[at].number >= before:
                self._entries[kept] = self._entries[at]
                kept += 1
        self._count = self._live = kept
        self._first = NOWHERE

    def write(self, out, long long oldest, long long number):
        cdef Writer state = writer_of(out)
        cdef Py_ssize_t first = self._since(number), count = self._count - first
        cdef Gathered told
        cdef char *end = state.space(4 * room(count) + ALIGNED + 4 * 8 * count)
        lay(end + 4 * room(count), count, &told)
        self._gather(first, oldest, &told)
        end = put_decimals(end, <char *> told.prices, 8, told.size, True)
        end = put_decimals(end, <char *> told.quantities, 8, told.size, False)
        state.ends(put_integers(put_integers(end, told.marks, told.groups), told.counts, told.groups))
        hand_over(state, out)

    cdef Py_ssize_t _since(self, long long number) noexcept:
        """Before which place there is nothing that this difference or a later one told.

        Looked for from the end; but states ask for the same one again and again, and what comes is put behind.
        """
        cdef Py_ssize_t at = self._count
        if self._first != NOWHERE and self._first_number == number:
            return self._first
        while at > 0 and (self._entries[at - 1].number == DEAD or self._entries[at - 1].number >= number):
            at -= 1
        if at < self._count:  # so what comes is of this difference or later ones
            self._first, self._first_number = at, number
        return at

    cdef void _gather(self, Py_ssize_t first, long long oldest, Gathered *told) noexcept:
        """What is not dead from this place on; there is room for it. Whether one is dead is not branched on: that is any one's guess."""
        cdef Entry *entry
        cdef Py_ssize_t at, size = 0, groups = 0
        cdef long long newest = -1
        cdef bint alive
        for at in range(first, self._count):
            entry = self._entries + at
            alive = entry.number != DEAD
            told.prices[size], told.quantities[size] = entry.price, entry.quantity
            if alive & (entry.number > newest):
                newest = max(entry.number, oldest - 1)
                told.marks[groups], told.counts[groups] = newest - oldest + 1, -size
                if groups:
                    told.counts[groups - 1] += size
                groups += 1
            size += alive
        if groups:
            told.counts[groups - 1] += size
        told.size, told.groups = size, groups

    cdef int _put(self, double price, double quantity, long long number) except -1:
        cdef Py_ssize_t place
        cdef Entry *entry
        if self._count == self._room:
            self._keep(0)
            self._make_room(2 * self._count)
        place = self._place(price)
        if self._index[place]:
            self._entries[self._index[place] - 1].number = DEAD
        else:
            self._live += 1
        entry = self._entries + self._count
        entry.price, entry.quantity, entry.number = price, quantity, number
        self._count += 1
        self._index[place] = <int> self._count
        return 0

    cdef Py_ssize_t _place(self, double price) noexcept:
        """Where the index has this price, or has room for it: half of all places are free."""
        cdef Bits bits
        cdef Py_ssize_t mask = 2 * self._room - 1, place
        cdef int found
        price += 0.0  # -0.0 is 0.0
        memcpy(&bits, &price, sizeof(bits))
        place = <Py_ssize_t> (bits * <Bits> 0x9E3779B97F4A7C15 >> self._shift)
        while True:
            found = self._index[place]
            if not found or self._entries[found - 1].price == price:
                return place
            place = (place + 1) & mask

    cdef int _make_room(self, Py_ssize_t wanted) except -1:
        """Room for so many entries, as a power of two, and the index anew."""
        cdef Py_ssize_t at, room = 32
        cdef int shift = 64 - 6  # of twice as many places
        cdef int *index
        cdef void *entries
        while room < wanted:
            room *= 2
            shift -= 1
        index = <int *> PyMem_Calloc(2 * room, sizeof(int))
        if index is NULL:
            raise MemoryError()
        entries = PyMem_Realloc(self._entries, room * sizeof(Entry))
        if entries is NULL:
            PyMem_Free(index)
            raise MemoryError()
        PyMem_Free(self._index)
        self._entries, self._index, self._room, self._shift = <Entry *> entries, index, room, shift
        for at in range(self._count):
            self._index[self._place(self._entries[at].price)] = <int> (at + 1)
        return 0
