# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""From one book of an instrument to the next.

Owns the numbers of a flow and the step from book to book. What they mean is said at the twin, ``orderbook.flow.PlainFlow``: the
same calls give the same numbers. They lie in one piece of memory, those of the windows too, which may be a part of somebody
else's: with thousands of instruments, looking for them is what costs.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport INFINITY, NAN, isnan

from kernels.codec cimport put_float, put_marked
from kernels.decimals cimport room
from kernels.windows cimport Window, add


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


@cython.no_gc  # nothing that it holds leads back to it
cdef class Flow:
    """See ``orderbook.flow.PlainFlow``.

    Raises:
        ValueError: A window is in another flow, or both are one.
    """

    def __cinit__(self, Window events not None, Window second not None, rules):
        aggression, fast, slow, clock_reset_ms, nowhere, swept = rules
        if events is second or events.is_lent() or second.is_lent():
            raise ValueError("expected two windows that are in no other flow")
        self._aggression, self._clock_reset_ms, self._nowhere, self._own.swept = aggression, clock_reset_ms, nowhere, swept
        self.fast, self.slow = decay_of(fast), decay_of(slow)
        self.events, self.second, self.numbers = events, second, &self._own
        self.move(&self._own)
        self.forget()

    def __dealloc__(self):
        if self.numbers != NULL:
            self.events.take_back()
            self.second.take_back()

    @property
    def clock_ms(self):
        return self.numbers.clock_ms

    @clock_ms.setter
    def clock_ms(self, value):
        self.numbers.clock_ms = value

    @property
    def taken_ms(self):
        return self.numbers.taken_ms

    @taken_ms.setter
    def taken_ms(self, value):
        self.numbers.taken_ms = value

    @property
    def bid(self):
        return self.numbers.bid

    @bid.setter
    def bid(self, value):
        self.numbers.bid = value

    @property
    def bid_quantity(self):
        return self.numbers.bid_quantity

    @bid_quantity.setter
    def bid_quantity(self, value):
        self.numbers.bid_quantity = value

    @property
    def ask(self):
        return self.numbers.ask

    @ask.setter
    def ask(self, value):
        self.numbers.ask = value

    @property
    def ask_quantity(self):
        return self.numbers.ask_quantity

    @ask_quantity.setter
    def ask_quantity(self, value):
        self.numbers.ask_quantity = value

    @property
    def ofi_fast(self):
        return self.numbers.ofi_fast

    @ofi_fast.setter
    def ofi_fast(self, value):
        self.numbers.ofi_fast = value

    @property
    def ofi_slow(self):
        return self.numbers.ofi_slow

    @ofi_slow.setter
    def ofi_slow(self, value):
        self.numbers.ofi_slow = value

    @property
    def place(self):
        return self.numbers.place

    @place.setter
    def place(self, value):
        self.numbers.place = value

    @property
    def known(self):
        return self.numbers.known != 0

    @known.setter
    def known(self, bint value):
        self.numbers.known = value

    @property
    def ofi(self):
        return self.numbers.ofi if self.numbers.compared else None

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

    cdef bint is_lent(self) noexcept:
        return self.numbers != &self._own

    cdef void move(self, Numbers *numbers) noexcept:
        """To lie there from now on, and the windows' too."""
        if numbers != self.numbers:
            numbers[0] = self.numbers[0]
        self.numbers = numbers
        self.events.move(&numbers.events)
        self.second.move(&numbers.second)

    cdef void take_back(self) noexcept:
        if self.is_lent():
            self.move(&self._own)

    cdef Py_ssize_t room(self) noexcept:
        """Bytes that ``pack`` needs, which are more than it writes."""
        return FIXED_BYTES + 3 * room(self.events.length()) + 2 * room(self.second.length())

    cdef Py_ssize_t spare(self) noexcept:
        """Bytes that ``pack`` needs beside these, to lie where numbers may."""
        return sizeof(double) * max(self.events.length(), self.second.length())

    cdef char *pack(self, char *out, char *spare) noexcept:
        """Write ``packed``; returns where it ends."""
        cdef Py_ssize_t at
        cdef Numbers *flow = self.numbers
        cdef long long[3] integers
        cdef double[6] numbers
        integers[:] = [flow.clock_ms, flow.taken_ms, flow.known]
        numbers[:] = [flow.bid, flow.bid_quantity, flow.ask, flow.ask_quantity, flow.ofi_fast, flow.ofi_slow]
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
        cdef Numbers *flow = self.numbers
        flow.known = False
        flow.bid, flow.bid_quantity, flow.ask, flow.ask_quantity = -INFINITY, 0.0, INFINITY, 0.0
        flow.place = self._nowhere

    def tick(self, long long ms, notices):
        cdef Numbers *flow = self.numbers
        if ms > flow.clock_ms:
            flow.clock_ms = ms
        elif flow.clock_ms - ms > self._clock_reset_ms:
            notices["clock_reset"] += 1
            flow.clock_ms = flow.taken_ms = ms
            self.events.not_after(ms)
            self.second.clear()

    def take(self, double bid, double bid_quantity, double ask, double ask_quantity, resting):
        cdef Numbers *flow = self.numbers
        if bid >= flow.ask or ask <= flow.bid:
            event = self._aggression(resting, (flow.bid, flow.ask), (bid, ask))
            if event is not None:
                amount, cut_off = event
                note(flow, amount, cut_off)
        follow(flow, self.fast, self.slow, bid, bid_quantity, ask, ask_quantity)


cdef double ofi_now(Numbers *flow) noexcept:
    """See ``Flow.ofi``; NaN for None."""
    return flow.ofi if flow.compared else NAN


cdef int note(Numbers *flow, double amount, bint cut_off) except -1:
    """An aggressive event."""
    add(&flow.events, amount, flow.clock_ms, cut_off)
    add(&flow.second, amount, flow.clock_ms, False)
    return 0


cdef int follow(
    Numbers *flow, Decay fast, Decay slow, double bid, double bid_quantity, double ask, double ask_quantity
) except -1:
    """See ``Flow.take``; the aggressive event between the two books was noted before."""
    cdef double ofi = 0.0
    cdef long long passed_ms
    if flow.clock_ms != flow.taken_ms:
        passed_ms = flow.clock_ms - flow.taken_ms
        flow.ofi_fast *= fast.after(passed_ms)
        flow.ofi_slow *= slow.after(passed_ms)
        flow.taken_ms = flow.clock_ms
    flow.compared = flow.known
    if flow.known:
        if bid >= flow.bid:
            ofi += bid_quantity
        if bid <= flow.bid:
            ofi -= flow.bid_quantity
        if ask <= flow.ask:
            ofi -= ask_quantity
        if ask >= flow.ask:
            ofi += flow.ask_quantity
        flow.ofi = ofi
        flow.ofi_fast += ofi
        flow.ofi_slow += ofi
    flow.known = True
    flow.bid, flow.bid_quantity, flow.ask, flow.ask_quantity = bid, bid_quantity, ask, ask_quantity
    return 0
