"""The live table: what fits where, and short forms that keep their width."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from consumers.board import Board
from obi.table import LiveTable, compact, duration, plain_lines, price, sparkline

FEATURES = {
    "orderflow_imbalance": 0.5,
    "delta_volume": -12345.678,
    "bid_ask_spread_pct": 0.000017,
    "order_book_depth_ratio": 1.25,
    "large_order_presence": 0.4,
    "mid_price": 61837.635,
}


def record(symbol: str = "BTCUSDT", venue: str = "binance-usdm", state: str = "live", **other: Any) -> dict[str, Any]:
    return {"venue": venue, "symbol": symbol, "seq": 7, "state": state, **FEATURES, **other}


def board(*records: dict[str, Any]) -> Board:
    filled = Board()
    filled.add([(item, round(time.time() * 1000)) for item in records], time.monotonic())
    return filled


def drawn(filled: Board, width: int, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(LiveTable(filled))
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_every_column_fits_and_lines_up(width: int) -> None:
    lines = drawn(board(record(), record("1000SHIBUSDT"), record("ETHUSDT", "binance-spot")), width)

    assert max(map(len, lines)) <= width
    assert lines[0].split()[:2] == ["instrument", "imbal."]
    states = [line.index("live") for line in lines[1:]]
    assert len(set(states)) == 1


def test_a_wide_terminal_shows_the_price_and_the_whole_name() -> None:
    narrow, wide = (drawn(board(record()), width) for width in (80, 120))

    assert "usdm:BTCUSDT" in narrow[1]
    assert "binance-usdm:BTCUSDT" in wide[1]
    assert "61,837.64" in wide[1]


def test_what_is_not_defined_is_a_dash_and_states_fit() -> None:
    undefined: dict[str, Any] = dict.fromkeys(FEATURES)
    lines = drawn(board(record(state="resyncing", **undefined)), 80)

    assert "resync" in lines[1]
    assert lines[1].count(" -") == 5


def test_more_instruments_than_lines_are_counted() -> None:
    lines = drawn(board(*(record(f"S{number}") for number in range(50))), 80, height=20)

    assert len(lines) <= 20
    assert lines[-1].startswith("... and ")


def test_without_records_it_says_so() -> None:
    assert drawn(Board(), 80) == ["waiting for records ..."]


def test_plain_lines_have_all_five_features_by_name() -> None:
    (line,) = plain_lines(board(record()).lines())

    assert line.startswith("binance-usdm:BTCUSDT state=live orderflow_imbalance=0.5 delta_volume=-12345.678 ")
    assert "seq=7" in line


def test_strips() -> None:
    assert sparkline([]) == ""
    assert sparkline([None, None]) == ""
    assert sparkline([5.0, 5.0]) == "▄▄"
    assert sparkline([-1.0, 0.0, None, 1.0], -1, 1) == "▁▅ █"


@given(st.floats(-1e11, 1e11))
def test_numbers_stay_short(value: float) -> None:
    assert len(compact(value)) <= 6
    assert len(duration(abs(value))) <= 4


def test_prices_show_about_seven_digits() -> None:
    assert [price(value) for value in (61837.635, 0.00001234, 1.5, None)] == ["61,837.64", "0.000012", "1.500000", "-"]
