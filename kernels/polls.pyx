# cython: wraparound=False, cdivision=True
"""The messages of one poll, read at once and put in order.

Owns three steps, with the caller's decisions between them. ``Scan(...)`` reads what is in the known spelling and tells the
distinct identities; ``settle`` takes those messages whose identity the caller knows, and that are what it says they are;
``finish`` makes their events and lines up all events, the caller's own too. What is not taken is the caller's to read.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Realloc
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy

from kernels.rows cimport *
from kernels.spelling cimport *

# What an identity says its messages are. Changes are LINKED (the previous id is required), FREE (it is ignored) or neither.
BOOK, CHANGE, LINKED, FREE = A_BOOK, A_CHANGE, A_LINKED, A_FREE
QUOTE, TRADE, AGG_TRADE = A_QUOTE, A_TRADE, AN_AGG_TRADE

# The fields by their bits.
NAMES = tuple("E T u U pu lastUpdateId t a e s b a bids asks b B a A p q m X".split())


def names_of(uint32_t fields) -> list[str]:
    """The names of an identity's fields."""
    return [name for bit, name in enumerate(NAMES) if fields >> bit & 1]


cdef class Scan:
    """The messages of one poll, as far as their spelling is known.

    Attributes:
        identities: Of each distinct (told, partition, ``e``, fields), in the order of their first messages. Told is (key,
            envelope's stream, header's stream, ``s``, None); fields is for ``names_of``.
    """

    cdef Row *rows
    cdef Py_ssize_t *table
    cdef Py_ssize_t size
    cdef Py_ssize_t room
    cdef uint64_t mask
    cdef Numbers numbers
    cdef list offsets
    cdef list timestamps_ms
    cdef list plans
    cdef readonly list identities

    def __cinit__(self, list values, list keys, list headers, list partitions, list offsets, list timestamps_ms,
                  Py_ssize_t most_bytes, Py_ssize_t most_levels):
        cdef Py_ssize_t index
        self.size = len(values)
        if not self.size == len(keys) == len(headers) == len(partitions) == len(offsets) == len(timestamps_ms):
            raise ValueError("expected columns of one length")
        self.offsets, self.timestamps_ms, self.identities = offsets, timestamps_ms, []
        self.numbers.most_levels = most_levels
        self.mask = 1
        while self.mask < 2 * <uint64_t>self.size:
            self.mask *= 2
        self.rows = <Row *>PyMem_Calloc(self.size + 1, sizeof(Row))
        self.table = <Py_ssize_t *>PyMem_Calloc(self.mask, sizeof(Py_ssize_t))
        if self.rows == NULL or self.table == NULL:
            raise MemoryError
        self.mask -= 1
        for index in range(self.size):
            value, key = values[index], keys[index]
            if type(value) is bytes and len(<bytes>value) <= most_bytes and (key is None or type(key) is bytes):
                self._read(index, <bytes>value, key, headers[index], partitions[index])

    def __dealloc__(self):
        PyMem_Free(self.rows)
        PyMem_Free(self.table)
        PyMem_Free(self.numbers.data)

    cdef int _read(self, Py_ssize_t index, bytes value, key, headers, partition) except -1:
        """Read one message, if it is one that we know, and find its identity."""
        cdef Row *row = &self.rows[index]
        cdef Row *other
        cdef Py_ssize_t used = self.numbers.used
        self._make_room(2 * (len(value) // 9 + 1))
        if not read_row(row, value, key, headers, partition, self.timestamps_ms[index], &self.numbers):
            self.numbers.used = used
            return 0
        # The table has more places than there are messages, so one is empty.
        cdef uint64_t place = row.hash & self.mask
        while self.table[place]:
            other = &self.rows[self.table[place] - 1]
            if is_same(row, other):
                row.identity = other.identity
                return 0
            place = (place + 1) & self.mask
        self.table[place] = index + 1
        row.identity = len(self.identities)
        self.identities.append(identity_of(row, key, partition))
        return 0

    cdef int _make_room(self, Py_ssize_t more) except -1:
        """Room for so many more numbers."""
        if self.numbers.used + more <= self.room:
            return 0
        cdef Py_ssize_t room = 2 * self.room + more
        data = <double *>PyMem_Realloc(self.numbers.data, room * sizeof(double))
        if data == NULL:
            raise MemoryError
        self.numbers.data, self.room = data, room
        return 0

    def settle(self, list plans, list slots) -> list[int]:
        """Take the messages that are what their identity says, and note their slots.

        Args:
            plans: For each identity (slot, one of the layouts, class of the events), or None.
            slots: One for each message; those that are taken get theirs.

        Returns:
            The indexes of all others, rising.
        """
        cdef Py_ssize_t index
        cdef Row *row
        cdef Layout layout
        cdef list rest = []
        if len(plans) != len(self.identities) or len(slots) != self.size:
            raise ValueError("expected a plan for each identity, and a slot for each message")
        self.plans = list(plans)
        for index in range(self.size):
            row = &self.rows[index]
            plan = plans[row.identity] if row.known else None
            if plan is not None:
                layout = <Layout><int>(<tuple?>plan)[1]
                if fits(row, layout):
                    row.layout = layout
                    slots[index] = (<tuple>plan)[0]
                    continue
            rest.append(index)
        return rest

    def finish(self, list slots, list events, dict drafts, Py_ssize_t groups, Py_ssize_t most_width, type book) -> tuple:
        """All events, slot by slot.

        Args:
            slots: Of each message; negative without an event.
            events: The caller's; None for drafts, and for what was taken here.
            drafts: The caller's books by index: (six fields, bids, asks).
            groups: Number of slots.
            most_width: Levels of a book that are kept.
            book: Class of the drafts' events.

        Returns:
            (a list of events for each slot, the slots in the order of their first events, the first row of each slot and
            the end, levels: float64 of shape (rows, 2, width, 2), slot by slot).
        """
        cdef Py_ssize_t index, slot, place
        cdef Row *row
        cdef list lined = [[] for _ in range(groups)]
        cdef list order = []
        if len(slots) != self.size or len(events) != self.size:
            raise ValueError("expected a slot and an event for each message")
        starts, block = self._lay_out(slots, events, drafts, groups, most_width)
        cdef Py_ssize_t[::1] free = numpy.array(starts, dtype=numpy.intp)
        cdef double[:, :, :, ::1] levels = block
        for index in range(self.size):
            row = &self.rows[index]
            slot = row.slot
            if slot < 0:
                continue
            if row.layout == A_BOOK:
                place = free[slot] - <Py_ssize_t>starts[slot]
                self._copy(&row.message.bids, &levels[free[slot], 0, 0, 0], levels.shape[2])
                self._copy(&row.message.asks, &levels[free[slot], 1, 0, 0], levels.shape[2])
                free[slot] += 1
                event = self._book(index, row, place)
            elif row.layout != LEFT_OUT:
                event = self._event(index, row)
            else:
                event = events[index]
                if event is None:
                    draft = drafts[index]
                    place = free[slot] - <Py_ssize_t>starts[slot]
                    copy_draft(draft, levels[free[slot]])
                    free[slot] += 1
                    event = tuple.__new__(book, (*draft[:6], place))
            if not (<list>lined[slot]):
                order.append(slot)
            (<list>lined[slot]).append(event)
        return lined, order, starts, block

    cdef tuple _lay_out(self, list slots, list events, dict drafts, Py_ssize_t groups, Py_ssize_t most_width):
        """(first row of each slot and the end, block without content)."""
        cdef Py_ssize_t index, widest = 1, total = 0
        cdef Row *row
        cdef list counts = [0] * groups
        for index in range(self.size):
            row = &self.rows[index]
            row.slot = slots[index]
            if row.slot >= groups:
                raise ValueError("expected slots below the number of groups")
            if row.slot < 0 or (row.layout == LEFT_OUT and events[index] is not None) or row.layout > A_BOOK:
                continue
            counts[row.slot] += 1
            if row.layout == A_BOOK:
                widest = max(widest, row.message.bids.count, row.message.asks.count)
            else:
                draft = drafts[index]
                widest = max(widest, len(draft[6]), len(draft[7]))
        starts = [0]
        for count in counts:
            total += count
            starts.append(total)
        return starts, numpy.empty((total, 2, min(widest, most_width), 2))

    cdef void _copy(self, Side *side, double *to, Py_ssize_t width) noexcept:
        """One side of a book into the block; absent levels are 0."""
        cdef Py_ssize_t count = min(side.count, width)
        memcpy(to, self.numbers.data + side.start, 2 * count * sizeof(double))
        memset(to + 2 * count, 0, 2 * (width - count) * sizeof(double))

    cdef _book(self, Py_ssize_t index, Row *row, Py_ssize_t place):
        cdef Message *m = &row.message
        cdef int64_t book_id = m.ids[BOOK_ID] if m.fields & HAS_BOOK_ID else m.ids[LAST_ID]
        return tuple.__new__(
            self._class(row), (self.offsets[index], self.timestamps_ms[index], time_of(row), id_of(m, EVENT_TIME),
                               id_of(m, TRANSACTION_TIME), book_id, place)
        )

    cdef _class(self, Row *row):
        return (<tuple>self.plans[row.identity])[2]

    cdef list _levels(self, Side *side):
        cdef Py_ssize_t at
        cdef double *data = self.numbers.data + side.start
        return [(data[2 * at], data[2 * at + 1]) for at in range(side.count)]

    cdef _event(self, Py_ssize_t index, Row *row):
        cdef Message *m = &row.message
        offset, made = self.offsets[index], self._class(row)
        cdef double *n = m.amounts
        if row.layout == A_QUOTE:
            return tuple.__new__(made, (offset, m.ids[LAST_ID], n[0], n[1], n[2], n[3]))
        if row.layout >= A_TRADE:
            return tuple.__new__(
                made, (offset, m.ids[TRADE_ID if row.layout == A_TRADE else AGG_ID], clock_of(row),
                       -n[5] if m.buyer_is_maker else n[5], row.layout == AN_AGG_TRADE, not m.other_cause)
            )
        previous = None if row.layout == A_FREE else id_of(m, PREVIOUS_ID)
        return tuple.__new__(
            made, (offset, self.timestamps_ms[index], time_of(row), id_of(m, EVENT_TIME), id_of(m, TRANSACTION_TIME),
                   m.ids[LAST_ID], m.ids[FIRST_ID], previous, self._levels(&m.bids), self._levels(&m.asks))
        )


cdef inline object id_of(Message *message, int place):
    """An optional id."""
    return message.ids[place] if message.fields >> place & 1 else None


cdef copy_draft(draft, double[:, :, ::1] levels):
    """Both sides of a draft into its row; absent levels are 0."""
    cdef Py_ssize_t side, place
    levels[:, :, :] = 0.0
    for side in range(2):
        for place, (price, quantity) in enumerate(draft[6 + side]):
            levels[side, place, 0], levels[side, place, 1] = price, quantity
