# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What is remembered of one instrument's partial books, and the step from one of them to the next.

Owns ids, clocks and states of partial books, and the levels of the last one. What these mean is said at the twin,
``orderbook.partial_lane.PartialLane``: the same calls give the same answers. The metrics of the flow are ``kernels.flow``'s.
"""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport INFINITY, NAN
from libc.string cimport memcpy

import numpy

from kernels.block cimport Book, Side, at, lay, price, quantity, take
from kernels.codec cimport put_marked
from kernels.decimals cimport room
from kernels.flow cimport Decay, Flow, Numbers, follow, note
from kernels.states cimport put_side

KNOWN = {"states": (LIVE, ONE_SIDED, EMPTY, CROSSED)}
"""What is written in here: where the caller has other codes, it is not the lane to use."""


@cython.no_gc  # a mark that leads back to its lane would stay for ever
cdef class Lane:
    """See ``orderbook.partial_lane.PartialLane``.

    Args:
        flow: Its numbers lie in the lane as long as there is one.
        id_reset_ms: After so long, an id that goes back is the venue's restart.
        before: In the place of a predecessor's number: it came in an earlier batch.

    Attributes:
        contract_size: Of ``kernels.meters``: the value of one contract, NaN where quantities are base units.
        told: Set by ``kernels.meters`` when there was anything to measure.
        partition: That the instrument's messages come from, an integer; those from others, with None all, are not for this lane.
        mark: What the caller wants to be told of the instrument beside its rows.

    Raises:
        ValueError: The flow is in another lane.
    """

    def __cinit__(self, Flow flow not None, long long id_reset_ms, Py_ssize_t before):
        if flow.is_lent():
            raise ValueError("expected a flow that is in no other lane")
        self.flow, self._id_reset_ms, self.before = flow, id_reset_ms, before
        self.fast, self.slow, self.levels, self._room = flow.fast, flow.slow, self.near, NEAR_LEVELS
        flow.move(&self.numbers)
        self.seq, self.last_id, self.clock_ms = 0, -1, 0
        self.width, self.told, self.contract_size = 0, False, NAN

    def __dealloc__(self):
        if self.levels != NULL:
            self.flow.take_back()
        if self.levels != self.near:
            PyMem_Free(self.levels)

    @property
    def carried(self):
        made = numpy.empty((1, 2, self.width, 2))
        cdef double[:, :, :, ::1] view = made
        if self.width:
            memcpy(&view[0, 0, 0, 0], self.levels, 4 * self.width * sizeof(double))
        return made

    @property
    def begun(self):
        cdef Numbers *flow = &self.numbers
        return self.last_id != -1 or self.clock_ms != 0 or flow.known or flow.clock_ms != 0 or flow.events.count != 0

    def settle(self):
        if self.numbers.place >= 0:
            self.numbers.place = self.before

    def resume(self, block):
        """Take the predecessor of earlier batches: a block of one book."""
        cdef Py_buffer view
        cdef Book book
        take(block, &view)
        try:
            if view.shape[0] != 1:
                raise ValueError(f"expected a block of one book, received {view.shape[0]}")
            at(&view, 0, &book)
            self.keep(&book)
        finally:
            PyBuffer_Release(&view)

    def packed(self):
        """What ``orderbook.partial_lane.write_lane`` writes, on a little-endian machine."""
        cdef Book book
        cdef Py_ssize_t spare = self.flow.spare()
        cdef char *made = <char *>PyMem_Malloc(spare + 18 + self.flow.room() + 4 * room(self.width))
        cdef char *out = made + spare
        if made == NULL:
            raise MemoryError
        self.last(&book)
        try:
            out = put_marked(put_marked(out, self.last_id), self.clock_ms)
            out = put_side(put_side(self.flow.pack(out, made), &book.bids), &book.asks)
            return PyBytes_FromStringAndSize(made + spare, out - made - spare)
        finally:
            PyMem_Free(made)

    cdef void last(self, Book *book) noexcept:
        """The predecessor of earlier batches, for as long as ``keep`` is not called."""
        lay(self.levels, self.width, book)

    cdef int keep(self, Book *book) except -1:
        """Remember a book as the predecessor."""
        cdef Py_ssize_t width = book.bids.width, level
        cdef double *levels
        if width > self._room:
            levels = <double *>PyMem_Malloc(4 * width * sizeof(double))
            if levels == NULL:
                raise MemoryError
            if self.levels != self.near:
                PyMem_Free(self.levels)
            self.levels, self._room = levels, width
        self.width = width
        levels = self.levels
        if book.bids.level == 2 * sizeof(double) and book.bids.quantity == sizeof(double):
            memcpy(levels, book.bids.first, 2 * width * sizeof(double))
            memcpy(levels + 2 * width, book.asks.first, 2 * width * sizeof(double))
            return 0
        for level in range(width):
            levels[2 * level], levels[2 * level + 1] = price(&book.bids, level), quantity(&book.bids, level)
        levels += 2 * width
        for level in range(width):
            levels[2 * level], levels[2 * level + 1] = price(&book.asks, level), quantity(&book.asks, level)
        return 0

    cdef bint accept(self, long long ms, bint has_id, long long update_id, notices) except -1:
        """Whether it is no old message; id and time are known then."""
        if has_id:
            if update_id < self.last_id:
                if ms - self.clock_ms <= self._id_reset_ms:
                    return False
                notices["id_reset"] += 1
            self.last_id, self.clock_ms = update_id, ms
        if ms >= self.numbers.clock_ms:
            self.numbers.clock_ms = ms
        else:
            self.flow.tick(ms, notices)
        return True

    cdef int follow(self, Book *now, Book *then) except -1:
        """The state of an accepted book, whose predecessor is ``then``; one that is not crossed is taken into the flow."""
        cdef double bid = price(&now.bids, 0), ask = price(&now.asks, 0)
        cdef Numbers *flow = &self.numbers
        cdef int state = LIVE
        if not 0.0 < bid < ask:
            if bid and ask:
                return CROSSED
            state = ONE_SIDED if bid or ask else EMPTY
            bid, ask = bid or -INFINITY, ask or INFINITY
        if bid >= flow.ask or ask <= flow.bid:
            aggress(flow, then, bid, ask)
        follow(flow, self.fast, self.slow, bid, quantity(&now.bids, 0), ask, quantity(&now.asks, 0))
        return state


cdef int aggress(Numbers *flow, Book *then, double bid, double ask) except -1:
    """See ``orderbook.deltas.aggressive_event``."""
    cdef bint cut_off
    cdef double amount
    if flow.swept:
        if bid >= flow.ask:
            amount = through(&then.asks, False, bid, &cut_off)
        else:
            amount = -through(&then.bids, True, ask, &cut_off)
        return note(flow, amount, cut_off)
    if bid > flow.ask:
        return note(flow, bid - flow.ask, False)
    if ask < flow.bid:
        return note(flow, ask - flow.bid, False)
    return 0


cdef double through(Side *side, bint bids, double limit, bint *cut_off) noexcept:
    """See ``orderbook.partial_lane.plain_through``."""
    cdef double total = 0.0, last = limit, here
    cdef Py_ssize_t level
    for level in range(side.width):
        here = price(side, level)
        if here == 0.0:
            break
        if (here < limit) if bids else (here > limit):
            cut_off[0] = False
            return total
        total += quantity(side, level)
        last = here
    cut_off[0] = (last > limit) if bids else (last < limit)
    return total
