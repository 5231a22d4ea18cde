"""Books where they lie in a block of numbers, and the order flow between two of them.

Owns how a block's memory is read, level by level: no access is outside of it, whatever the shape.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport INFINITY, NAN, isnan

cdef enum:
    LEVELS = 10  # that are compared with the predecessor's
    CUT_OFF_AT = 5

cdef struct Side:
    char *first
    Py_ssize_t level  # bytes from one level to the next
    Py_ssize_t quantity  # bytes from a level's price to its quantity
    Py_ssize_t width

cdef struct Book:
    Side bids, asks


cdef inline int take(block, Py_buffer *view) except -1:
    """The memory of a block of books; the caller releases it."""
    PyObject_GetBuffer(block, view, PyBUF_STRIDES | PyBUF_FORMAT)
    if view.ndim == 4 and is_float(view) and view.shape[1] == 2 and view.shape[3] == 2:
        return 0
    PyBuffer_Release(view)
    raise ValueError("expected blocks of float64 of shape (n, 2, w, 2)")


cdef inline bint is_float(Py_buffer *view):
    return view.format != NULL and view.format[0] == b"d" and view.format[1] == 0


cdef inline void at(Py_buffer *view, Py_ssize_t row, Book *book) noexcept:
    book.bids.first = <char *>view.buf + row * view.strides[0]
    book.bids.level, book.bids.quantity, book.bids.width = view.strides[2], view.strides[3], view.shape[2]
    book.asks = book.bids
    book.asks.first += view.strides[1]


cdef inline void lay(double *levels, Py_ssize_t width, Book *book) noexcept:
    """A book that lies in one piece: float64 of shape (2, width, 2)."""
    book.bids.first, book.bids.width = <char *>levels, width
    book.bids.level, book.bids.quantity = 2 * sizeof(double), sizeof(double)
    book.asks = book.bids
    book.asks.first += 2 * width * sizeof(double)


cdef inline double price(Side *side, Py_ssize_t level) noexcept:
    return (<double *>(side.first + level * side.level))[0] if level < side.width else 0.0


cdef inline double quantity(Side *side, Py_ssize_t level) noexcept:
    return (<double *>(side.first + level * side.level + side.quantity))[0] if level < side.width else 0.0


cdef inline double least(double left, double right) noexcept:
    """NaN where one of them is, as numpy has it."""
    return left if left < right or isnan(left) else right


cdef inline double most(double left, double right) noexcept:
    return left if left > right or isnan(left) else right


cdef inline double multi_level(Book *now, Book *then, Py_ssize_t depth) noexcept:
    """See ``orderbook.ofi.multi_level``."""
    cdef double bid_end, ask_end, bids, asks
    if isnan(price(&then.bids, 0)):
        return NAN
    bid_end = most(end(&now.bids, depth, -INFINITY), end(&then.bids, depth, -INFINITY))
    ask_end = least(end(&now.asks, depth, INFINITY), end(&then.asks, depth, INFINITY))
    bids = within(&now.bids, True, bid_end, depth) - within(&then.bids, True, bid_end, depth)
    asks = within(&now.asks, False, ask_end, depth) - within(&then.asks, False, ask_end, depth)
    return bids - asks


cdef inline double end(Side *side, Py_ssize_t depth, double whole) noexcept:
    """The last price that a side can be sure of; ``whole`` where it is all there is."""
    cdef double last
    if depth > CUT_OFF_AT and price(side, CUT_OFF_AT - 1) != 0.0 and price(side, CUT_OFF_AT) == 0.0:
        return price(side, CUT_OFF_AT - 1)
    last = price(side, depth - 1)
    return last if last != 0.0 else whole


cdef inline double within(Side *side, bint bid, double limit, Py_ssize_t depth) noexcept:
    """What rests at the limit and better."""
    cdef double here, total = 0.0
    cdef Py_ssize_t level
    for level in range(min(depth, side.width)):
        here = price(side, level)
        # Times 0.0: an infinite quantity outside is not a number then, as it is in the twin.
        total += quantity(side, level) * (<double>(here >= limit) if bid else <double>(here <= limit))
    return total
