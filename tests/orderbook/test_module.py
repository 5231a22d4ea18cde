"""The module in process gives the job's numbers, takes what engines have at hand, and may be asked from any thread."""

from __future__ import annotations

import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from connectors.derive_depth import derive_depth20
from connectors.feed_recording import merged
from connectors.raw_topic import Message
from connectors.recordings import RecordingReader
from orderbook import (
    EIGHT_METRICS,
    MeasureConfig,
    OrderbookImbalanceModule,
    OrderbookMetrics,
    OrderbookWarning,
)
from orderbook.presets import ESTIMATORS, Estimator
from simulator import default_instruments, simulate
from tests.orderbook.feeds import SPOT, book
from tests.orderbook.oracles import ORACLES, narrate

SYMBOL = "BTCUSDT"
BIDS = [(100.0, 5.0), (99.9, 3.0), (99.8, 2.0)]
ASKS = [(100.1, 2.0), (100.2, 3.0), (100.3, 4.0)]

TextBook = tuple[list[list[str]], list[list[str]]]


def updated(bids: Any = BIDS, asks: Any = ASKS, **settings: Any) -> OrderbookImbalanceModule:
    module = OrderbookImbalanceModule(**settings)
    module.update_orderbook(SYMBOL, bids, asks)
    return module


def metrics(module: OrderbookImbalanceModule, symbol: str = SYMBOL) -> dict[str, float]:
    found = module.get_metrics(symbol)
    assert found is not None
    return found.to_dict()


def depth20(messages: Iterator[Message]) -> Iterator[TextBook]:
    for message in derive_depth20(messages):
        document = orjson.loads(message.value)
        if "@depth20@" in document.get("stream", ""):
            data = document["data"]
            yield data.get("b", data.get("bids")), data.get("a", data.get("asks"))


def assert_parity(books: list[TextBook], estimator: Estimator) -> None:
    """After every update the eight are what the definitions say, bit for bit."""
    numbers = [[[(float(p), float(q)) for p, q in side] for side in sides] for sides in books]
    told = [book(bids, asks, number) for number, (bids, asks) in enumerate(numbers)]
    module = OrderbookImbalanceModule(delta_estimator=estimator)
    for (bids, asks), moment in zip(
        books, narrate(MeasureConfig(delta_estimator=estimator), SPOT, told).moments, strict=True
    ):
        module.update_orderbook(SYMBOL, bids, asks)
        assert metrics(module) == {name: ORACLES[name](moment) for name in EIGHT_METRICS}


def test_the_metrics_are_the_eight() -> None:
    assert tuple(field.name for field in fields(OrderbookMetrics)) == EIGHT_METRICS
    assert tuple(metrics(updated())) == EIGHT_METRICS


def test_the_worked_numbers() -> None:
    assert metrics(updated()) == {  # added from the best level outwards: the last digit is that order's
        "orderflow_imbalance": 0.05263157894736842,
        "delta_volume": 0.0,
        "bid_ask_spread_pct": 0.09995002498750057,
        "order_book_depth_ratio": 1.1078713968957872,
        "large_order_presence": 1.0,
        "bid_notional": 100.0 * 5.0 + 99.9 * 3.0 + 99.8 * 2.0,
        "ask_notional": 902.0,
        "total_depth": 1901.3000000000002,
    }


@pytest.mark.parametrize(("estimator", "expected"), [("swept", 5.0), ("price_gap", 100.2 - 100.1)])
def test_both_estimators(estimator: Estimator, expected: float) -> None:
    module = updated(delta_estimator=estimator)
    module.update_orderbook(SYMBOL, [(100.2, 1.0), (100.1, 4.0)], [(100.3, 4.0)])

    assert metrics(module)["delta_volume"] == expected
    assert module.get_summary_stats(SYMBOL)["delta_volume_window"] == 1


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_simulated_market_gives_what_the_definitions_say(estimator: Estimator) -> None:
    instrument = default_instruments(2)[0]
    events = simulate([replace(instrument, streams=(*instrument.streams,))], seconds=20, seed=5)
    books = list(
        depth20(Message(event.recv_ns, f"{event.venue}:{event.symbol}".encode(), event.payload, []) for event in events)
    )

    assert len(books) > 100
    assert_parity(books, estimator)


