"""Dirt is off by default, does what it says, and leaves the market below as it is."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

import pytest

from simulator import Dirt, Event, simulate
from tests.simulator.replay import data, diffs, instrument, kind, of_kind, run

CHOSEN = instrument(2, "diff", "trade", "bookTicker", "snapshot")
CLEAN = run(CHOSEN)


def dirty(dirt: Dirt) -> list[Event]:
    return list(simulate([CHOSEN], seconds=10, seed=7, dirt=dirt))


def test_a_clock_behind_the_exchange_moves_receive_times_only() -> None:
    events = dirty(Dirt(clock_offset_ms=-1270))

    assert [event._replace(recv_ns=event.recv_ns + 1_270_000_000) for event in events] == list(CLEAN)


def test_gaps_are_reported_and_only_diffs_are_missing() -> None:
    events = dirty(Dirt(gap_pct=10))
    kept = {event.payload for event in events}
    missing = [event for event in CLEAN if event.payload not in kept]

    assert missing
    assert set(map(kind, missing)) == {"depth@0ms"}
    breaks = 0
    for one, two in pairwise(diffs(events)):
        assert one.truth is not None
        assert two.truth is not None
        broken = data(two)["pu"] != data(one)["u"]
        assert (two.truth.dropped_diffs > one.truth.dropped_diffs) == broken
        breaks += broken
    assert breaks


def test_duplicates_come_twice_and_count_once() -> None:
    events = dirty(Dirt(duplicate_pct=5))
    distinct = list(dict.fromkeys(event.payload for event in events))

    assert distinct == [event.payload for event in CLEAN]
    assert 0.02 < len(events) / len(CLEAN) - 1 < 0.1
    assert volumes(events)[-1] == volumes(CLEAN)[-1]


def test_reordered_trades_are_the_same_trades() -> None:
    events = of_kind(dirty(Dirt(reorder_pct=10)), "trade")
    ids = [data(event)["t"] for event in events]

    assert ids != sorted(ids)
    assert {event.payload for event in events} == {event.payload for event in of_kind(CLEAN, "trade")}


def test_skew_sends_event_time_backwards_between_streams_never_within_one() -> None:
    events = dirty(Dirt(skew_ms=8))
    times = [data(event)["E"] for event in events if kind(event) != "snapshot"]
    assert times != sorted(times)
    assert sorted(event.payload for event in events) == sorted(event.payload for event in CLEAN)

    by_stream: dict[str, list[bytes]] = defaultdict(list)
    for event in events:
        by_stream[event.stream].append(event.payload)
    for stream, payloads in by_stream.items():
        assert payloads == [event.payload for event in CLEAN if event.stream == stream]


@pytest.mark.parametrize("dirt", [Dirt(skew_ms=8), Dirt(reorder_pct=20), Dirt(duplicate_pct=5, skew_ms=3)])
def test_true_volumes_count_what_came_before_in_the_output(dirt: Dirt) -> None:
    seen: set[int] = set()
    bought = sold = Decimal(0)

    for event in dirty(dirt):
        if event.truth is not None:
            assert (Decimal(event.truth.taker_buy_volume), Decimal(event.truth.taker_sell_volume)) == (bought, sold)
        elif kind(event) == "trade" and data(event)["t"] not in seen:
            seen.add(data(event)["t"])
            bought += 0 if data(event)["m"] else Decimal(data(event)["q"])
            sold += Decimal(data(event)["q"]) if data(event)["m"] else 0


@pytest.mark.parametrize(
    "changes", [{"gap_pct": 100.0}, {"duplicate_pct": -1.0}, {"reorder_pct": 101}, {"skew_ms": -1}]
)
def test_dirt_that_is_no_share_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Dirt(**changes)


def volumes(events: list[Event] | tuple[Event, ...]) -> list[tuple[str, str]]:
    return [(event.truth.taker_buy_volume, event.truth.taker_sell_volume) for event in events if event.truth]
