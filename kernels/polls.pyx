# cython: wraparound=False, cdivision=True
"""The messages of one poll, read at once and put in order.

Owns two steps. ``Scan.read`` takes the messages that are in the known spelling and are what their identity says they are;
who an identity is, it asks once and remembers. ``Scan.finish`` makes their events and lines up all events of the poll, the
caller's own too: what is not taken is the caller's to read, between the two.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

import numpy

from kernels.columns cimport Columns, Home
from kernels.events cimport make_event, place_draft, set_place
from kernels.rows cimport *
from kernels.spelling cimport *

from kernels.rows import names_of  # for the caller, who is asked about fields

# What an identity says its messages are. Changes are LINKED (the previous id is required), FREE (it is ignored) or neither.
BOOK, CHANGE, LINKED, FREE = A_BOOK, A_CHANGE, A_LINKED, A_FREE
QUOTE, TRADE, AGG_TRADE = A_QUOTE, A_TRADE, AN_AGG_TRADE

# What is kept from poll to poll: memory, and identities.
cdef Py_ssize_t KEPT_BYTES = 32_000_000
cdef Py_ssize_t KEPT_IDENTITIES = 32_768


cdef class Plan:
    """What becomes of the messages of one identity in one partition."""

    cdef Home home
    cdef object share
    cdef Layout layout
    cdef type made

    def __cinit__(self, Home home not None, int layout, type made, share):
        if not issubclass(made, tuple) or made.__basicsize__ != tuple.__basicsize__ or made.__dictoffset__:
            raise TypeError("expected a plain subclass of tuple")
        self.home, self.layout, self.made, self.share = home, <Layout>layout, made, share


cdef class Scan:
    """The messages of one poll, as far as their spelling is known. Used for one poll after the other.

    Args:
        most_bytes: Longer values are not taken.
        most_levels: More of them on a side are not taken.
        resolve: Of an identity ((key, envelope's stream, header's stream, ``s``, None), ``e``, fields) gives
            (instrument, one of the layouts, class of its events, a plain named tuple, share); None: it is not for us. The
            share is what ``finish`` sorts books in columns by. What the fields are tells ``names_of``.

    Attributes:
        names: (instrument, partition) of the slots of what was taken of the poll.
    """

    cdef Row *rows
    cdef Py_ssize_t *starts
    cdef char *mixed
    cdef Py_ssize_t size, row_room, number_room, most_bytes
    cdef uint64_t poll
    cdef Numbers numbers
    cdef object resolve
    cdef dict plans
    cdef dict known  # homes by name
    cdef list homes  # of the poll, slot by slot
    cdef readonly list names
    cdef list offsets
    cdef list timestamps_ms

    def __cinit__(self, Py_ssize_t most_bytes, Py_ssize_t most_levels, resolve):
        self.most_bytes, self.numbers.most_levels, self.resolve = most_bytes, most_levels, resolve
        self.plans, self.known, self.homes, self.names, self.offsets, self.timestamps_ms = {}, {}, [], [], [], []

    def __dealloc__(self):
        self._free()

    cdef void _free(self) noexcept:
        PyMem_Free(self.rows)
        PyMem_Free(self.numbers.data)
        PyMem_Free(self.starts)
        PyMem_Free(self.mixed)
        self.rows, self.numbers.data, self.starts, self.mixed = NULL, NULL, NULL, NULL
        self.row_room = self.number_room = self.size = 0

    def read(
        self, list values, list keys, list headers, list partitions, list offsets, list timestamps_ms, list slots
    ) -> list[int]:
        """Read a poll, given column by column.

        Args:
            slots: One for each message; those that are taken get theirs, which count from 0.

        Returns:
            The indexes of all others, rising.
        """
        cdef Py_ssize_t index, used, size = len(values)
        cdef list rest = []
        cdef Plan plan
        cdef Home home
        if not size == len(keys) == len(headers) == len(partitions) == len(offsets) == len(timestamps_ms) == len(slots):
            raise ValueError("expected columns of one length")
        self._begin(size)
        self.offsets, self.timestamps_ms = offsets, timestamps_ms
        for index in range(size):
            used = self.numbers.used
            plan = self._read(&self.rows[index], values[index], keys[index], headers[index], partitions[index], timestamps_ms[index])
            if plan is None:
                self.numbers.used = used
                rest.append(index)
                continue
            home = plan.home
            if home.poll != self.poll:
                home.poll, home.slot = self.poll, len(self.homes)
                self.homes.append(home)
                self.names.append(home.name)
            self.rows[index].layout = plan.layout
            slots[index] = home.slot
        return rest

    cdef int _begin(self, Py_ssize_t size) except -1:
        """Room for so many messages."""
        self.size, self.numbers.used = 0, 0
        self.poll += 1
        self.homes, self.names = [], []
        if len(self.plans) >= KEPT_IDENTITIES:
            self.plans, self.known = {}, {}
        if self.row_room * sizeof(Row) + self.number_room * sizeof(double) > <size_t>KEPT_BYTES:
            self._free()
        if size > self.row_room:
            self.rows = <Row *>grown(self.rows, size, sizeof(Row))
            self.row_room = size
        self.size = size
        return 0

    cdef Plan _read(self, Row *row, value, key, headers, partition, timestamp_ms):
        """Read one message; returns what becomes of it, None when it is not taken. It is in no layout yet."""
        cdef char signature[LONGEST_SIGNATURE]
        cdef Plan plan
        row.layout = LEFT_OUT
        if type(value) is not bytes or len(<bytes>value) > self.most_bytes or not (key is None or type(key) is bytes):
            return None
        cdef Py_ssize_t needed = self.numbers.used + 2 * (len(<bytes>value) // 9 + 1)
        if needed > self.number_room:
            needed += self.number_room
            self.numbers.data = <double *>grown(self.numbers.data, needed, sizeof(double))
            self.number_room = needed
        if not read_row(row, <bytes>value, key, headers, timestamp_ms, &self.numbers):
            return None
        cdef Py_ssize_t length = sign(row, partition, signature)
        if length == 0:
            return None
        name = PyBytes_FromStringAndSize(signature, length)
        found = self.plans.get(name, self)
        if found is self:
            sort = self.resolve(identity_of(row, key))
            found = None
            if sort is not None:
                instrument, layout, made, share = sort
                whose = (instrument, partition)
                found = Plan(self.known.setdefault(whose, Home(whose)), layout, made, share)
            self.plans[name] = found
        if found is None or not fits(row, (<Plan>found).layout):
            return None
        row.plan = <void *>found
        return <Plan>found

    def finish(
        self, list slots, list events, dict drafts, list names, Py_ssize_t most_width, type book, bint in_columns=False
    ) -> tuple[list, object, dict]:
        """All events, slot by slot.

        Args:
            slots: Of each message; negative without an event.
            events: The caller's; None for drafts, and for what was taken here.
            drafts: The caller's books by index: (six fields, bids, asks).
            names: Of each slot (instrument, partition), the scan's first.
            most_width: Levels of a book that are kept.
            book: Class of the drafts' events.
            in_columns: Slots that were told nothing but books which were taken here need no events.

        Returns:
            (slot, its events, levels of its books: float64 of shape (n, 2, width, 2)) of the slots that have events, in the
            order of their first ones; the ``Columns`` of all slots; and by share the slots that are in there alone, in that
            order. The levels are parts of one block.
        """
        cdef Py_ssize_t index, slot, place, groups = len(names)
        cdef Row *row
        cdef list lined = [None] * groups
        cdef list order = []
        cdef dict alone = {}
        cdef Columns columns = Columns(names)
        if len(slots) != self.size or len(events) != self.size:
            raise ValueError("expected a slot and an event for each message")
        columns.homes = self.homes
        columns.lay_out(self._lay_out(slots, events, drafts, groups, most_width), self.starts)
        try:
            for index in range(self.size):
                row = &self.rows[index]
                slot = row.slot
                if slot < 0:
                    continue
                place = self.starts[slot]
                if row.layout == A_BOOK and in_columns and not self.mixed[slot]:
                    if place == columns.firsts[slot]:
                        share = (<Plan>row.plan).share
                        if share not in alone:
                            alone[share] = []
                        (<list>alone[share]).append(slot)
                    self._copy(row, columns, place)
                    set_place(&columns.places[place], row, self.offsets[index], self.timestamps_ms[index])
                    self.starts[slot] = place + 1
                    continue
                if lined[slot] is None:
                    lined[slot] = []
                    order.append(slot)
                (<list>lined[slot]).append(self._event(index, events, drafts, columns, book))
        finally:
            self.size, self.offsets, self.timestamps_ms = 0, [], []
        return (
            [(slot, lined[slot], columns.block[columns.firsts[slot] : columns.firsts[slot + 1]]) for slot in order],
            columns,
            alone,
        )

    cdef object _event(self, Py_ssize_t index, list events, dict drafts, Columns columns, type book):
        """A message's event; the levels of a book into the next row of its slot."""
        cdef Row *row = &self.rows[index]
        cdef Py_ssize_t place = self.starts[row.slot], first = columns.firsts[row.slot]
        offset, timestamp_ms = self.offsets[index], self.timestamps_ms[index]
        if row.layout > A_BOOK:
            return make_event(row, self.numbers.data, offset, timestamp_ms, 0, (<Plan>row.plan).made)
        if row.layout == LEFT_OUT and events[index] is not None:
            return events[index]
        if place >= columns.firsts[row.slot + 1]:
            raise RuntimeError("expected the books that were counted")
        self.starts[row.slot] = place + 1
        if row.layout == A_BOOK:
            self._copy(row, columns, place)
            return make_event(row, NULL, offset, timestamp_ms, place - first, (<Plan>row.plan).made)
        return place_draft(drafts[index], book, columns.block[place], place - first)

    cdef object _lay_out(self, list slots, list events, dict drafts, Py_ssize_t groups, Py_ssize_t most_width):
        """A block without content for all books.

        ``starts`` gets the first row of each slot and the end, to count on; ``mixed`` which slots need events.
        """
        cdef Py_ssize_t index, slot, count, widest = 1, total = 0
        cdef Row *row
        self.starts = <Py_ssize_t *>grown(self.starts, groups + 1, sizeof(Py_ssize_t))
        self.mixed = <char *>grown(self.mixed, groups + 1, 1)
        memset(self.starts, 0, (groups + 1) * sizeof(Py_ssize_t))
        memset(self.mixed, 0, groups + 1)
        for index in range(self.size):
            row = &self.rows[index]
            row.slot = slots[index]
            if row.slot >= groups:
                raise ValueError("expected slots below the number of groups")
            if row.slot < 0:
                continue
            if row.layout != A_BOOK:
                self.mixed[row.slot] = True
            if row.layout > A_BOOK:
                continue
            if row.layout == A_BOOK:
                widest = max(widest, row.message.bids.count, row.message.asks.count)
            elif events[index] is None:
                draft = drafts[index]
                widest = max(widest, len(draft[6]), len(draft[7]))
            else:
                continue
            self.starts[row.slot] += 1
        for slot in range(groups + 1):
            count, self.starts[slot] = self.starts[slot], total
            total += count
        return numpy.empty((total, 2, min(widest, most_width), 2))

    cdef void _copy(self, Row *row, Columns columns, Py_ssize_t place) noexcept:
        """A book into its row of the block, which lies in one piece; absent levels are 0."""
        cdef Py_ssize_t width = columns.view.shape[2]
        cdef double *to = <double *>columns.view.buf + 4 * place * width
        copy_side(&row.message.bids, self.numbers.data, to, width)
        copy_side(&row.message.asks, self.numbers.data, to + 2 * width, width)


cdef inline void copy_side(Side *side, const double *numbers, double *to, Py_ssize_t width) noexcept:
    cdef Py_ssize_t count = min(side.count, width)
    memcpy(to, numbers + side.start, 2 * count * sizeof(double))
    memset(to + 2 * count, 0, 2 * (width - count) * sizeof(double))


cdef void *grown(void *memory, Py_ssize_t count, size_t size) except NULL:
    """Memory for so many items."""
    cdef void *more = PyMem_Realloc(memory, count * size)
    if more == NULL:
        raise MemoryError
    return more
