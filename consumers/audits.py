"""Audits of all instruments of a run: raw messages and records in, one line each and a verdict out.

Owns who is audited (every instrument that has a record or a quote), and the order of messages over several sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from connectors.raw import RawBatch
from consumers.audit import Audit, Record
from consumers.witness import Testimony, read_testimony

_GENERATION: Final = 1 << 48
"""Offsets of one file or partition are below this."""


class Audits:
    """The audits of a run.

    Args:
        window: The job's ``delta_volume_window``.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._audits: dict[str, Audit] = {}
        self._base = 0

    def raw(self, batch: RawBatch, generation: int = 0) -> None:
        """Take raw messages; ``generation`` tells files apart that are read one after the other."""
        base = self._base = generation * _GENERATION
        for key, value, headers, offset in zip(batch.keys, batch.values, batch.headers, batch.offsets, strict=True):
            symbol, testimony = read_testimony(value, headers)
            self.testimony(instrument_of(key, symbol), base + offset, testimony)

    def testimony(self, instrument: str, position: int, testimony: Testimony) -> None:
        """Take what one raw message says."""
        if instrument:
            self.of(instrument).raw(position, testimony)

    def records(self, values: Iterable[bytes]) -> None:
        """Take the records that the newest batch caused."""
        for value in values:
            record: Record = orjson.loads(value)
            self.record(self._base + record["source"]["offset"], record)

    def record(self, position: int, record: Record) -> None:
        """Take one record, caused by the raw message at ``position``."""
        self.of(f"{record['venue']}:{record['symbol']}").record(position, record)

    def of(self, instrument: str) -> Audit:
        """The audit of an instrument."""
        audit = self._audits.get(instrument)
        if audit is None:
            audit = self._audits[instrument] = Audit(self._window)
        return audit

    def finish(self) -> None:
        """No more will come."""
        for audit in self._audits.values():
            audit.finish()

    def __iter__(self) -> Iterator[tuple[str, Audit]]:
        return iter(sorted(self._audits.items()))

    @property
    def quotes(self) -> Counter[str]:
        """Best bid and ask comparisons of all instruments."""
        return sum((audit.quotes for audit in self._audits.values()), Counter())

    @property
    def trades(self) -> Counter[str]:
        """``trade_delta`` comparisons of all instruments."""
        return sum((audit.trades for audit in self._audits.values()), Counter())

    @property
    def differs(self) -> bool:
        """Whether any comparison failed."""
        return bool(self.quotes["unequal"] or self.trades["unequal"])

    def lines(self) -> Iterator[str]:
        """One line an instrument, and the first differences of each."""
        for instrument, audit in self:
            if audit.last_record is None:
                continue
            quotes, trades = audit.quotes, audit.trades
            skipped = ", ".join(f"{name} {count}" for name, count in sorted(audit.skipped.items()))
            yield (
                f"{instrument}  best bid and ask = bookTicker {quotes['equal']}/{quotes.total()}"
                f"{f' (not compared: {skipped})' if skipped else ''}"
                f"  trade_delta = trades {trades['equal']}/{trades.total()}"
            )
            for difference in audit.differences:
                yield f"  {instrument} {difference}"


def instrument_of(key: bytes | None, symbol: str) -> str:
    """``venue:SYMBOL`` of a message, by its key and the symbol of its stream; empty when nothing tells."""
    venue, colon, own = (key or b"").decode("utf-8", "replace").partition(":")
    return f"{venue}:{symbol or own}" if colon else ""
