# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""From one book of an instrument to the next.

Owns the numbers of a flow and the step from book to book. What they mean is said at the twin, ``orderbook.flow.PlainFlow``: the
same calls give the same numbers. Numbers lie in one place of memory: with thousands of instruments, that is what costs.
"""

from libc.math cimport INFINITY

from kernels.windows cimport Window


cdef class Flow:
    """See ``orderbook.flow.PlainFlow``."""

    def __init__(self, Window events not None, Window second not None, rules):
        self.events, self.second = events, second
        self._aggression, self._fast, self._slow, self._clock_reset_ms, self._nowhere = rules
        self.forget()

    @property
    def ofi(self):
        return self.ofi_of()

    def forget(self):
        self.known = False
        self.bid, self.bid_quantity, self.ask, self.ask_quantity = -INFINITY, 0.0, INFINITY, 0.0
        self.place = self._nowhere

    def tick(self, long long ms, notices):
        if ms > self.clock_ms:
            self.clock_ms = ms
        elif self.clock_ms - ms > self._clock_reset_ms:
            notices["clock_reset"] += 1
            self.clock_ms = self.taken_ms = ms
            self.events.not_after(ms)
            self.second.clear()

    def take(self, double bid, double bid_quantity, double ask, double ask_quantity, resting):
        self.follow(bid, bid_quantity, ask, ask_quantity, resting)

    cdef object ofi_of(self):
        """See ``ofi``."""
        return self._ofi if self._compared else None

    cdef int follow(self, double bid, double bid_quantity, double ask, double ask_quantity, resting) except -1:
        """See ``take``."""
        cdef double ofi = 0.0
        if bid >= self.ask or ask <= self.bid:
            event = self._aggression(resting, (self.bid, self.ask), (bid, ask))
            if event is not None:
                amount, cut_off = event
                self.events.add(amount, self.clock_ms, cut_off)
                self.second.add(amount, self.clock_ms, False)
        if self.clock_ms != self.taken_ms:
            passed_ms = self.clock_ms - self.taken_ms
            self.ofi_fast *= <double>self._fast[passed_ms]
            self.ofi_slow *= <double>self._slow[passed_ms]
            self.taken_ms = self.clock_ms
        self._compared = self.known
        if self.known:
            if bid >= self.bid:
                ofi += bid_quantity
            if bid <= self.bid:
                ofi -= self.bid_quantity
            if ask <= self.ask:
                ofi -= ask_quantity
            if ask >= self.ask:
                ofi += self.ask_quantity
            self._ofi = ofi
            self.ofi_fast += ofi
            self.ofi_slow += ofi
        self.known = True
        self.bid, self.bid_quantity, self.ask, self.ask_quantity = bid, bid_quantity, ask, ask_quantity
        return 0
