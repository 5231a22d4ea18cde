# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Partial books of many instruments, measured in one pass: where they lie, into cells.

Owns how the steps of ``kernels.lanes`` and ``kernels.books`` follow each other for instruments that are told nothing but
partial books. The twin is ``orderbook.measurer.Measurer.feed`` with ``orderbook.groups.measure_groups`` behind it: the same
bits.
"""

from cpython.mem cimport PyMem_Free
from libc.math cimport NAN

from kernels.block cimport Book, at, multi_level
from kernels.books cimport OFI_ML, Settings, make_room, measure_book, set_up, undefine
from kernels.cells cimport NOTHING, Cell, Rows, columns_of
from kernels.columns cimport Columns, Home, Place
from kernels.flow cimport Numbers, ofi_now
from kernels.lanes cimport CROSSED, LIVE, Lane
from kernels.prefetch cimport LINE, PyList_GET_ITEM, ask_for
from kernels.windows cimport forget, held_at, rounded


cdef enum:
    LANES_AHEAD = 16  # nearly all of a bucket's part of a poll


cdef class Meter:
    """Measures partial books.

    Args:
        threshold, depth_levels: See ``kernels.books.measure``.
        second_ms: How long the second windows are.
        no_predecessor: In the place of a predecessor's number: there is none.
    """

    cdef Settings settings
    cdef long long second_ms
    cdef Py_ssize_t no_predecessor

    def __cinit__(self, double threshold, Py_ssize_t depth_levels, long long second_ms, Py_ssize_t no_predecessor):
        set_up(&self.settings, threshold, depth_levels)
        self.second_ms, self.no_predecessor = second_ms, no_predecessor

    def __dealloc__(self):
        PyMem_Free(self.settings.notionals)

    def measure(
        self, Columns columns not None, list numbers not None, dict lanes not None, Rows rows not None,
        list partitions not None, list marks not None, list counts not None, notices, /
    ) -> tuple[list[int], int]:
        """Measure groups.

        Args:
            columns: The books.
            numbers: Which of the groups.
            lanes: Instrument to ``Lane``, of those who are told nothing but partial books.
            rows: Gets the rows.
            partitions, marks: Get the ``partition`` and the ``mark`` of the lanes that have rows.
            counts: Gets how many they are.
            notices: Counts what an operator may want to know.

        Returns:
            The numbers of the groups that are in no lane, and how many messages were no records because they are old.
        """
        cdef Py_ssize_t place, before, stale = 0
        cdef list rest = [], found = []
        cdef list mine = self._in_lanes(columns, numbers, lanes, found, rest)
        cdef Lane lane
        for place in range(min(LANES_AHEAD, len(found))):
            ask_for_lane(PyList_GET_ITEM(found, place))
        for place in range(len(found)):
            look_ahead(found, place)
            lane = <Lane>found[place]
            before = rows.count
            stale += self._measure(columns, mine[place], lane, rows, notices)
            if rows.count > before:
                partitions.append(lane.partition)
                marks.append(lane.mark)
                counts.append(rows.count - before)
        return rest, stale

    cdef list _in_lanes(self, Columns columns, list numbers, dict lanes, list found, list rest):
        """Fill ``found`` with lanes and ``rest`` with the numbers that are in none; returns the numbers of those found."""
        cdef Py_ssize_t number
        cdef list mine = []
        for told in numbers:
            number = told
            if not 0 <= number < len(columns.names):
                raise IndexError(f"expected the number of one of {len(columns.names)} groups, received {number}")
            lane = lane_of(columns, number, lanes)
            if lane is None:
                rest.append(told)
            else:
                found.append(lane)
                mine.append(told)
        return mine

    cdef Py_ssize_t _measure(self, Columns columns, Py_ssize_t number, Lane lane, Rows rows, notices) except -1:
        """Measure a group; returns how many messages were old."""
        cdef Py_ssize_t row, last = -1, stale = 0
        cdef Py_buffer *view = &columns.view
        cdef Numbers *flow = &lane.numbers
        cdef Place *place
        cdef Cell *cells
        cdef double *out
        cdef Book now, then
        cdef int state
        make_room(&self.settings, view.shape[2])
        lane.told = True
        lane.last(&then)
        for row in range(columns.firsts[number], columns.firsts[number + 1]):
            place = &columns.places[row]
            if not lane.accept(clock_of(place), place.update_id != NOTHING, place.update_id, notices):
                stale += 1
                continue
            at(view, row, &now)
            state = lane.follow(&now, &then)
            lane.seq += 1
            cells = rows.add()
            out = columns_of(rows, rows.count - 1)
            tell(cells, place, flow, state, lane.seq, self.second_ms)
            measure_book(&now, lane.contract_size, &self.settings, out)
            out[OFI_ML] = NAN if flow.place == self.no_predecessor else multi_level(&now, &then, self.settings.depth)
            if state != LIVE:
                undefine(out, state)
            if state != CROSSED:
                flow.place = lane.before
                last, then = row, now
        if last >= 0:
            lane.keep(&then)
        return stale


cdef Lane lane_of(Columns columns, Py_ssize_t number, dict lanes):
    """The lane of a group; None: it has none. Where it is remembered, nobody is looked up by name."""
    cdef Home home = None
    name = <tuple?>columns.names[number]
    if number < len(columns.homes):
        home = <Home?>columns.homes[number]
        if home.name is not name:
            home = None
        elif home.lanes is lanes and is_home(home.lane, home.partition):
            return home.lane
    instrument, partition = <tuple>name
    lane = lanes.get(instrument)
    if lane is None or not is_home(<Lane?>lane, partition):
        return None
    if home is not None:
        home.lanes, home.lane = lanes, lane
    return <Lane>lane


cdef inline bint is_home(Lane lane, partition) except -1:
    """Whether the lane's messages come from this partition; small integers are one object."""
    return lane.partition is partition or lane.partition == partition


