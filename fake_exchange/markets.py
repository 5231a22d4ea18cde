"""Owns which market is played: its symbols, known from the start, and its tape, made when somebody is there to hear it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from fake_exchange.sources import OPENING_NS, Prepared, Tape, looped, recorded, simulated
from simulator.presets import instruments_of

_LOOKED_AT: Final = 20_000
"""Messages of a recording in which all its symbols are expected to occur."""


class Market(NamedTuple):
    """What is played.

    Attributes:
        symbols: the most traded first.
        tape: makes the tape; called once, when it begins.
        opening_ns: how much of the tape is over before the first message goes out.
        is_recorded: whether snapshots on the tape are answers that somebody asks for while it plays.
    """

    symbols: tuple[str, ...]
    tape: Callable[[], Tape]
    opening_ns: int = 0
    is_recorded: bool = False


def recorded_market(paths: Sequence[Path], venue: str, *, loop: bool) -> Market:
    """The market of recordings.

    Raises:
        RecordingError: A recording can't be read or is of another venue.
    """
    symbols: dict[str, int] = {}
    for path in paths:
        for count, message in enumerate(recorded([path], venue)):
            symbols[message.symbol] = symbols.get(message.symbol, 0) + 1
            if count >= _LOOKED_AT:
                break

    def tape() -> Tape:
        return looped(lambda: recorded(paths, venue)) if loop else recorded(paths, venue)

    return Market(tuple(sorted(symbols, key=lambda symbol: -symbols[symbol])), tape, is_recorded=True)


def simulated_market(venue: str, symbols: int, seed: int, seconds: float | None) -> Market:
    """A market that is simulated while it plays: all streams, whole books."""
    names = tuple(instrument.symbol for instrument in instruments_of(venue, symbols))
    return Market(names, lambda: simulated(venue, symbols, seed, seconds), OPENING_NS)


def prepared_market(venue: str, symbols: int, tapes: int, seed: int, seconds: float | None) -> Market:
    """A market of many symbols of which a few were simulated beforehand: partial depth and trades."""
    names = tuple(instrument.symbol for instrument in instruments_of(venue, symbols))
    prepared = Prepared(venue, names, min(tapes, symbols), seed)
    return Market(names, lambda: prepared.messages(time.time_ns(), seconds))
