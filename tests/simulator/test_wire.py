"""Payloads have the exchange's fields in the exchange's order, and ids are chained by each venue's rule."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest

from tests.simulator.replay import DIFFS, data, diffs, instrument, kind, of_kind, partials, run

EVERYTHING = ("diff", "depth20@100ms", "trade", "aggTrade", "bookTicker", "snapshot")
FUTURES_DEPTH = ["e", "E", "T", "s", "U", "u", "pu", "b", "a"]
COIN_DEPTH = ["e", "E", "T", "s", "ps", "U", "u", "pu", "b", "a"]
FIELDS = {
    "binance-spot": {
        "diff": ["e", "E", "s", "U", "u", "b", "a"],
        "depth20@100ms": ["lastUpdateId", "bids", "asks"],
        "trade": ["e", "E", "s", "t", "p", "q", "T", "m", "M"],
        "aggTrade": ["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"],
        "bookTicker": ["u", "s", "b", "B", "a", "A"],
        "snapshot": ["lastUpdateId", "bids", "asks"],
    },
    "binance-usdm": {
        "diff": FUTURES_DEPTH,
        "depth20@100ms": FUTURES_DEPTH,
        "trade": ["e", "E", "T", "s", "t", "p", "q", "X", "m"],
        "aggTrade": ["e", "E", "a", "s", "p", "q", "f", "l", "T", "m"],
        "bookTicker": ["e", "u", "s", "b", "B", "a", "A", "T", "E"],
        "snapshot": ["lastUpdateId", "E", "T", "bids", "asks"],
    },
    "binance-coinm": {
        "diff": COIN_DEPTH,
        "depth20@100ms": COIN_DEPTH,
        "trade": ["e", "E", "T", "s", "t", "p", "q", "X", "m"],
        "aggTrade": ["e", "E", "a", "s", "p", "q", "f", "l", "T", "m"],
        "bookTicker": ["e", "u", "s", "ps", "b", "B", "a", "A", "T", "E"],
        "snapshot": ["lastUpdateId", "symbol", "pair", "E", "T", "bids", "asks"],
    },
}
DECIMALS = {"binance-spot": (8, 8), "binance-usdm": (2, 3), "binance-coinm": (1, 0)}
ALL_VENUES = pytest.mark.parametrize("number", [0, 2, 4], ids=["spot", "usdm", "coinm"])


@ALL_VENUES
def test_fields_stand_in_the_exchange_s_order_and_json_is_compact(number: int) -> None:
    chosen = instrument(number, *EVERYTHING)
    seen = set()

    for event in run(chosen):
        name = "diff" if kind(event) == DIFFS[chosen.venue] else kind(event)
        seen.add(name)
        assert list(data(event)) == FIELDS[chosen.venue][name]
        assert event.stream == f"{chosen.symbol.lower()}@{kind(event)}"
        assert event.payload == json.dumps(json.loads(event.payload), separators=(",", ":")).encode()
    assert seen == set(EVERYTHING)


@ALL_VENUES
def test_decimals_are_the_venue_s(number: int) -> None:
    chosen = instrument(number, *EVERYTHING)
    price, quantity = (rf"\d+\.\d{{{n}}}" if n else r"\d+" for n in DECIMALS[chosen.venue])
    level = re.compile(rf'\["({price})","({quantity})"\]')

    for event in run(chosen):
        text = event.payload.decode()
        assert text.count('["') == len(level.findall(text))
        payload = data(event)
        if "p" in payload:
            assert re.fullmatch(price, payload["p"])
            assert re.fullmatch(quantity, payload["q"])
        if kind(event) == "bookTicker":
            assert all(re.fullmatch(price, payload[k]) and re.fullmatch(quantity, payload[k.upper()]) for k in "ba")


@ALL_VENUES
def test_update_ids_are_chained_by_the_venue_s_rule(number: int) -> None:
    chosen = instrument(number, *EVERYTHING)
    events = run(chosen)

    for one, two in pairwise(map(data, diffs(events))):
        assert two["U"] <= two["u"]
        if chosen.venue == "binance-spot":
            assert two["U"] == one["u"] + 1
        else:
            assert one["u"] == two["pu"] < two["U"]
    if chosen.venue != "binance-spot":
        for one, two in pairwise(map(data, partials(events))):
            assert one["u"] == two["pu"] < two["U"] <= two["u"]


def test_futures_ids_jump_as_all_symbols_share_them() -> None:
    events = diffs(run(instrument(2, *EVERYTHING)))

    assert sum(data(two)["U"] > data(one)["u"] + 1 for one, two in pairwise(events)) > len(events) // 2


@ALL_VENUES
def test_trade_and_aggregate_ids_are_contiguous_and_ticker_ids_rise(number: int) -> None:
    events = run(instrument(number, *EVERYTHING))
    for name, key, steps in [("trade", "t", {1}), ("aggTrade", "a", {1}), ("bookTicker", "u", None)]:
        ids = [data(event)[key] for event in of_kind(events, name)]
        found = {two - one for one, two in pairwise(ids)}
        assert found == steps if steps else min(found) > 0

    parts = [(data(event)["f"], data(event)["l"]) for event in of_kind(events, "aggTrade")]
    assert all(two[0] == one[1] + 1 for one, two in pairwise(parts))


@ALL_VENUES
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_snapshot_comes_5_to_54_lines_after_the_diffs_start_and_joins(number: int, seed: int) -> None:
    events = run(instrument(number, "diff", "trade", "bookTicker", "snapshot"), seconds=8, seed=seed)
    kinds = [kind(event) for event in events]
    first = next(i for i, name in enumerate(kinds) if name.startswith("depth@"))

    assert kinds.count("snapshot") == 1
    assert 5 <= kinds.index("snapshot") - first <= 54
    snapshot = data(events[kinds.index("snapshot")])
    assert len(snapshot["bids"]) == len(snapshot["asks"]) == 1000
    assert data(events[first])["U"] <= snapshot["lastUpdateId"]


def test_audit_snapshots_come_again_and_again() -> None:
    events = run(instrument(0, "diff", "snapshot", audit_every_s=2.0), seconds=12)
    ids = [data(event)["lastUpdateId"] for event in of_kind(events, "snapshot")]

    assert len(ids) >= 4
    assert ids == sorted(ids)


def test_usdm_diffs_come_every_51_ms_and_the_others_every_100() -> None:
    for number, mean_ms in [(0, 100), (2, 51.2), (4, 100)]:
        times = [data(event)["E"] for event in diffs(run(instrument(number)))]
        assert (times[-1] - times[0]) / (len(times) - 1) == pytest.approx(mean_ms, rel=0.02)


def test_diff_levels_stand_in_the_venue_s_order() -> None:
    for number, bids_fall in [(0, True), (2, False)]:
        for event in diffs(run(instrument(number))):
            bids, asks = ([float(p) for p, _ in data(event)[side]] for side in "ba")
            assert bids == sorted(bids, reverse=bids_fall)
            assert asks == sorted(asks)
