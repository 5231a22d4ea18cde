# cython: wraparound=False, cdivision=True
"""Events made of messages that were read.

Owns which field of a message goes where in an event, for each layout. An event is a named tuple of the caller's class, made
without a plain tuple before it.
"""

from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from libc.stdint cimport int64_t

from kernels.cells cimport NOTHING
from kernels.columns cimport Place
from kernels.rows cimport *
from kernels.spelling cimport *

cdef extern from "Python.h":
    tuple PyType_GenericAlloc(type made, Py_ssize_t size)


cdef tuple make_event(Row *row, const double *numbers, offset, timestamp_ms, Py_ssize_t place, type made):
    """The event of a message that fits its layout.

    Args:
        numbers: What the sides' places count in.
        place: Row of a book in the levels of its group.
        made: Class of the event: a subclass of tuple that adds nothing to its memory.
    """
    if row.layout == A_BOOK:
        return make_book(row, offset, timestamp_ms, place, made)
    if row.layout == A_QUOTE:
        return make_quote(&row.message, offset, made)
    if row.layout == A_TRADE or row.layout == AN_AGG_TRADE:
        return make_trade(row, offset, made)
    return make_change(row, numbers, offset, timestamp_ms, made)


cdef inline void put(tuple event, Py_ssize_t at, value):
    Py_INCREF(value)
    PyTuple_SET_ITEM(event, at, value)


cdef inline object id_of(Message *message, int place):
    """An optional id."""
    return message.ids[place] if message.fields >> place & 1 else None


cdef tuple make_book(Row *row, offset, timestamp_ms, Py_ssize_t place, type made):
    cdef Message *m = &row.message
    event = PyType_GenericAlloc(made, 7)
    put(event, 0, offset)
    put(event, 1, timestamp_ms)
    put(event, 2, time_of(row))
    put(event, 3, id_of(m, EVENT_TIME))
    put(event, 4, id_of(m, TRANSACTION_TIME))
    # Spot and REST say lastUpdateId, futures streams say u.
    put(event, 5, id_of(m, BOOK_ID if m.fields & HAS_BOOK_ID else LAST_ID))
    put(event, 6, place)
    return event


cdef int set_place(Place *place, Row *row, long long offset, long long timestamp_ms) except -1:
    """Where a book's message stood, as ``make_book`` says it."""
    cdef Message *m = &row.message
    place.offset, place.timestamp_ms = offset, timestamp_ms
    place.receive_time_ns = NOTHING if row.received_ns == NEVER else row.received_ns
    place.event_time_ms = m.ids[EVENT_TIME] if m.fields & HAS_EVENT_TIME else NOTHING
    place.transaction_time_ms = m.ids[TRANSACTION_TIME] if m.fields & HAS_TRANSACTION_TIME else NOTHING
    place.update_id = NOTHING
    if m.fields & HAS_BOOK_ID:
        place.update_id = m.ids[BOOK_ID]
    elif m.fields & HAS_LAST_ID:
        place.update_id = m.ids[LAST_ID]
    return 0


cdef tuple make_quote(Message *m, offset, type made):
    cdef Py_ssize_t at
    event = PyType_GenericAlloc(made, 6)
    put(event, 0, offset)
    put(event, 1, m.ids[LAST_ID])
    for at in range(4):
        put(event, 2 + at, m.amounts[at])
    return event


cdef tuple make_trade(Row *row, offset, type made):
    cdef Message *m = &row.message
    event = PyType_GenericAlloc(made, 6)
    put(event, 0, offset)
    put(event, 1, m.ids[TRADE_ID if row.layout == A_TRADE else AGG_ID])
    put(event, 2, clock_of(row))
    put(event, 3, -m.amounts[5] if m.buyer_is_maker else m.amounts[5])
    put(event, 4, row.layout == AN_AGG_TRADE)
    put(event, 5, not m.other_cause)
    return event


cdef tuple make_change(Row *row, const double *numbers, offset, timestamp_ms, type made):
    cdef Message *m = &row.message
    event = PyType_GenericAlloc(made, 10)
    put(event, 0, offset)
    put(event, 1, timestamp_ms)
    put(event, 2, time_of(row))
    put(event, 3, id_of(m, EVENT_TIME))
    put(event, 4, id_of(m, TRANSACTION_TIME))
    put(event, 5, m.ids[LAST_ID])
    put(event, 6, m.ids[FIRST_ID])
    put(event, 7, None if row.layout == A_FREE else id_of(m, PREVIOUS_ID))
    put(event, 8, pairs_of(&m.bids, numbers))
    put(event, 9, pairs_of(&m.asks, numbers))
    return event


cdef list pairs_of(Side *side, const double *numbers):
    """(price, quantity) of each level."""
    cdef const double *at = numbers + side.start
    cdef Py_ssize_t level
    return [(at[2 * level], at[2 * level + 1]) for level in range(side.count)]


cdef object place_draft(draft, type made, levels, Py_ssize_t place):
    """The event of a book that the caller read, (six fields, bids, asks), and its levels into their row."""
    levels[:] = 0.0
    for side in (0, 1):
        pairs = draft[6 + side]
        if pairs:
            levels[side, : len(pairs)] = pairs
    return tuple.__new__(made, (*draft[:6], place))
