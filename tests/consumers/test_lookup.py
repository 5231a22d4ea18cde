"""What an engine is told: features while they can be trusted, and else the reason why not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from consumers.instruments import Instruments
from consumers.lookup import Lookup, Status, Trust
from consumers.rows import FEATURES, NewerSchemaError
from orderbook.record import CORE_FEATURES, SCHEMA, STATES
from tests.consumers.records import FIVE, INSTRUMENT, SYMBOL, VENUE, arrived, made

DAY_S = 1_700_000_000.0


class Bench:
    """A lookup whose clocks and reading the test moves."""

    def __init__(self, *, history_size: int = 10, features: Any = CORE_FEATURES, **trust: Any) -> None:
        self.now_s = 0.0
        self.wall_s = DAY_S
        self.trouble: str | None = None
        self.strange = 0
        self.broken = False
        self.instruments = Instruments(history_size)
        self.lookup = Lookup(
            self.instruments,
            self,
            Trust(**trust),
            features=features,
            history_size=history_size,
            topic="depth.metrics",
            monotonic=lambda: self.now_s,
            wall=lambda: self.wall_s,
        )

    def check(self) -> None:
        if self.broken:
            raise RuntimeError("broke down")

    def take(self, *records: dict[str, Any], written_s: float | None = None) -> Bench:
        written_ms = int((self.wall_s if written_s is None else written_s) * 1000)
        self.instruments.take(arrived(*records, written_ms=written_ms), self.now_s)
        return self

    def pass_s(self, seconds: float) -> Bench:
        self.now_s += seconds
        self.wall_s += seconds
        return self


def test_the_five_of_a_live_book() -> None:
    lookup = Bench().take(made(1)).lookup

    assert lookup.features(SYMBOL) == lookup.features(SYMBOL, VENUE) == lookup.features(INSTRUMENT) == FIVE
    assert lookup.why_missing(SYMBOL) is None


def test_any_chosen_features() -> None:
    bench = Bench(features=["mid_price", "trade_delta"]).take(made(1, mid_price=61.5, trade_delta=None))
    found = bench.lookup.features(SYMBOL)

    assert found is not None
    assert found["mid_price"] == 61.5
    assert math.isnan(found["trade_delta"])


def test_the_callers_dictionary_is_its_own() -> None:
    lookup = Bench().take(made(1)).lookup
    first = lookup.features(SYMBOL)
    assert first is not None
    first.clear()

    assert lookup.features(SYMBOL) == FIVE


def test_old_features_are_none_and_new_ones_are_back() -> None:
    bench = Bench(max_age_s=2.0).take(made(1))

    assert bench.pass_s(2.0).lookup.features(SYMBOL) == FIVE
    assert bench.pass_s(0.1).lookup.features(SYMBOL) is None
    assert bench.lookup.why_missing(SYMBOL) == f"the newest record of {INSTRUMENT} is 2.1 s old, 2 s are allowed"

    bench.trouble = "no broker answers"

    assert str(bench.lookup.why_missing(SYMBOL)).endswith("2 s are allowed; no broker answers")
    assert bench.take(made(2)).lookup.features(SYMBOL) == FIVE


def test_a_record_that_comes_late_is_old_when_it_comes() -> None:
    """The job lags, or the reader has just begun and reads back."""
    bench = Bench().take(made(1), written_s=DAY_S - 3)

    assert bench.lookup.features(SYMBOL) is None
    assert "3.0 s old" in str(bench.lookup.why_missing(SYMBOL))


@pytest.mark.parametrize("ahead_s", [5.0, 3600.0])
def test_a_wrong_clock_makes_nothing_younger(ahead_s: float) -> None:
    bench = Bench().take(made(1), written_s=DAY_S + ahead_s)

    assert bench.lookup.features(SYMBOL) == FIVE
    assert bench.pass_s(2.1).lookup.features(SYMBOL) is None


def test_without_a_timestamp_the_arrival_counts() -> None:
    bench = Bench().take(made(1), written_s=0.0)

    assert bench.lookup.features(SYMBOL) == FIVE
    assert bench.pass_s(2.1).lookup.features(SYMBOL) is None


def test_age_by_the_receive_time() -> None:
    received_ns = int((DAY_S - 5) * 1e9)

    assert Bench().take(made(1, received_ns=received_ns)).lookup.features(SYMBOL) == FIVE
    assert Bench(age_by="receive").take(made(1, received_ns=received_ns)).lookup.features(SYMBOL) is None
    assert Bench(age_by="receive").take(made(1, receive_time_ns=None)).lookup.features(SYMBOL) == FIVE


@pytest.mark.parametrize("state", [state for state in STATES if state != "live"])
def test_only_a_trusted_state_counts(state: str) -> None:
    bench = Bench().take(made(1, state=state, bid_ask_spread_pct=None))

    assert bench.lookup.features(SYMBOL) is None
    assert bench.lookup.why_missing(SYMBOL) == f"the book of {INSTRUMENT} is {state}, trusted is live"

    trusting = Bench(trusted_states=("live", state)).take(made(1, state=state, bid_ask_spread_pct=None))
    found = trusting.lookup.features(SYMBOL)

    assert found is not None
    assert math.isnan(found.pop("bid_ask_spread_pct"))
    assert found == {name: value for name, value in FIVE.items() if name != "bid_ask_spread_pct"}


def test_an_unknown_instrument_is_none_with_a_reason() -> None:
    bench = Bench()
    bench.trouble = "the end of depth.metrics is still being read"

    assert bench.lookup.features(SYMBOL) is None
    assert bench.lookup.latest(SYMBOL) is None
    assert bench.lookup.history(SYMBOL) == []
    assert bench.lookup.status(SYMBOL) is None
    assert bench.lookup.why_missing(SYMBOL) == (
        "no record of BTCUSDT has come from depth.metrics, none of any instrument;"
        " the end of depth.metrics is still being read"
    )

    bench.trouble, bench.strange = None, 3
    bench.take(*(made(1, symbol=f"S{number:02}") for number in range(10)))

    assert bench.lookup.why_missing(SYMBOL, "kraken") == (
        "no record of kraken:BTCUSDT has come from depth.metrics, known are "
        + ", ".join(f"{VENUE}:S{number:02}" for number in range(8))
        + " and 2 more; 3 messages there are no metric records"
    )


def test_latest_is_the_newest_however_old() -> None:
    record = Bench().take(made(1), made(2, state="empty")).pass_s(100).lookup.latest(SYMBOL)

    assert record is not None
    assert (record.seq, record.state, record.source.offset) == (2, "empty", 20)


def test_a_window_has_names_and_numbers() -> None:
    lookup = Bench().take(*(made(seq, mid_price=100.0 + seq, trade_delta=None) for seq in range(1, 6))).lookup
    names, values = lookup.window(SYMBOL, 3, names=["mid_price", "trade_delta"]) or ((), np.zeros(0))

    assert names == ("mid_price", "trade_delta")
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [[103.0, np.nan], [104.0, np.nan], [105.0, np.nan]])


def test_a_window_has_all_features_unless_said() -> None:
    window = Bench().take(made(1), made(2)).lookup.window(SYMBOL, 2)

    assert window is not None
    assert window.names == FEATURES
    assert window.values.shape == (2, len(FEATURES))


def test_a_window_never_reaches_over_a_break() -> None:
    bench = Bench().take(made(1), made(2), made(5), made(6))

    assert bench.lookup.window(SYMBOL, 2) is not None
    assert bench.lookup.window(SYMBOL, 3) is None
    assert bench.lookup.why_missing(SYMBOL, n=2) is None
    assert (
        bench.lookup.why_missing(SYMBOL, n=3)
        == f"2 records of {INSTRUMENT} are known since its last break, 3 are asked for"
    )
    assert [one.missing for one in bench.lookup.breaks()] == [2]


def test_a_window_is_none_when_features_are() -> None:
    bench = Bench().take(made(1), made(2))

    assert bench.pass_s(3).lookup.window(SYMBOL, 1) is None
    assert bench.take(made(3, state="crossed")).lookup.window(SYMBOL, 1) is None
    assert bench.lookup.window("ETHUSDT", 1) is None


@pytest.mark.parametrize("n", [0, -1, 11])
def test_a_window_of_another_length_than_is_kept_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=r"n: expected 1 \.\. 10 \(history_size\), received"):
        Bench(history_size=10).lookup.window(SYMBOL, n)


def test_the_history_is_oldest_first() -> None:
    lookup = Bench(history_size=3).take(*(made(seq) for seq in range(1, 6))).lookup

    assert [record.seq for record in lookup.history(SYMBOL)] == [3, 4, 5]
    assert [record.seq for record in lookup.history(SYMBOL, most=2)] == [4, 5]


def test_the_status_says_how_an_instrument_is_doing() -> None:
    bench = Bench().take(made(1), made(2), made(2), made(5, state="empty")).pass_s(1.5)

    assert bench.lookup.status(SYMBOL) == Status(INSTRUMENT, 5, "empty", 1.5, 3, 1, 2, 0)
    assert bench.lookup.instruments == [INSTRUMENT]


def test_a_newer_schema_is_an_error_each_time() -> None:
    bench = Bench().take(made(1), made(2, schema=SCHEMA + 1))

    for _ in range(2):
        with pytest.raises(NewerSchemaError, match="install the version of obi that wrote it"):
            bench.lookup.features(SYMBOL)
    assert bench.take(made(2)).lookup.features(SYMBOL) == FIVE


def test_a_reading_that_broke_down_is_no_silent_none() -> None:
    bench = Bench().take(made(1))
    bench.broken = True

    with pytest.raises(RuntimeError, match="broke down"):
        bench.lookup.features(SYMBOL)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_age_s": 0.0},
        {"max_age_s": math.nan},
        {"trusted_states": "live"},
        {"trusted_states": ["alive"]},
        {"age_by": "x"},
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(settings))}: expected .* received"):
        Bench(**settings)
