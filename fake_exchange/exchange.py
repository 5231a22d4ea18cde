"""Owns the exchange as a whole: its options, and how the tape begins, plays and ends."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fake_exchange.book import Judge
from fake_exchange.faults import Fault, plan
from fake_exchange.hub import Hub
from fake_exchange.ledger import Ledger
from fake_exchange.markets import Market, prepared_market, recorded_market, simulated_market
from fake_exchange.messages import Message
from fake_exchange.player import Player
from fake_exchange.rest import Rest
from fake_exchange.sources import Tape
from fake_exchange.venues import VENUES

_BREATH: Final = 200
_LIFETIME_S: Final = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is played, how, and what goes wrong.

    Attributes:
        venue: binance-spot, binance-usdm or binance-coinm.
        recordings: files to play; none: a simulated market of ``symbols`` instruments from ``seed``.
        tapes: above 0: only so many are simulated, beforehand, and go under all symbols (partial depth and trades).
        seconds: length of a simulated market; None: for ever.
        speed: seconds of the tape a second; None: as fast as the clients take it.
        loop: recordings begin again at their end.
        settle_s: see `Player`. recorded_only: see `Rest`. wait_for: see `Hub`.
        faults: what goes wrong, and when. random_faults: so many more, all kinds, spread over ``faults_within_s``.
        lifetime_s: connections are closed at that age.
        sent, truth: files, see `Ledger`.
    """

    venue: str
    recordings: tuple[Path, ...] = ()
    symbols: int = 4
    tapes: int = 0
    seed: int = 7
    seconds: float | None = None
    speed: float | None = 1.0
    loop: bool = False
    settle_s: float = 0.3
    recorded_only: bool = False
    wait_for: int = 1
    faults: tuple[Fault, ...] = ()
    random_faults: int = 0
    faults_within_s: float = 60.0
    lifetime_s: float = _LIFETIME_S
    sent: Path | None = None
    truth: Path | None = None


class FakeExchange:
    """One venue, with one market.

    Args:
        options: what is wanted.
        ledger: where everything is written down.

    Raises:
        RecordingError: A recording can't be read or is of another venue.

    Attributes:
        rules, hub, rest: the venue's rules, its connections, its REST interface.
        started, finished: whether the tape has begun, and whether it has ended.
    """

    def __init__(self, options: Options, ledger: Ledger) -> None:
        self._options = options
        self._ledger = ledger
        self._market = _market(options)
        self.rules = VENUES[options.venue]
        self.judge = Judge(options.venue)
        symbols = self._market.symbols
        self.rest = Rest(self.rules, self.judge, symbols, recorded_only=options.recorded_only)
        self.hub = Hub(self.rules, symbols, self.judge, self.rest, ledger, wait_for=options.wait_for, seed=options.seed)
        self.started = self.finished = False
        self._began_s = 0.0
        self._planned = sorted(
            [*options.faults, *plan(options.random_faults, options.seed, symbols, options.faults_within_s)],
            key=lambda fault: fault.at_s,
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """All that trade."""
        return self._market.symbols

    async def play(self) -> None:
        """Wait until somebody listens, play the tape, and serve on when it has ended."""
        options = self._options
        await self.hub.ready.wait()
        tape = self._market.tape()
        first = await self._open(tape) if self._market.opening_ns else None
        self.started = self.rest.is_open = True
        self._began_s = time.monotonic()
        self._ledger.note("the tape begins", symbols=len(self.symbols))
        player = Player(
            self.hub,
            self.judge,
            self.rest,
            self._ledger,
            speed=options.speed,
            settle_s=options.settle_s,
            each_write=self._now_and_then,
        )
        await player.play(tape, first)
        self.finished = True
        self._ledger.flush()
        self._ledger.note("the tape has ended", frames=self._ledger.counts.total())
        while True:
            self.hub.flush()
            self._now_and_then()
            await asyncio.sleep(0.05)

    async def _open(self, tape: Tape) -> Message | None:
        """The market before the doors open: nobody sees it but the judge, until all books are known."""
        begun_ns = 0
        for number, message in enumerate(tape):
            begun_ns = begun_ns or message.time_ns
            is_over = message.time_ns - begun_ns >= self._market.opening_ns
            if is_over and all(map(self.judge.knows, self.symbols)):
                for symbol in self.symbols:
                    self._ledger.truth(self.judge.standing(symbol))
                return message
            self.judge.see(message)
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        return None

    def _now_and_then(self) -> None:
        now_s = time.monotonic() - self._began_s
        while self._planned and self._planned[0].at_s <= now_s:
            self.hub.inject(self._planned.pop(0))
        self.hub.expire(self._options.lifetime_s)

    def state(self) -> dict[str, Any]:
        """All that can be told, for people and tests."""
        ledger, rest = self._ledger, self.rest
        return {
            "venue": self.rules.name,
            "symbols": self.symbols,
            "started": self.started,
            "finished": self.finished,
            "connections": self.hub.connections,
            "violations": self.hub.violations,
            "sockets": self.hub.state(),
            "frames": ledger.counts.total(),
            "sent": {
                stream: {"count": count, "last_id": ledger.last_ids.get(stream)}
                for stream, count in sorted(ledger.counts.items())
            },
            "faults": ledger.faults,
            "faults_planned": len(self._planned),
            "depth_requests": [asked._asdict() for asked in rest.asked],
            "weight_limit": self.rules.weight_per_minute,
            "weight_used": rest.budget.used,
            "weight_most": rest.budget.most,
        }


def _market(options: Options) -> Market:
    if options.recordings:
        return recorded_market(options.recordings, options.venue, loop=options.loop)
    if options.tapes:
        return prepared_market(options.venue, options.symbols, options.tapes, options.seed, options.seconds)
    return simulated_market(options.venue, options.symbols, options.seed, options.seconds)
