"""Trades out of raw messages, with the price that the metric record does not tell.

Owns which trades count: those that an order in the book caused; of two kinds that tell the same volume (``@trade``,
``@aggTrade``) the one that an instrument shows first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from connectors.raw import RawBatch
from connectors.streams import Kind, parse_stream
from consumers.audits import instrument_of
from consumers.evaluation.slippage import Execution
from consumers.witness import stream_name

_TRADES: Final = frozenset({Kind.TRADE, Kind.AGG_TRADE})


class Executions:
    """Collects trades by instrument.

    Attributes:
        found: the trades, in the order of their messages.
    """

    def __init__(self) -> None:
        self.found: dict[str, list[Execution]] = {}
        self._kinds: dict[str, Kind] = {}
        self._streams: dict[str, tuple[str, Kind] | None] = {}

    def take(self, batch: RawBatch) -> None:
        """Take raw messages; what is no trade is passed over."""
        for key, value, headers in zip(batch.keys, batch.values, batch.headers, strict=True):
            stream = stream_name(value, headers)
            if stream is None or value is None:
                continue
            if stream not in self._streams:
                self._streams[stream] = parse_stream(stream)
            parsed = self._streams[stream]
            if parsed is None or parsed[1] not in _TRADES:
                continue
            instrument = instrument_of(key, parsed[0])
            execution = _execution(value)
            if execution is not None and self._kinds.setdefault(instrument, parsed[1]) is parsed[1]:
                self.found.setdefault(instrument, []).append(execution)


def _execution(value: bytes) -> Execution | None:
    try:
        document = orjson.loads(value)
        data: Mapping[str, Any] = document.get("data", document)
        if data.get("X", "MARKET") != "MARKET":
            return None
        quantity = float(data["q"])
        return Execution(int(data.get("T") or data["E"]), float(data["p"]), -quantity if data["m"] else quantity)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        return None
