"""Owns which kinds of dirt a run may have; all are off by default.

Dirt draws from its own streams, so the market below stays the same market.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Dirt:
    """What goes wrong between the exchange and the collector; shares are in percent of the messages concerned.

    `clock_offset_ms`: added to the receive time; negative = the collector's clock runs behind the exchange's.
    `skew_ms`: each stream of an instrument is late by its own delay that wanders in [0, skew_ms], so that E goes
    backwards between streams, never within one.
    `gap_pct`: diff messages that are dropped. `duplicate_pct`: messages that come twice.
    `reorder_pct`: trades that come after the next trade.
    """

    clock_offset_ms: int = 0
    skew_ms: int = 0
    gap_pct: float = 0.0
    duplicate_pct: float = 0.0
    reorder_pct: float = 0.0

    def __post_init__(self) -> None:
        """Refuse shares that are no shares."""
        if self.skew_ms < 0:
            msg = f"expected skew_ms of 0 or more, received {self.skew_ms}"
            raise ValueError(msg)
        for name in ("gap_pct", "duplicate_pct", "reorder_pct"):
            share = getattr(self, name)
            if not 0.0 <= share < 100.0:
                msg = f"expected {name} in [0, 100), received {share}"
                raise ValueError(msg)


CLEAN = Dirt()
