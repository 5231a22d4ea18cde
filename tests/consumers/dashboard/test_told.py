"""The words and figures of the page, as the browser gets them; and what the scene makes of records and raw messages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson

from consumers.dashboard import told
from consumers.dashboard.look import LOOKS, ramp
from consumers.heatmap.timeline import Column
from tests.consumers.dashboard.markets import BTC, market, records_of, scene_of


def column(bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> Column:
    first, second = (np.array(levels, np.float64).reshape(-1, 2) for levels in (bids, asks))
    return Column(1000, 7, first, second, known=True)


def test_the_table_has_the_newest_record_of_each_instrument() -> None:
    raw = market()
    newest = list(records_of(raw))[-1].record
    (row,) = told.table(scene_of(raw), 1.0, raw.timestamps_ms[-1] + 40.0)

    assert row[0] == BTC
    assert row[1:-3] == [newest[name] for name in told.COLUMNS]
    assert row[-3] > 0.0 <= row[-2] < 1.0
    assert row[-1] == newest["gaps"]


def test_curves_and_books_have_the_same_clock_and_the_same_best_prices() -> None:
    raw = market()
    scene = scene_of(raw)
    timeline = scene.books.timeline(BTC)
    assert timeline is not None
    record = {item.record["source"]["offset"]: item.record for item in records_of(raw)}[timeline.columns()[-1].offset]

    assert scene.newest_ms(BTC) == timeline.newest_ms
    assert (timeline.columns()[-1].best_bid, timeline.columns()[-1].best_ask) == (
        record["best_bid"],
        record["best_ask"],
    )
    times, mids = scene.curve(BTC, "mid_price", 0, 10_000)
    assert times[-1] == record["event_time_ms"]
    assert mids[-1] == record["mid_price"]


def test_an_instrument_that_is_not_known_has_nothing_and_is_not_made_by_asking() -> None:
    scene = scene_of(market(0.5))

    assert [len(values) for values in scene.curve("binance-spot:NOPE", "mid_price", 0, 100)] == [0, 0]
    assert scene.newest_ms("binance-spot:NOPE") == 0
    assert [row[0] for row in told.table(scene, 1.0, 0.0)] == [BTC]


def test_only_wanted_symbols_are_kept() -> None:
    scene = scene_of(market(0.5), wanted=["ETHUSDT"])

    assert told.table(scene, 1.0, 0.0) == []
    assert scene.books.instruments() == []
    assert len(scene.curve(BTC, "mid_price", 0, 100)[0]) == 0


def test_the_ladder_has_the_best_levels_and_tells_large_orders() -> None:
    ladder = told.ladder(column([(10.0, 1.0), (9.0, 8.0)], [(11.0, 1.0)]), share=0.5, depth=20)

    assert ladder["bids"] == [[10.0, 1.0, False], [9.0, 8.0, True]]
    assert ladder["asks"] == [[11.0, 1.0, False]]
    assert (ladder["offset"], ladder["clock_ms"]) == (7, 1000)


def test_without_a_book_the_ladder_is_empty() -> None:
    unknown = Column(0, 1, np.zeros((0, 2)), np.zeros((0, 2)), known=False)

    assert told.ladder(None, share=0.1, depth=20) == told.ladder(unknown, share=0.1, depth=20)
    assert told.ladder(None, share=0.1, depth=20)["bids"] == []


def test_all_that_is_told_is_plain_json() -> None:
    scene = scene_of(market(0.5))
    scene.happenings.fault(BTC, "not_json", "what came", 1)
    parts: list[Any] = [told.table(scene, 1.0, 0.0), told.events(scene.happenings), told.health(scene)]

    assert orjson.loads(orjson.dumps(parts)) == parts
    assert parts[1]["lines"][0][1:] == ["fault", BTC, "not_json: what came", 1]
    assert parts[2]["records"] > 0


def test_a_ramp_goes_from_the_first_colour_to_the_last() -> None:
    for look in LOOKS.values():
        colours = ramp(look.heat)
        assert (colours[0], colours[-1], len(colours)) == (look.heat[0], look.heat[-1], 256)
    lightness = [sum(int(c[at : at + 2], 16) for at in (1, 3, 5)) for c in ramp(LOOKS["dark"].heat)]
    assert lightness == sorted(lightness)
    assert math.isclose(len(set(ramp(LOOKS["light"].heat))), 256, rel_tol=0.2)
