"""What the live table is made from."""

from __future__ import annotations

from typing import Any

from consumers.board import RATE_WINDOW_S, SAMPLES, Board


def record(symbol: str = "BTCUSDT", venue: str = "binance-spot", imbalance: float | None = 0.5) -> dict[str, Any]:
    return {"venue": venue, "symbol": symbol, "seq": 1, "orderflow_imbalance": imbalance, "mid_price": 10.0}


def test_instruments_are_sorted_by_symbol_and_show_their_newest_record() -> None:
    board = Board()
    board.add(
        [(record("ETHUSDT"), 1), (record("BTCUSDT", imbalance=0.1), 2), (record("BTCUSDT", imbalance=0.2), 3)], 0.0
    )

    assert [line.instrument for line in board.lines()] == ["binance-spot:BTCUSDT", "binance-spot:ETHUSDT"]
    assert (board.lines()[0].record["orderflow_imbalance"], board.lines()[0].timestamp_ms, board.total) == (0.2, 3, 3)


def test_wanted_symbols_may_be_written_in_any_case_with_or_without_venue() -> None:
    board = Board(["btcusdt", "binance-usdm:ethusdt"])
    for venue in ("binance-spot", "binance-usdm"):
        board.add([(record(symbol, venue), 1) for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT")], 0.0)

    assert [line.instrument for line in board.lines()] == [
        "binance-spot:BTCUSDT",
        "binance-usdm:BTCUSDT",
        "binance-usdm:ETHUSDT",
    ]


def test_the_rate_is_that_of_the_last_seconds_and_old_records_do_not_count() -> None:
    board = Board()
    board.add([(record(), 1)] * 50, 0.0, counted=False)
    (line,) = board.lines()

    assert line.rate(0.0) == 0.0

    board.add([(record(), 1)] * 6, 1.0)

    assert line.rate(1.0) == 6 / RATE_WINDOW_S
    assert line.rate(1.0 + RATE_WINDOW_S) == 0.0


def test_the_history_is_sampled_by_time_and_bounded() -> None:
    board = Board()
    for tick in range(1000):
        board.add([(record(imbalance=None if tick % 2 else 0.5), 1)], tick * 0.25)
    (line,) = board.lines()

    assert len(line.imbalance) == len(line.mid) == SAMPLES
    assert set(line.imbalance) == {0.5}, "one sample in half a second, so every second record"