@pytest.fixture(scope="module")
def recorded(recordings: Path) -> list[TextBook]:
    """Books of two instruments, one after the other."""
    files = [recordings / "dev" / f"{name}_20240808.gz" for name in ("usdm_btcusdt", "spot_btcusdt", "spot_ethusdt")]
    return [text for file in files for text in depth20(merged([RecordingReader(file)]))][:10_000]


@pytest.mark.slow
@pytest.mark.recordings
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_ten_thousand_recorded_books_give_what_the_definitions_say(
    estimator: Estimator, recorded: list[TextBook]
) -> None:
    assert len(recorded) == 10_000
    assert_parity(recorded, estimator)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        (BIDS[::-1], [ASKS[1], ASKS[2], ASKS[0]]),
        ([[str(p), str(q)] for p, q in BIDS], [[Decimal(str(p)), Decimal(str(q))] for p, q in ASKS]),
        (np.array(BIDS), np.array(ASKS)),
        (iter(BIDS), (level for level in ASKS)),
        ([(*level, 7, "order") for level in BIDS], [*ASKS, (100.15, 0)]),
    ],
    ids=["unsorted", "text and decimals", "numpy", "iterators", "further elements, no quantity"],
)
def test_levels_come_as_people_have_them(bids: Any, asks: Any) -> None:
    assert metrics(updated(bids, asks)) == metrics(updated())


def test_levels_beyond_the_depth_do_not_count() -> None:
    assert metrics(updated(depth_levels=1)) == metrics(updated(BIDS[:1], ASKS[:1]))
    assert [len(snapshot.bids) for snapshot in updated(depth_levels=2).get_history(SYMBOL)] == [2]


@pytest.mark.parametrize(
    ("bids", "asks", "empty"),
    [([], ASKS, "bids"), (BIDS, [], "asks"), ([], [], "bids and asks"), ([(100.0, 0.0)], ASKS, "bids")],
)
def test_an_empty_side_is_ignored_with_a_warning(bids: Any, asks: Any, empty: str) -> None:
    module = updated()
    before = module.get_metrics(SYMBOL), module.get_summary_stats(SYMBOL), module.get_history(SYMBOL)
    with pytest.warns(OrderbookWarning, match=f"BTCUSDT: an update without {empty} is ignored"):
        module.update_orderbook(SYMBOL, bids, asks)
    with pytest.warns(OrderbookWarning):
        module.update_orderbook("ETHUSDT", bids, asks)

    assert (module.get_metrics(SYMBOL), module.get_summary_stats(SYMBOL), module.get_history(SYMBOL)) == before
    assert module.get_metrics("ETHUSDT") is None


@pytest.mark.parametrize(
    ("bids", "expected"),
    [
        ([(float("nan"), 1.0)], "prices above 0"),
        ([(100.0, float("inf"))], "prices above 0"),
        ([(0.0, 1.0)], "prices above 0"),
        ([(100.0, -1.0)], "quantities of at least 0"),
        ([(1e200, 1e200)], "up to 1e290"),
        ([("100,0", 1.0)], "pairs of numbers"),
        ([(100.0,)], "pairs of numbers"),
        ([100.0, 99.0], "pairs of numbers"),
        ({100.0: 1.0}, "pairs of numbers"),
        (None, "pairs of numbers"),
        ([(100.0, 1.0), ("100.0", 2.0)], "each price once"),
    ],
)
def test_what_is_no_level_is_refused_and_changes_nothing(bids: Any, expected: str) -> None:
    module = updated()
    before = metrics(module)
    with pytest.raises(ValueError, match=f"bids: expected .*{expected}.*received"):
        module.update_orderbook(SYMBOL, bids, ASKS)

    assert metrics(module) == before


