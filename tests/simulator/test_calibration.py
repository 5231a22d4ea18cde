"""The simulated market stays inside the ranges of the recorded one, and the figures mean what they say."""

from __future__ import annotations

import json

import pytest

from simulator import Event, Instrument, calibration, default_instruments
from tests.simulator.replay import instrument, run

FULL = ("diff", "snapshot", "trade", "bookTicker")
SEEDS = (1, 2, 3)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_figures_are_those_of_recorded_markets(number: int) -> None:
    # Recorded (spot BTC, spot ETH, USD-M BTC, USD-M ETH): p50 13-43, p99 280-611, one tick 99.1-99.7 %, span
    # 1.2-2.1 bps, trades 18-62 /s, quotes 70-201 /s, moves 5.5-7.7 /s, hits 67-76 %, last hits 83-93 %.
    chosen = instrument(number, *FULL)
    runs = [calibration.measure(run(chosen, seconds=30, seed=seed))[chosen.name] for seed in SEEDS]

    def mean(name: str) -> float:
        return float(sum(getattr(one, name) for one in runs) / len(runs))

    assert 12 <= mean("levels_p50") <= 60
    assert 180 <= mean("levels_p99") <= 650
    assert 98.5 <= mean("one_tick_pct") <= 100
    assert 1.0 <= mean("span_bps") <= 2.6
    assert 15 <= mean("trades_per_s") <= 65
    assert 60 <= mean("quotes_per_s") <= 230
    assert 2 <= mean("moves_per_s") <= 13
    assert 60 <= mean("hit_pct") <= 80
    assert 80 <= mean("last_hit_pct") <= 95
    assert 8 <= mean("zero_pct") <= 50
    assert 10 <= mean("unknown_pct") <= 22


def events(*messages: tuple[str, dict[str, object]]) -> list[Event]:
    return [
        Event(i * 10**9, "v", "S", f"s@{kind}", json.dumps({"stream": f"s@{kind}", "data": data}).encode(), None)
        for i, (kind, data) in enumerate(messages, 1)
    ]


def ticker(bid: str, bid_quantity: str, ask: str, ask_quantity: str) -> tuple[str, dict[str, object]]:
    return "bookTicker", {"b": bid, "B": bid_quantity, "a": ask, "A": ask_quantity}


def test_hits_are_counted_by_hand() -> None:
    found = calibration.measure(
        events(
            ticker("9.9", "5", "10.1", "1"),  # says up
            ticker("9.9", "1", "10.1", "5"),  # says down, the last word before the move
            ticker("10.0", "2", "10.2", "1"),  # went up; says up
            ticker("10.1", "1", "10.3", "1"),  # went up; says nothing
            ("trade", {}),
        )
    )["v:S"]

    assert found.moves_per_s == pytest.approx(2 / 4)
    assert found.quotes_per_s == pytest.approx(4 / 4)
    assert found.trades_per_s == pytest.approx(1 / 4)
    assert found.hit_pct == pytest.approx(100 * 2 / 3)
    assert found.last_hit_pct == pytest.approx(50)
    assert found.levels_p50 is found.span_bps is found.one_tick_pct is None


def test_levels_and_deletes_are_counted_by_hand() -> None:
    found = calibration.measure(
        events(
            ("depth@100ms", {"u": 5, "b": [["9.0", "1"]], "a": []}),
            ("snapshot", {"lastUpdateId": 6, "bids": [["9.9", "1"]], "asks": [["10.1", "1"]]}),
            ("depth@100ms", {"u": 7, "b": [["9.9", "0"], ["9.8", "1"]], "a": [["12.0", "0"]]}),
            ("depth@100ms", {"u": 8, "b": [["9.9", "3"]], "a": []}),
        )
    )["v:S"]

    assert found.levels_p50 == 1
    assert found.levels_p99 == 3
    assert found.zero_pct == pytest.approx(50)
    assert found.unknown_pct == pytest.approx(50)
    assert found.one_tick_pct == pytest.approx(50)


def test_the_table_has_a_row_for_each_instrument() -> None:
    chosen: list[Instrument] = default_instruments(2)
    text = calibration.table(calibration.measure(run(*chosen, seconds=2)))

    assert [line.split(" | ")[0] for line in text.splitlines()] == [
        "| instrument",
        "|---" * 12 + "|",
        "| binance-spot:BTCUSDT",
        "| binance-spot:ETHUSDT",
    ]
