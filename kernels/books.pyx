# cython: language_level=3, wraparound=False, cdivision=True
"""The stateless metrics of a poll's books: one pass over the levels of each.

Owns the loops over the books where they lie, block by block, and how a book's predecessor is found. What the numbers mean
is said at the twin, ``orderbook.metrics.measure_books``, and so is which operation comes after which: the same bits.
"""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.math cimport NAN, isnan

from kernels.block cimport (
    CUT_OFF_AT, LEVELS, Book, Side, at, is_float, least, multi_level, price, quantity, take,
)

cdef enum:
    BANDS = 3
    NEAR_LEVELS = 5
    LARGE_ORDERS_FULL = 5
    DEPTH_RATIO_MAX = 2
    NO_PREDECESSOR = -1
    BEFORE_PARTIAL = -2
    BEFORE_FULL = -3
    LIVE = 0
    ONE_SIDED = 1
    EMPTY = 2
    CROSSED = 3
    RESYNCING = 4

cdef double *BPS = [5.0, 10.0, 25.0]

KNOWN = {
    "columns": (
        "orderflow_imbalance", "bid_ask_spread_pct", "order_book_depth_ratio", "large_order_presence", "bid_notional",
        "ask_notional", "total_depth", "best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity", "mid_price",
        "micro_price", "bid_volume", "ask_volume", "imbalance_l1", "imbalance_l5", "ofi_ml", "depth_span_bid_bps",
        "depth_span_ask_bps", "bid_notional_5bps", "ask_notional_5bps", "bid_notional_10bps", "ask_notional_10bps",
        "bid_notional_25bps", "ask_notional_25bps",
    ),
    "bands_bps": (5, 10, 25),
    "levels": (NEAR_LEVELS, LARGE_ORDERS_FULL, DEPTH_RATIO_MAX, LEVELS, CUT_OFF_AT),
    "places": (NO_PREDECESSOR, BEFORE_PARTIAL, BEFORE_FULL),
    "states": (LIVE, ONE_SIDED, EMPTY, CROSSED, RESYNCING),
}
"""What is written into these loops: where the caller knows other columns or limits, they are not the loops to use."""

cdef struct Sums:
    double near, volume, notional, last
    double bands[BANDS]


