"""``obi watch``: what it says below its table."""

from __future__ import annotations

from typing import Any, cast

import pytest

from consumers.board import Board
from consumers.record_tail import Arrived, RecordTail
from consumers.rows import NewerSchemaError
from obi.table import plain_lines
from obi.watch import _Seen
from orderbook.record import SCHEMA


class Tail:
    """Records that have come."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self._records = records

    def poll(self, _timeout_s: float) -> list[Arrived]:
        return [Arrived(record, 1_700_000_000_000, 0, at) for at, record in enumerate(self._records)]


def record(seq: int, state: str = "live", gaps: int = 0, symbol: str = "BTCUSDT") -> dict[str, Any]:
    told = {"venue": "binance-spot", "symbol": symbol, "seq": seq, "state": state, "gaps": gaps}
    return {**told, "orderflow_imbalance": 0.5, "mid_price": 10.0}


def seen(*records: dict[str, Any], counted: bool = True, wanted: tuple[str, ...] = ()) -> _Seen:
    watched = _Seen(Board(wanted))
    watched.take(cast("RecordTail", Tail(*records)), counted=counted)
    return watched


def test_figures_are_of_what_came_live() -> None:
    live = seen(record(1), record(2), record(5, "resyncing", 1)).figures()
    assert live.startswith("1 records/s   raw message to here: p50 ")
    assert live.endswith(" ms   gaps 1   missing 2")

    assert seen(record(1), counted=False).figures() == (
        "0 records/s   raw message to here: p50 -, p99 -   gaps 0   missing 0"
    )


def test_the_newest_events_are_lines_of_their_own() -> None:
    assert seen(record(1), record(2, "resyncing", 1)).events() == [
        "22:13:20 binance-spot:BTCUSDT live -> resyncing",
        "22:13:20 binance-spot:BTCUSDT update ids broke, gap 1: the book waits for a snapshot",
    ]


def test_symbols_that_are_not_watched_tell_nothing() -> None:
    others = seen(record(1, symbol="ETHUSDT"), record(9, symbol="ETHUSDT"), wanted=("BTCUSDT",))

    assert others.events() == []
    assert others.board.lines() == []


def test_a_record_that_says_little_is_a_line_without_numbers() -> None:
    watched = seen({"venue": "binance-spot", "symbol": "BTCUSDT", "seq": 1})
    [line] = plain_lines(watched.board.lines())

    assert line.startswith("binance-spot:BTCUSDT state=None orderflow_imbalance=null delta_volume=null")


def test_a_record_of_a_newer_schema_is_told() -> None:
    with pytest.raises(NewerSchemaError, match="received one of schema 2; install"):
        seen({**record(1), "schema": SCHEMA + 1})