def test_a_crossed_book_has_no_metrics_and_leaves_the_window_alone() -> None:
    module = updated()
    module.update_orderbook(SYMBOL, [(100.2, 1.0), (100.1, 4.0)], [(100.3, 4.0)])
    module.update_orderbook(SYMBOL, [(100.4, 1.0)], [(100.3, 4.0)])

    assert module.get_metrics(SYMBOL) is None
    assert module.get_history(SYMBOL)[-1].crossed
    assert module.get_summary_stats(SYMBOL)["current_best_bid"] == 100.4

    module.update_orderbook(SYMBOL, [(100.2, 1.0)], [(100.3, 4.0)])

    assert metrics(module)["delta_volume"] == 5.0


def test_an_unknown_symbol_has_nothing() -> None:
    module = updated()

    assert module.get_metrics("ETHUSDT") is None
    assert module.get_history("ETHUSDT") == []
    assert module.get_summary_stats("ETHUSDT") == {
        "symbol": "ETHUSDT",
        "snapshots_stored": 0,
        "delta_volume_window": 0,
        "large_orders_detected": 0,
        "current_best_bid": 0.0,
        "current_best_ask": 0.0,
    }


def test_the_summary_and_the_history() -> None:
    module = updated(history_size=2)
    for _ in range(3):
        module.update_orderbook(SYMBOL, BIDS, ASKS)

    assert module.get_summary_stats(SYMBOL) == {
        "symbol": SYMBOL,
        "snapshots_stored": 2,
        "delta_volume_window": 0,
        "large_orders_detected": 6,
        "current_best_bid": 100.0,
        "current_best_ask": 100.1,
    }
    history = module.get_history(SYMBOL)
    assert [snapshot.number for snapshot in history] == [3, 4]
    assert (history[0].bids, history[0].asks, history[0].mid_price) == (tuple(BIDS), tuple(ASKS), 100.05)


@pytest.mark.parametrize(
    "settings",
    [
        {"depth_levels": 0},
        {"delta_volume_window": 0},
        {"large_order_threshold_pct": 1.5},
        {"history_size": 0},
        {"delta_estimator": "guess"},
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(settings))}: expected"):
        OrderbookImbalanceModule(**settings)


def test_symbols_know_nothing_of_each_other() -> None:
    module = updated()
    module.update_orderbook("ETHUSDT", [(100.2, 1.0)], [(100.3, 4.0)])
    module.update_orderbook(SYMBOL, BIDS, ASKS)

    assert metrics(module)["delta_volume"] == 0.0


def test_threads_see_whole_books_and_lose_no_update() -> None:
    module = OrderbookImbalanceModule(history_size=10)
    updates, done = 300, threading.Event()
    torn: list[object] = []

    def write(base: float) -> None:
        for _ in range(updates):
            module.update_orderbook(SYMBOL, [(base, 1.0)], [(base * 2, 1.0)])

    def look() -> None:
        while not done.is_set():
            found = module.get_metrics(SYMBOL)
            stats = module.get_summary_stats(SYMBOL)
            module.get_history(SYMBOL)
            if found is not None and found.ask_notional != found.bid_notional * 2:
                torn.append(found)
            if stats["current_best_ask"] != 2 * float(stats["current_best_bid"]):
                torn.append(stats)

    writers = [threading.Thread(target=write, args=(base,)) for base in (100.0, 110.0, 120.0)]
    lookers = [threading.Thread(target=look) for _ in range(2)]
    for thread in writers + lookers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in lookers:
        thread.join()

    assert torn == []
    assert module.get_history(SYMBOL)[-1].number == 3 * updates


def test_memory_stays_where_it_is() -> None:
    """Here for some thousand updates; `python -m benchmarks.module` does it for a million of 50 symbols."""
    module = OrderbookImbalanceModule(history_size=5, delta_volume_window=10)

    def update(count: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number in range(count):
                base = 100.0 + number % 7
                module.update_orderbook(f"S{number % 3}", [(base, 1.0 + number)], [(base + 0.5, 2.0)])
                module.update_orderbook(f"S{number % 3}", [], [])

    update(500)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        update(2_000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown < 20_000