def measure(blocks, before, carried, sizes, bytes states not None, double threshold, Py_ssize_t depth_levels, out, /):
    """Fill ``out``; see ``orderbook.groups.measure_groups``.

    Args:
        blocks, before, carried, sizes: Of each instrument, as sequences of one length.
        states: One byte a book.
        threshold, depth_levels: Of the settings.
        out: float64, shape (books, 26), contiguous.

    Raises:
        ValueError: Something has another shape than is said, or a predecessor is not there.
    """
    cdef Py_buffer view
    cdef Settings settings
    set_up(&settings, threshold, depth_levels)
    PyObject_GetBuffer(out, &view, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    try:
        if view.ndim != 2 or not is_float(&view) or view.shape[0] != len(states) or view.shape[1] != COUNT:
            raise ValueError(f"expected room for {len(states)} books of {COUNT} columns, as float64")
        measure_all(list(zip(blocks, before, carried, sizes, strict=True)), states, &settings, <double *>view.buf)
    finally:
        PyMem_Free(settings.notionals)
        PyBuffer_Release(&view)


cdef int set_up(Settings *settings, double threshold, Py_ssize_t depth_levels) except -1:
    """What is asked for; ``notionals`` is the caller's to free."""
    settings.threshold, settings.notionals, settings.room = threshold, NULL, 0
    settings.depth = min(depth_levels, <Py_ssize_t>LEVELS)
    if settings.depth < 1:
        raise ValueError(f"expected at least one level, received {depth_levels}")
    return 0


cdef int make_room(Settings *settings, Py_ssize_t width) except -1:
    """Room for books of so many levels."""
    cdef double *notionals
    if width >= settings.room:
        notionals = <double *>PyMem_Realloc(settings.notionals, (width + 1) * sizeof(double))
        if notionals == NULL:
            raise MemoryError
        settings.notionals, settings.room = notionals, width + 1
    return 0


cdef int measure_all(list groups, bytes states, Settings *settings, double *out) except -1:
    cdef const unsigned char *state = states
    cdef Py_ssize_t left = len(states)
    cdef Py_buffer view
    for block, before, carried, size in groups:
        take(block, &view)
        try:
            if view.shape[0] > left:
                raise ValueError(f"expected {len(states)} books, received more")
            make_room(settings, view.shape[2])
            measure_block(&view, before, carried, NAN if size is None else size, state, settings, out)
            left -= view.shape[0]
            state += view.shape[0]
            out += view.shape[0] * COUNT
        finally:
            PyBuffer_Release(&view)
    if left:
        raise ValueError(f"expected {len(states)} books, received {len(states) - left}")
    return 0


cdef int measure_block(
    Py_buffer *view, list before, tuple carried, double size, const unsigned char *states, Settings *settings, double *out
) except -1:
    """One instrument's books; ``settings.notionals`` has room for their levels."""
    cdef Py_ssize_t row, place
    cdef Book now, then
    if len(before) != view.shape[0]:
        raise ValueError(f"expected predecessors for {view.shape[0]} books, received {len(before)}")
    for row in range(view.shape[0]):
        place = before[row]
        at(view, row, &now)
        measure_book(&now, size, settings, out)
        if place >= 0:
            if place >= view.shape[0]:
                raise ValueError(f"expected a predecessor among {view.shape[0]} books, received {place}")
            at(view, place, &then)
            out[OFI_ML] = multi_level(&now, &then, settings.depth)
        elif place == NO_PREDECESSOR:
            out[OFI_ML] = NAN
        else:
            out[OFI_ML] = compared(&now, carried, BEFORE_PARTIAL - place, settings.depth)
        if states[row] != LIVE:
            undefine(out, states[row])
        out += COUNT
    return 0


cdef double compared(Book *now, tuple carried, Py_ssize_t number, Py_ssize_t depth) except? -1.0:
    """The order-flow imbalance against a book of an earlier batch."""
    cdef Py_buffer view
    cdef Book then
    if not 0 <= number < len(carried):
        raise ValueError(f"expected one of {len(carried)} books of earlier batches, received number {number}")
    take(carried[number], &view)
    try:
        if view.shape[0] != 1:
            raise ValueError(f"expected a block of one book of an earlier batch, received {view.shape[0]}")
        at(&view, 0, &then)
        return multi_level(now, &then, depth)
    finally:
        PyBuffer_Release(&view)


cdef void measure_book(Book *book, double size, Settings *settings, double *out) noexcept:
    """All columns but the order-flow imbalance, as if the book were live."""
    cdef double bid = price(&book.bids, 0), ask = price(&book.asks, 0)
    cdef double bid_quantity = quantity(&book.bids, 0), ask_quantity = quantity(&book.asks, 0)
    cdef double mid = (ask + bid) / 2
    cdef Sums bids, asks
    cdef Py_ssize_t band
    add_up(&book.bids, True, mid, size, settings.notionals, &bids)
    add_up(&book.asks, False, mid, size, settings.notionals, &asks)
    out[IMBALANCE] = imbalance(bids.volume, asks.volume)
    out[SPREAD] = (ask - bid) / mid * 100
    out[RATIO] = least(bids.notional / asks.notional, DEPTH_RATIO_MAX)
    out[LARGE] = presence(book, settings.threshold * (bids.volume + asks.volume))
    out[BID_NOTIONAL], out[ASK_NOTIONAL] = bids.notional, asks.notional
    out[TOTAL] = bids.notional + asks.notional
    out[BID], out[BID_QUANTITY], out[ASK], out[ASK_QUANTITY] = bid, bid_quantity, ask, ask_quantity
    out[MID] = mid
    out[MICRO] = (ask * bid_quantity + bid * ask_quantity) / (bid_quantity + ask_quantity)
    out[BID_VOLUME], out[ASK_VOLUME] = bids.volume, asks.volume
    out[IMBALANCE_L1] = imbalance(bid_quantity, ask_quantity)
    out[IMBALANCE_L5] = imbalance(bids.near, asks.near)
    out[SPAN_BID] = (mid - bids.last) / mid * 10_000
    out[SPAN_ASK] = (asks.last - mid) / mid * 10_000
    for band in range(BANDS):
        out[NEAR + 2 * band], out[NEAR + 2 * band + 1] = bids.bands[band], asks.bands[band]


cdef void add_up(Side *side, bint bid, double mid, double size, double *notionals, Sums *sums) noexcept:
    """One side, from its best level outwards; ``notionals`` has room for its levels and one more."""
    cdef double limits[BANDS]
    cdef Py_ssize_t inside[BANDS]
    cdef Py_ssize_t level, band
    cdef double here, amount, volume = 0.0, notional = 0.0
    cdef bint by_price = isnan(size)
    for band in range(BANDS):
        inside[band] = 0
        limits[band] = mid - mid * BPS[band] / 10_000 if bid else mid + mid * BPS[band] / 10_000
    sums.near, sums.last, notionals[0] = 0.0, price(side, 0), 0.0
    for level in range(side.width):
        if level == NEAR_LEVELS:
            sums.near = volume
        here, amount = price(side, level), quantity(side, level)
        volume += amount
        notional += (here if by_price else size) * amount
        notionals[level + 1] = notional
        if here != 0.0:
            sums.last = here
        for band in range(BANDS):
            inside[band] += here >= limits[band] if bid else (here <= limits[band]) & (here > 0.0)
    if side.width <= NEAR_LEVELS:
        sums.near = volume
    sums.volume, sums.notional = volume, notional
    for band in range(BANDS):
        if (sums.last <= limits[band]) if bid else (sums.last >= limits[band]):
            sums.bands[band] = notionals[inside[band]]
        else:
            sums.bands[band] = NAN


cdef double presence(Book *book, double limit) noexcept:
    cdef Py_ssize_t level, count = 0
    for level in range(book.bids.width):
        count += (quantity(&book.bids, level) > limit) + (quantity(&book.asks, level) > limit)
    return least(<double>count / LARGE_ORDERS_FULL, 1.0)


cdef inline double imbalance(double bids, double asks) noexcept:
    return (bids - asks) / (bids + asks)


cdef void undefine(double *out, int state) noexcept:
    """NaN for what a state other than live makes meaningless."""
    if state == CROSSED:
        blank(out, IMBALANCE, TOTAL + 1)
        blank(out, IMBALANCE_L1, OFI_ML + 1)
    elif state == RESYNCING:
        blank(out, 0, COUNT)
    if out[BID] == 0.0:
        blank(out, BID, BID_QUANTITY + 1)
    if out[ASK] == 0.0:
        blank(out, ASK, ASK_QUANTITY + 1)
    if ONE_SIDED <= state <= RESYNCING:
        out[SPREAD] = NAN
        blank(out, MID, MICRO + 1)
        blank(out, SPAN_BID, COUNT)
    if isnan(out[IMBALANCE]):
        out[LARGE] = out[RATIO] = NAN


cdef inline void blank(double *out, Py_ssize_t start, Py_ssize_t stop) noexcept:
    cdef Py_ssize_t column
    for column in range(start, stop):
        out[column] = NAN
