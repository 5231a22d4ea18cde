"""Runs are equal byte for byte, whoever else is simulated, and in the order of receive time."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from simulator import START_MS, Dirt, default_instruments, simulate
from simulator.instrument import VENUE_STREAMS, Instrument
from tests.needs import ROOT
from tests.simulator.replay import data, instrument, kind, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator import Event

GOLDEN = ROOT / "tests" / "golden" / "simulator" / "digests.json"
ALL_DIRT = Dirt(clock_offset_ms=-1270, skew_ms=5, gap_pct=2, duplicate_pct=1, reorder_pct=5)


def digests(events: Iterable[Event]) -> dict[str, str]:
    """SHA-256 of each instrument's events, all their fields."""
    hashes: dict[str, hashlib._Hash] = {}
    for event in events:
        name = f"{event.venue}:{event.symbol}"
        hashes.setdefault(name, hashlib.sha256()).update(repr(tuple(event)).encode())
    return {name: found.hexdigest() for name, found in sorted(hashes.items())}


@pytest.mark.parametrize(("name", "dirt"), [("clean", Dirt()), ("dirty", ALL_DIRT)])
def test_a_run_is_the_recorded_one(name: str, dirt: Dirt) -> None:
    found = digests(simulate(default_instruments(8), seconds=3, seed=7, dirt=dirt))

    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))[name]


def test_another_seed_is_another_market() -> None:
    one, two = (digests(simulate(default_instruments(4), seconds=1, seed=seed)) for seed in (1, 2))

    assert not set(one.values()) & set(two.values())


def test_an_instrument_does_not_depend_on_the_others() -> None:
    together = digests(simulate(reversed(default_instruments(7)), seconds=1, seed=7))
    alone: dict[str, str] = {}
    for chosen in default_instruments(7):
        alone |= digests(simulate([chosen], seconds=1, seed=7))

    assert together == alone


def test_a_longer_run_starts_as_the_shorter_one() -> None:
    chosen = instrument(2)
    short, long = run(chosen, seconds=2), run(chosen, seconds=4)

    assert long[: len(short)] == short


def test_the_other_streams_do_not_change_what_is_traded() -> None:
    trades = [run(instrument(0, *streams)) for streams in (("trade",), ("trade", "diff", "bookTicker", "snapshot"))]

    assert [data(e)["q"] for e in trades[0]] == [data(e)["q"] for e in trades[1] if kind(e) == "trade"]


def test_receive_time_never_decreases_and_event_time_never_goes_back() -> None:
    events = list(simulate(default_instruments(6), seconds=3, seed=3))
    assert [event.recv_ns for event in events] == sorted(event.recv_ns for event in events)

    for chosen in default_instruments(6):
        times = [data(e)["E"] for e in events if (e.venue, e.symbol) == (chosen.venue, chosen.symbol) and plain(e)]
        assert times == sorted(times)
        assert times[0] >= START_MS


def plain(event: Event) -> bool:
    """Whether the message has an event time of now: a REST snapshot tells when it was taken."""
    return kind(event) != "snapshot" and "E" in data(event)


def test_start_time_moves_the_run_and_nothing_else() -> None:
    early = run(instrument(0, "trade"))
    late = list(simulate([instrument(0, "trade")], seconds=10, seed=7, start_ms=START_MS + 1_000))

    assert [event.recv_ns - 10**9 for event in late] == [event.recv_ns for event in early]
    assert [data(event)["p"] for event in late] == [data(event)["p"] for event in early]


def test_the_first_five_instruments_are_the_known_ones_and_the_rest_cycle_through_the_venues() -> None:
    chosen = default_instruments(40)

    assert [one.name for one in chosen[:5]] == [
        "binance-spot:BTCUSDT",
        "binance-spot:ETHUSDT",
        "binance-usdm:BTCUSDT",
        "binance-usdm:ETHUSDT",
        "binance-coinm:BTCUSD_PERP",
    ]
    assert len({one.name for one in chosen}) == 40
    assert {one.venue for one in chosen[5:8]} == set(VENUE_STREAMS)
    assert default_instruments(0) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"venue": "binance"}, "expected a venue"),
        ({"streams": ("depth@0ms",)}, "expected distinct streams"),
        ({"streams": ("trade", "trade")}, "expected distinct streams"),
        ({"streams": ("depth@100ms", "kline")}, "expected distinct streams"),
        ({"regimes": ()}, "expected at least one regime"),
        ({"tick_size": "0.0"}, "expected a step above zero"),
        ({"start_price": "73.99"}, "expected a start price of at least 7400 ticks, received 7399"),
        ({"start_price": "60000.001"}, "expected a multiple of the step"),
    ],
)
def test_an_instrument_that_no_venue_lists_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        instrument(0, **changes)


@pytest.mark.parametrize(
    ("instruments", "seconds", "seed", "message"),
    [
        (default_instruments(1) * 2, 1, 1, "expected distinct instruments"),
        (default_instruments(1), 0, 1, "expected seed >= 0 and seconds > 0"),
        (default_instruments(1), 1, -1, "expected seed >= 0 and seconds > 0"),
    ],
)
def test_an_impossible_run_is_refused(instruments: list[Instrument], seconds: int, seed: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(instruments, seconds=seconds, seed=seed)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a count of 0 or more"):
        default_instruments(-1)
