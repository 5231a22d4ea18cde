"""The whole chain against a market whose truth is known: every level and every trade, after every depth message."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from decimal import Decimal
from math import isclose

import pytest

from connectors.decode import Decoder
from connectors.decoded import Group
from connectors.raw import RawBatch
from dataflows.counts import Counts
from dataflows.pipeline import Pipeline
from orderbook import MeasureConfig, Measurer
from orderbook.record import LIVE, RESYNCING
from simulator import Event, Instrument, default_instruments, simulate

FULL = ("depth@100ms", "snapshot", "trade", "bookTicker")
PARTIAL = ("depth20@100ms", "aggTrade", "bookTicker")
SHAPES = {instrument.venue: instrument for instrument in default_instruments(5)}
WINDOW = 100_000


def _raw(events: Iterable[Event]) -> RawBatch:
    raw = RawBatch("simulated")
    for offset, event in enumerate(events):
        headers = [("recv_ns", str(event.recv_ns).encode())]
        raw.append(event.payload, key=f"{event.venue}:{event.symbol}".encode(), headers=headers, offset=offset)
    return raw


def _measured(instrument: Instrument, events: list[Event]) -> Iterator[tuple[int, int, list[list[list[float]]], float]]:
    """(offset, state, sides, trade_delta) of every record."""
    pipeline = Pipeline(Decoder(), MeasureConfig(delta_volume_window=WINDOW), Counts())
    measurer = Measurer(pipeline.config)
    for item in pipeline.decode([_raw(events)]):
        assert isinstance(item, Group)
        assert item.instrument == f"{instrument.venue}:{instrument.symbol}"
        measured = pipeline.measure(measurer, item)
        for row, book in zip(measured.rows, measured.books.tolist(), strict=True):
            yield row.offset, row.state, book, row.trade_delta or 0.0


@pytest.mark.parametrize("streams", [FULL, PARTIAL], ids=["full", "partial"])
@pytest.mark.parametrize("venue", list(SHAPES))
def test_every_level_and_every_trade_equals_the_true_market(venue: str, streams: tuple[str, ...]) -> None:
    instrument = dataclasses.replace(SHAPES[venue], streams=streams)
    events = list(simulate([instrument], seconds=40, seed=11))
    compared = 0

    for offset, state, (bids, asks), trade_delta in _measured(instrument, events):
        truth = events[offset].truth
        assert truth is not None
        bought, sold = Decimal(truth.taker_buy_volume), Decimal(truth.taker_sell_volume)
        assert isclose(trade_delta, float(bought - sold), rel_tol=1e-12, abs_tol=1e-9)
        if state == RESYNCING:
            continue
        assert state == LIVE
        for levels, true in ((bids, truth.bids), (asks, truth.asks)):
            assert [tuple(level) for level in levels] == [(float(price), float(quantity)) for price, quantity in true]
        compared += 1

    assert compared >= 380
    assert compared >= sum(event.truth is not None for event in events) - 54
