"""Many instruments' partial books in one pass: the records, counts and states of one measurer after another."""

from __future__ import annotations

from collections import Counter
from math import isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decode import Decoder
from connectors.raw import RawBatch
from kernels import compiled
from orderbook import MeasureConfig, Measurer
from orderbook.groups import measure_groups
from orderbook.meters import KERNEL, Lanes, Meter, Metered
from orderbook.presets import contract_size
from orderbook.rows import plain_loop
from tests.strategies import configs

pytestmark = pytest.mark.skipif(KERNEL is None, reason="kernels.meters was not compiled")

NAMES = ["binance-spot:AUSDT", "binance-spot:BUSDT", "binance-coinm:BTCUSD_PERP"]
FUTURES = b'{"stream":"%b@depth20@100ms","data":{"e":"depthUpdate","E":%d,"T":%d,"s":"%b","U":1,"u":%d,"pu":0,"b":[%b],"a":[%b]}}'
SPOT = b'{"stream":"%b@depth20@100ms","data":{"lastUpdateId":%d,"bids":[%b],"asks":[%b]}}'

prices = st.integers(90, 110)
sides = st.lists(st.tuples(prices, st.integers(0, 40)), max_size=8, unique_by=lambda level: level[0])
messages = st.tuples(
    st.sampled_from(NAMES), st.integers(-3, 3), st.sampled_from([0, 1, 100, 250, 2_000, -90_000, 90_000]), sides, sides
)


def raws(told: list[tuple[str, int, int, Any, Any]], cuts: list[int]) -> list[RawBatch]:
    """Messages as polls that end at ``cuts``; ids and times are steps from the last ones."""
    polls = [RawBatch("depth.raw")]
    ids, times = dict.fromkeys(NAMES, 1_000), dict.fromkeys(NAMES, 1_700_000_000_000)
    for offset, (name, step, ms, bids, asks) in enumerate(told):
        if offset in cuts:
            polls.append(RawBatch("depth.raw"))
        ids[name] += 1 + step
        times[name] += ms
        sides = text(sorted(bids, reverse=True)), text(sorted(asks))
        symbol = name.partition(":")[2].encode()
        if name.startswith("binance-spot"):
            value = SPOT % (symbol.lower(), ids[name], *sides)
        else:
            value = FUTURES % (symbol.lower(), times[name], times[name] - 1, symbol, ids[name], *sides)
        headers = [("recv_ns", b"%d" % (times[name] * 1_000_000 + 7))] if step else None
        polls[-1].append(
            value,
            key=name.encode(),
            headers=headers,
            partition=NAMES.index(name),
            offset=offset,
            timestamp_ms=times[name],
        )
    return polls


def text(levels: list[tuple[int, int]]) -> bytes:
    return b",".join(b'["%d.5","%d.25"]' % level for level in levels)


class Plainly:
    """Instrument by instrument, in plain Python."""

    def __init__(self, config: MeasureConfig) -> None:
        self.config = config
        self.measurers = {name: Measurer(config, loop=plain_loop) for name in NAMES}
        self.rows: dict[str, list[Any]] = {name: [] for name in NAMES}
        self.ignored, self.notices = Counter[str](), Counter[str]()

    def feed(self, decoder: Decoder, raw: RawBatch) -> None:
        for group in decoder.decode_plainly(raw).groups:
            size = contract_size(group.instrument, self.config.contract_sizes)
            told = self.measurers[group.instrument].feed(group.events, group.levels, size)
            self.ignored.update(told.ignored)
            self.notices.update(told.notices)
            if not told.rows:
                continue
            states = bytes(row.state for row in told.rows)
            columns = measure_groups(
                [told.books], states, self.config, [told.before], [told.carried], contract_sizes=[size], kernel=None
            )
            self.rows[group.instrument] += zip(map(tuple, told.rows), columns.tolist(), strict=True)