cdef inline void look_ahead(list lanes, Py_ssize_t place) noexcept:
    """Ask for the memory of the lanes behind this one: with thousands of instruments, that is what costs."""
    cdef Py_ssize_t left = len(lanes) - place
    cdef Numbers *flow
    if left > LANES_AHEAD:
        ask_for_lane(PyList_GET_ITEM(lanes, place + LANES_AHEAD))
    if left > 1:
        flow = &(<Lane>PyList_GET_ITEM(lanes, place + 1)).numbers
        if flow.events.room:
            ask_for(held_at(&flow.events, flow.events.count))  # where the next one will be
            ask_for(held_at(&flow.second, flow.second.count))
        if flow.second.count:
            ask_for(held_at(&flow.second, 0))


cdef inline void ask_for_lane(void *lane) noexcept:
    """Ask for what is read of every lane; the levels come as they are read, one after the other."""
    cdef const char *line = <const char *>lane
    cdef const char *levels = <const char *>(<Lane>lane).near
    while line < levels:
        ask_for(line)
        line += LINE


cdef inline long long clock_of(Place *place) noexcept:
    """See ``orderbook.partial_lane.PartialLane.feed``."""
    if place.event_time_ms != NOTHING:
        return place.event_time_ms
    return place.receive_time_ns // 1_000_000 if place.receive_time_ns != NOTHING else place.timestamp_ms


cdef int tell(Cell *cells, Place *place, Numbers *flow, int state, long long seq, long long second_ms) except -1:
    """See ``orderbook.rows.told``; nothing is beside the partial books."""
    cdef bint counts = state != CROSSED
    cdef bint held = flow.events.count > 0
    if counts:
        forget(&flow.second, flow.clock_ms - second_ms)
    (<Place *>cells)[0] = place[0]
    cells[6].integer = seq
    cells[7].number = rounded(&flow.events) if counts else NAN
    cells[8].number = NAN
    cells[9].integer = flow.events.count
    cells[10].integer = state
    cells[11].integer = 0
    cells[12].number = ofi_now(flow) if counts else NAN
    cells[13].number = flow.ofi_fast if counts else NAN
    cells[14].number = flow.ofi_slow if counts else NAN
    cells[15].number = rounded(&flow.second) if counts else NAN
    cells[16].number = NAN
    cells[17].integer = 0
    cells[18].integer = flow.clock_ms - flow.events.first_ms if held else NOTHING
    cells[19].integer = flow.events.cut_off
    cells[20].integer = NOTHING
    return 0
