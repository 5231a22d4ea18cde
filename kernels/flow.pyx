# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""From one book of an instrument to the next.

Owns the numbers of a flow and the step from book to book. What they mean is said at the twin, ``orderbook.flow.PlainFlow``: the
same calls give the same numbers. Numbers lie in one place of memory: with thousands of instruments, that is what costs.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport INFINITY, NAN, isnan

from kernels.codec cimport put_float, put_marked
from kernels.decimals cimport room
from kernels.windows cimport Window


cdef enum:
    FIXED_BYTES = 3 * 9 + 6 * 8  # marked integers, floats


cdef class Decay:
    """What a sum is multiplied with after some ms; the first of these factors are numbers at hand.

    Args:
        factors: By ms.
    """

    def __cinit__(self, factors):
        cdef Py_ssize_t ms
        self._factors = factors
        for ms in range(KEPT_MS):
            self._kept[ms] = NAN

    cdef double after(self, long long ms) except? -1.0:
        if not 0 <= ms < KEPT_MS:
            return self._factors[ms]
        if isnan(self._kept[ms]):
            self._kept[ms] = self._factors[ms]
        return self._kept[ms]


cdef dict DECAYS = {}


cdef Decay decay_of(factors):
    """The one of these factors, which all flows share."""
    cdef Decay decay = DECAYS.get(id(factors))
    if decay is None or decay._factors is not factors:
        decay = DECAYS[id(factors)] = Decay(factors)
    return decay


cdef class Flow:
    """See ``orderbook.flow.PlainFlow``."""

    def __cinit__(self, Window events not None, Window second not None, rules):
        self.events, self.second = events, second
        self._aggression, fast, slow, self._clock_reset_ms, self._nowhere, self.swept = rules
        self._fast, self._slow = decay_of(fast), decay_of(slow)
        self.forget()

    @property
    def ofi(self):
        return self.ofi_of()

    def packed(self):
        """What ``orderbook.flow.write_flow`` writes, on a little-endian machine."""
        cdef char *made = <char *>PyMem_Malloc(self.spare() + self.room())
        cdef char *out = made + self.spare()
        if made == NULL:
            raise MemoryError
        try:
            return PyBytes_FromStringAndSize(out, self.pack(out, made) - out)
        finally:
            PyMem_Free(made)

    cdef Py_ssize_t room(self) noexcept:
        """Bytes that ``pack`` needs, which are more than it writes."""
        return FIXED_BYTES + 3 * room(self.events.length()) + 2 * room(self.second.length())

    cdef Py_ssize_t spare(self) noexcept:
        """Bytes that ``pack`` needs beside these, to lie where numbers may."""
        return sizeof(double) * max(self.events.length(), self.second.length())

    cdef char *pack(self, char *out, char *spare) noexcept:
        """Write ``packed``; returns where it ends."""
        cdef Py_ssize_t at
        cdef long long[3] integers
        cdef double[6] numbers
        integers[:] = [self.clock_ms, self.taken_ms, self.known]
        numbers[:] = [self.bid, self.bid_quantity, self.ask, self.ask_quantity, self.ofi_fast, self.ofi_slow]
        for at in range(3):
            out = put_marked(out, integers[at])
        for at in range(6):
            out = put_float(out, numbers[at])
        out = self.events.pack_values(out, spare)
        out = self.events.pack_stamps(out, spare)
        out = self.events.pack_cuts(out, spare)
        out = self.second.pack_stamps(out, spare)
        return self.second.pack_values(out, spare)

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
        if bid >= self.ask or ask <= self.bid:
            event = self._aggression(resting, (self.bid, self.ask), (bid, ask))
            if event is not None:
                amount, cut_off = event
                self.note(amount, cut_off)
        self.follow(bid, bid_quantity, ask, ask_quantity)

    cdef double ofi_now(self) noexcept:
        """See ``ofi``; NaN for None."""
        return self._ofi if self._compared else NAN

    cdef object ofi_of(self):
        """See ``ofi``."""
        return self._ofi if self._compared else None

    cdef int note(self, double amount, bint cut_off) except -1:
        """An aggressive event."""
        self.events.add(amount, self.clock_ms, cut_off)
        self.second.add(amount, self.clock_ms, False)
        return 0

    cdef int follow(self, double bid, double bid_quantity, double ask, double ask_quantity) except -1:
        """See ``take``; the aggressive event between the two books was noted before."""
        cdef double ofi = 0.0
        cdef long long passed_ms
        if self.clock_ms != self.taken_ms:
            passed_ms = self.clock_ms - self.taken_ms
            self.ofi_fast *= self._fast.after(passed_ms)
            self.ofi_slow *= self._slow.after(passed_ms)
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
