# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The loop over one instrument's events, as far as they are partial books.

Owns ids, clocks and states of partial books, and how their rows are put together. What these mean is said at the twins,
``orderbook.rows.plain_loop`` and ``orderbook.partial_lane.PartialLane.feed``: the same calls give the same rows. The
metrics of the flow are ``kernels.flow``'s.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from libc.math cimport INFINITY

from kernels.flow cimport Flow

cdef extern from "Python.h":
    tuple PyType_GenericAlloc(type made, Py_ssize_t size)

cdef enum:
    PLACES = 6  # the first fields of an event, and of a row: where its message stood
    EVENT_FIELDS = PLACES + 1
    ROW_FIELDS = 21

NOTHING_BESIDE = (None, None, 0, 0)

cdef struct Best:
    double bid, bid_quantity, ask, ask_quantity


cdef class Loop:
    """See ``orderbook.rows.plain_loop``.

    Args:
        partial_type: Class of the events that are partial books.
        row_type: Class of the rows: a subclass of tuple that adds nothing to its memory.
        states: Codes of the states live, one-sided, empty, crossed.
        second_ms: How long the second windows are.
    """

    cdef type _partial_type, _row_type
    cdef tuple _states
    cdef long long _second_ms

    def __init__(self, type partial_type not None, type row_type not None, tuple states not None, long long second_ms):
        if not issubclass(row_type, tuple) or len(states) != 4:
            raise ValueError("expected a class of tuples, and four states")
        self._partial_type, self._row_type, self._states = partial_type, row_type, states
        self._second_ms = second_ms

    def __call__(self, events, levels, lane, notices, caller, /):
        cdef Py_buffer view
        PyObject_GetBuffer(levels, &view, PyBUF_STRIDES | PyBUF_FORMAT)
        try:
            if view.ndim != 4 or view.format[0] != b"d" or view.format[1] != 0 or view.shape[1] != 2 or view.shape[3] != 2:
                raise ValueError("expected levels as float64 of shape (n, 2, w, 2)")
            return self._run(events, &view, levels, lane, notices, caller)
        finally:
            PyBuffer_Release(&view)

    cdef tuple _run(self, events, Py_buffer *view, levels, lane, notices, caller):
        cdef list rows = [], before = [], kept = []
        cdef Py_ssize_t stale = 0
        cdef bint alone = caller.alone
        cdef long long seq = caller.seq
        cdef tuple fields, beside
        cdef Best best
        cdef Flow flow = lane.flow
        for event in events:
            if type(event) is not self._partial_type:
                caller.seq = seq
                caller.hear(event, rows, before)
                alone, seq = caller.alone, caller.seq
                continue
            fields = <tuple>event
            if len(fields) != EVENT_FIELDS:
                raise ValueError(f"expected an event of {EVENT_FIELDS} fields, received {len(fields)}")
            if not accept(lane, flow, fields, notices):
                stale += 1
                continue
            row = fields[PLACES]
            read_best(view, row, &best)
            state = settle(&best, self._states)
            before.append(flow.place)
            if state is not None:
                flow.follow(best.bid, best.bid_quantity, best.ask, best.ask_quantity, lane)
                flow.place = len(rows)
                lane.block, lane.row = levels, row
            kept.append(row)
            seq += 1
            beside = NOTHING_BESIDE if alone else caller.beside()
            rows.append(self._row(fields, flow, state, seq, beside))
        caller.seq = seq
        return rows, before, kept, stale

    cdef tuple _row(self, tuple event, Flow flow, state, long long seq, tuple beside):
        """A row: where its message stood, and what is told of a flow; no state: of a crossed book."""
        cdef Py_ssize_t at
        cdef bint counts = state is not None
        cdef tuple row = PyType_GenericAlloc(self._row_type, ROW_FIELDS)
        if len(beside) != 4:
            raise ValueError(f"expected 4 fields beside, received {len(beside)}")
        for at in range(PLACES):
            put(row, at, event[at])
        since_ms = flow.events.first_ms()
        if counts:
            flow.second.forget(flow.clock_ms - self._second_ms)
        put(row, 6, seq)
        put(row, 7, flow.events.rounded() if counts else None)
        put(row, 8, beside[0])
        put(row, 9, flow.events.length())
        put(row, 10, state if counts else self._states[3])
        put(row, 11, beside[3])
        put(row, 12, flow.ofi_of() if counts else None)
        put(row, 13, flow.ofi_fast if counts else None)
        put(row, 14, flow.ofi_slow if counts else None)
        put(row, 15, flow.second.rounded() if counts else None)
        put(row, 16, beside[1])
        put(row, 17, beside[2])
        put(row, 18, flow.clock_ms - <long long>since_ms if since_ms is not None else None)
        put(row, 19, flow.events.cut_off)
        put(row, 20, None)
        return row


cdef bint accept(lane, Flow flow, tuple event, notices) except -1:
    """Whether it is no old message; lane and flow know its id and time then."""
    update_id, ms = event[5], event[3]
    if ms is None:
        ms = event[2] // 1_000_000 if event[2] is not None else event[1]
    if update_id is not None:
        if update_id < lane.last_id and not lane.restarted(ms, notices):
            return False
        lane.last_id = update_id
        lane.clock_ms = ms
    if <long long>ms >= flow.clock_ms:
        flow.clock_ms = ms
    else:
        flow.tick(ms, notices)
    return True


cdef int read_best(Py_buffer *view, Py_ssize_t row, Best *best) except -1:
    cdef char *bid
    cdef char *ask
    if not 0 <= row < view.shape[0]:
        raise IndexError(f"expected a row of {view.shape[0]}, received {row}")
    if not view.shape[2]:
        best.bid = best.bid_quantity = best.ask = best.ask_quantity = 0.0
        return 0
    bid = <char *>view.buf + row * view.strides[0]
    ask = bid + view.strides[1]
    best.bid, best.ask = (<double *>bid)[0], (<double *>ask)[0]
    best.bid_quantity = (<double *>(bid + view.strides[3]))[0]
    best.ask_quantity = (<double *>(ask + view.strides[3]))[0]
    return 0


cdef object settle(Best *best, tuple states):
    """The state of a book that counts (live, one-sided, empty: the first three states); None: crossed."""
    if 0.0 < best.bid < best.ask:
        return states[0]
    if best.bid and best.ask:
        return None
    state = states[1] if best.bid or best.ask else states[2]
    best.bid = best.bid or -INFINITY
    best.ask = best.ask or INFINITY
    return state


cdef inline void put(tuple made, Py_ssize_t at, value):
    Py_INCREF(value)
    PyTuple_SET_ITEM(made, at, value)
