# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The loop over one instrument's events, as far as they are partial books.

Owns ids, clocks and states of partial books, and how their rows are put together. What these mean is said at the twins,
``orderbook.rows.plain_loop`` and ``orderbook.partial_lane.PartialLane.feed``: the same calls give the same rows. The
metrics of the flow are ``kernels.flow``'s.
"""

from cpython.buffer cimport PyBuffer_Release
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM

from kernels.block cimport Book, at, take
from kernels.flow cimport Numbers
from kernels.lanes cimport CROSSED, Lane
from kernels.windows cimport forget, rounded

cdef extern from "Python.h":
    tuple PyType_GenericAlloc(type made, Py_ssize_t size)

cdef enum:
    PLACES = 6  # the first fields of an event, and of a row: where its message stood
    EVENT_FIELDS = PLACES + 1
    ROW_FIELDS = 21

NOTHING_BESIDE = (None, None, 0, 0)


cdef class Loop:
    """See ``orderbook.rows.plain_loop``.

    Args:
        partial_type: Class of the events that are partial books.
        row_type: Class of the rows: a subclass of tuple that adds nothing to its memory.
        second_ms: How long the second windows are.
    """

    cdef type _partial_type, _row_type
    cdef long long _second_ms

    def __init__(self, type partial_type not None, type row_type not None, long long second_ms):
        if not issubclass(row_type, tuple):
            raise ValueError("expected a class of tuples")
        self._partial_type, self._row_type, self._second_ms = partial_type, row_type, second_ms

    def __call__(self, events, levels, Lane lane not None, notices, caller, /):
        cdef Py_buffer view
        cdef Book book
        cdef Py_ssize_t last = -1
        take(levels, &view)
        try:
            made = self._run(events, &view, lane, notices, caller, &last)
            if last >= 0:
                at(&view, last, &book)
                lane.keep(&book)
            return made
        finally:
            PyBuffer_Release(&view)

    cdef tuple _run(self, events, Py_buffer *view, Lane lane, notices, caller, Py_ssize_t *last):
        """``last`` gets the row of the last book that counts."""
        cdef list rows = [], before = [], kept = []
        cdef Py_ssize_t stale = 0, row
        cdef bint alone = caller.alone
        cdef tuple fields, beside
        cdef Book now, then
        cdef Numbers *flow = &lane.numbers
        cdef int state
        lane.last(&then)
        for event in events:
            if type(event) is not self._partial_type:
                caller.hear(event, rows, before)
                alone = caller.alone
                continue
            fields = <tuple>event
            if len(fields) != EVENT_FIELDS:
                raise ValueError(f"expected an event of {EVENT_FIELDS} fields, received {len(fields)}")
            if not accepted(lane, fields, notices):
                stale += 1
                continue
            row = fields[PLACES]
            if not 0 <= row < view.shape[0]:
                raise IndexError(f"expected a row of {view.shape[0]}, received {row}")
            at(view, row, &now)
            state = lane.follow(&now, &then)
            before.append(flow.place)
            if state != CROSSED:
                flow.place = len(rows)
                last[0], then = row, now
            kept.append(row)
            lane.seq += 1
            beside = NOTHING_BESIDE if alone else caller.beside()
            rows.append(self._row(fields, flow, state, lane.seq, beside))
        return rows, before, kept, stale

    cdef tuple _row(self, tuple event, Numbers *flow, int state, long long seq, tuple beside):
        """A row: where its message stood, and what is told of a flow."""
        cdef Py_ssize_t at
        cdef bint counts = state != CROSSED
        cdef tuple row = PyType_GenericAlloc(self._row_type, ROW_FIELDS)
        if len(beside) != 4:
            raise ValueError(f"expected 4 fields beside, received {len(beside)}")
        for at in range(PLACES):
            put(row, at, event[at])
        if counts:
            forget(&flow.second, flow.clock_ms - self._second_ms)
        put(row, 6, seq)
        put(row, 7, rounded(&flow.events) if counts else None)
        put(row, 8, beside[0])
        put(row, 9, flow.events.count)
        put(row, 10, state)
        put(row, 11, beside[3])
        put(row, 12, flow.ofi if counts and flow.compared else None)
        put(row, 13, flow.ofi_fast if counts else None)
        put(row, 14, flow.ofi_slow if counts else None)
        put(row, 15, rounded(&flow.second) if counts else None)
        put(row, 16, beside[1])
        put(row, 17, beside[2])
        put(row, 18, flow.clock_ms - flow.events.first_ms if flow.events.count else None)
        put(row, 19, flow.events.cut_off)
        put(row, 20, None)
        return row


cdef bint accepted(Lane lane, tuple event, notices) except -1:
    """Whether it is no old message."""
    update_id, ms = event[5], event[3]
    if ms is None:
        ms = event[2] // 1_000_000 if event[2] is not None else event[1]
    return lane.accept(ms, update_id is not None, update_id if update_id is not None else 0, notices)


cdef inline void put(tuple made, Py_ssize_t at, value):
    Py_INCREF(value)
    PyTuple_SET_ITEM(made, at, value)
