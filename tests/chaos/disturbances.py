"""What is done to a running job, when, and how: a seeded plan of events, each at a share of the raw messages answered."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Final

from tests.chaos.fleet import Fleet
from tests.kafka_server import KafkaServer

FREEZE_S: Final = 10.0
LAST: Final = 0.95
"""No event later than this: what has no record (trades, malformed messages) at the very end does not show as progress."""

AT_WORK: Final = 2 / 3
"""Share of the events that wait until a shard is at work: most of its life it is, but in a run full of kills it starts."""

_MEAN_DELAY_S: Final = 0.15
_LONGEST_DELAY_S: Final = 2.0


class Kind(Enum):
    """Of a disturbance; the values are for the table."""

    KILL = "kills"
    TERMINATION = "SIGTERMs"
    BROKER_KILL = "broker kills"
    BROKER_FREEZE = "broker freezes"


@dataclass(frozen=True)
class Event:
    """One disturbance.

    Attributes:
        at: share of all raw messages that are answered when it comes, 0 .. 1.
        delay_s: and so much later, so that it is no matter of batches when it comes.
        kind: what happens.
        shard: that is hit.
        at_work: a shard is hit once it has written something since it was hit before, else wherever it stands.
        together: a broker that is killed takes the shard with it, which then starts without one.
    """

    at: float
    delay_s: float
    kind: Kind
    shard: int
    at_work: bool
    together: bool


def plan(seed: int, shards: int, numbers: Mapping[Kind, int]) -> list[Event]:
    """So many of each kind at random over the whole run.

    Each moment is drawn independently of the others: some shards are hit again while they are still starting.
    """
    rng = random.Random(seed)
    events = [
        Event(
            at=rng.uniform(0, LAST),
            delay_s=min(rng.expovariate(1 / _MEAN_DELAY_S), _LONGEST_DELAY_S),
            kind=kind,
            shard=rng.randrange(shards),
            at_work=rng.random() < AT_WORK,
            together=kind is Kind.BROKER_KILL and index % 2 == 0,
        )
        for kind, number in numbers.items()
        for index in range(number)
    ]
    return sorted(events, key=attrgetter("at"))


class Disturber:
    """Does what is planned.

    Args:
        fleet: the shards.
        broker: None where no event is about it.
        freeze_s: how long a broker is frozen.

    Attributes:
        done: how often, by kind.
    """

    def __init__(self, fleet: Fleet, broker: KafkaServer | None, freeze_s: float = FREEZE_S) -> None:
        self.done: Counter[Kind] = Counter()
        self._fleet = fleet
        self._broker = broker
        self._freeze_s = freeze_s
        self._ways: Mapping[Kind, Callable[[Event], None]] = {
            Kind.KILL: self._kill,
            Kind.TERMINATION: self._terminate,
            Kind.BROKER_KILL: self._kill_broker,
            Kind.BROKER_FREEZE: self._freeze_broker,
        }

    def perform(self, event: Event) -> None:
        """Bring one event about."""
        time.sleep(event.delay_s)
        self._ways[event.kind](event)
        self.done[event.kind] += 1

    def _kill(self, event: Event) -> None:
        self._fleet.kill(event.shard)

    def _terminate(self, event: Event) -> None:
        self._fleet.terminate(event.shard)

    def _kill_broker(self, event: Event) -> None:
        broker = self._there()
        broker.kill()
        if event.together:
            self._fleet.kill(event.shard)
            self.done[Kind.KILL] += 1
        time.sleep(event.delay_s)
        broker.restart()

    def _freeze_broker(self, _event: Event) -> None:
        broker = self._there()
        broker.pause()
        try:
            time.sleep(self._freeze_s)
        finally:
            broker.resume()

    def _there(self) -> KafkaServer:
        if self._broker is None:
            raise ValueError("expected a broker of one's own to disturb, received none")
        return self._broker