class AtOnce:
    """In one pass where that is possible."""

    def __init__(self, config: MeasureConfig) -> None:
        assert KERNEL is not None
        self.config = config
        self.meter = Meter(config, KERNEL)
        self.measurers = {name: Measurer(config) for name in NAMES}
        self.rows: dict[str, list[Any]] = {name: [] for name in NAMES}
        self.ignored, self.notices = Counter[str](), Counter[str]()

    @property
    def lanes(self) -> Lanes:
        made: Lanes = {}
        for name, measurer in self.measurers.items():
            made[name] = lane = measurer.lane(contract_size(name, self.config.contract_sizes))
            assert lane is not None
            lane.partition, lane.mark = NAMES.index(name), name
        return made

    def feed(self, decoder: Decoder, raw: RawBatch) -> None:
        decoded = decoder.decode(raw)
        assert not decoded.groups
        assert not decoded.faults
        for books in decoded.books:
            metered = self.meter.measure(books.columns, books.numbers, self.lanes)
            assert metered.rest == []
            self.take(metered)

    def take(self, metered: Metered) -> None:
        columns = np.empty((sum(metered.counts), 26))
        metered.rows.copy_columns(columns)
        rows = iter(zip(metered.rows.rows(), columns.tolist(), strict=True))
        for name, count in zip(metered.marks, metered.counts, strict=True):
            self.rows[name] += [next(rows) for _ in range(count)]
        self.ignored.update({"stale": metered.stale} if metered.stale else {})
        self.notices.update(metered.notices)


def told(rows: dict[str, list[Any]]) -> Any:
    """With None for NaN, so that equal is equal."""
    return {
        name: [(row, [None if isnan(number) else number for number in columns]) for row, columns in of_one]
        for name, of_one in rows.items()
    }


@settings(max_examples=300)
@given(st.lists(messages, max_size=40), st.lists(st.integers(1, 39), max_size=4), configs)
def test_it_gives_what_one_measurer_after_another_gives(
    script: list[Any], cuts: list[int], config: MeasureConfig
) -> None:
    decoder = Decoder(depth_levels=config.depth_levels, books_by=str)
    plainly, at_once = Plainly(config), AtOnce(config)
    for raw in raws(script, cuts):
        plainly.feed(decoder, raw)
        at_once.feed(decoder, raw)

    assert told(at_once.rows) == told(plainly.rows)
    assert (at_once.ignored, at_once.notices) == (plainly.ignored, plainly.notices)
    for name in NAMES:
        assert at_once.measurers[name].state() == plainly.measurers[name].state()


def test_who_is_in_no_lane_is_left() -> None:
    decoder, at_once = Decoder(books_by=lambda _: ""), AtOnce(MeasureConfig())
    (raw,) = raws([(name, 1, 1, [(99, 1)], [(101, 1)]) for name in NAMES], [])
    (books,) = decoder.decode(raw).books
    lanes = at_once.lanes
    del lanes[NAMES[1]]
    lanes[NAMES[2]].partition = 5

    metered = at_once.meter.measure(books.columns, books.numbers, lanes)

    assert metered.rest == [1, 2]
    assert (metered.marks, metered.partitions, metered.counts) == ([NAMES[0]], [0], [1])
    assert [lane.told for lane in at_once.lanes.values()] == [True, False, False]
    assert [event.offset for event in books.group(1).events] == [1]


def test_who_was_told_more_than_books_has_no_lane() -> None:
    measurer = Measurer(MeasureConfig())
    assert measurer.lane(None) is not None
    measurer.alone = False
    assert measurer.lane(None) is None
    assert Measurer(MeasureConfig(), loop=plain_loop).lane(None) is None


def test_wrong_arguments_are_refused() -> None:
    assert KERNEL is not None
    with pytest.raises(ValueError, match="at least one level"):
        KERNEL.Meter(0.1, 0, 1_000, -1)
    columns = compiled("columns")
    assert columns is not None
    meter = Meter(MeasureConfig(), KERNEL)
    empty = columns.Columns([])
    for number in (0, -1, 2**40):
        with pytest.raises(IndexError, match="number of one of 0 groups"):
            meter.measure(empty, [number], {})
        with pytest.raises(IndexError, match="number of one of 0 groups"):
            empty.group(number, tuple)
    (raw,) = raws([(NAMES[0], 1, 1, [(99, 1)], [(101, 1)])], [])
    (books,) = Decoder(books_by=str).decode(raw).books
    with pytest.raises(TypeError):
        meter.measure(books.columns, [0], {NAMES[0]: object()})
