"""A whole disturbed run: feed, shards, disturbances, the end in good order, and the judge."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.chaos.disturbances import FREEZE_S, Disturber, Kind, plan
from tests.chaos.feeder import Feeder
from tests.chaos.fleet import Fleet
from tests.chaos.judge import Judge, Judgement
from tests.chaos.progress import Progress
from tests.chaos.workloads import PARTITIONS, WORKLOADS
from tests.deployment import Deployment
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics

DELIVERIES: Final = ("idempotent", "transactional")
PATIENCE_S: Final = 90.0
EPOCH_MS: Final = 100
WORK_S: Final = 3.0
RATE: Final = 8_000
TRACEBACK: Final = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Scenario:
    """What is run.

    Attributes:
        workload: a name in `WORKLOADS`.
        messages: raw ones.
        numbers: of disturbances by kind.
        shards: processes that share the partitions.
        delivery: as the setting says.
        seed: of everything.
        freeze_s: how long a broker is frozen.
        rate: of the feed, messages a second at most.
    """

    workload: str
    messages: int
    numbers: Mapping[Kind, int]
    shards: int = 1
    delivery: str = DELIVERIES[0]
    seed: int = 1
    freeze_s: float = FREEZE_S
    rate: float = RATE

    @property
    def arguments(self) -> tuple[str, ...]:
        """What is said to each process."""
        return f"--epoch-interval-ms={EPOCH_MS}", f"--delivery={self.delivery}"

    @property
    def lead(self) -> float:
        """How far the feed may be ahead: what lies between some disturbances, so that they find a job at work all along."""
        return max(500.0, 3 * self.messages / (1 + sum(self.numbers.values())))


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        scenario: what was run.
        judgement: of both topics.
        done: disturbances by kind.
        at: shares of the raw messages that were answered at each of them.
        fruitless: starts that were ended before they had written anything.
        failures: shards that ended with exit code 3 by themselves and were started again.
        seconds: from the first start to the end of the last process.
    """

    scenario: Scenario
    judgement: Judgement
    done: Mapping[Kind, int]
    at: tuple[float, ...]
    fruitless: int
    failures: int
    seconds: float

    @property
    def tenths(self) -> list[int]:
        """How many disturbances there were in each tenth of the run."""
        counted = Counter(min(int(share * 10), 9) for share in self.at)
        return [counted[tenth] for tenth in range(10)]


def undisturbed(deployment: Deployment, topics: Topics) -> Judge:
    """The judge on whatever else reads the deployment's raw topic, which is whole by now."""
    beside = Deployment(
        deployment.servers,
        topics,
        deployment.folder / "undisturbed",
        partitions=deployment.partitions,
        raw=deployment.raw,
    )
    beside.run()
    return Judge(beside)


def run(scenario: Scenario, servers: str, topics: Topics, folder: Path, broker: KafkaServer | None = None) -> Outcome:
    """Run it.

    Args:
        scenario: what is run.
        servers: the broker's address.
        topics: makes the topics.
        folder: for state and logs.
        broker: the same one as a process, if events are about it.

    Raises:
        FleetError: a shard ended otherwise than with 0, 3, or by our hand; or one showed a traceback.
        TimeoutError: the job stands still.
    """
    return _Run(scenario, servers, topics, folder, broker).outcome()


@dataclass
class _Run:
    scenario: Scenario
    servers: str
    topics: Topics
    folder: Path
    broker: KafkaServer | None
    at: list[float] = field(default_factory=list)
    fruitless: int = 0
    next_at: float = 0.0

    def outcome(self) -> Outcome:
        scenario = self.scenario
        deployment = Deployment(self.servers, self.topics, self.folder, partitions=PARTITIONS)
        begun = time.monotonic()
        with Progress(deployment) as progress, Fleet(deployment, scenario.shards, scenario.arguments) as fleet:
            disturber = Disturber(fleet, self.broker, scenario.freeze_s)
            with self._feeder(deployment, progress) as feeder:
                self._disturb(fleet, disturber, progress)
                progress.wait(lambda: self._tended(fleet) and feeder.done, PATIENCE_S)
            fleet.settle()
            seconds = time.monotonic() - begun
            assert TRACEBACK not in fleet.logs(), fleet.logs()
        judgement = undisturbed(deployment, self.topics).judge(deployment)
        done = dict(disturber.done)
        return Outcome(scenario, judgement, done, tuple(self.at), self.fruitless, fleet.failures, seconds)

    def _feeder(self, deployment: Deployment, progress: Progress) -> Feeder:
        scenario = self.scenario
        messages = WORKLOADS[scenario.workload](scenario.messages, scenario.seed)

        def limit() -> float:
            return min(progress.answered(), self.next_at * scenario.messages) + scenario.lead

        return Feeder(deployment.servers, deployment.raw, messages, limit=limit, rate=scenario.rate)

    def _disturb(self, fleet: Fleet, disturber: Disturber, progress: Progress) -> None:
        scenario = self.scenario
        written = dict.fromkeys(range(scenario.shards), 0)

        def now(shard: int) -> int:
            return sum(progress.records()[shard :: scenario.shards])

        for event in plan(scenario.seed, scenario.shards, scenario.numbers):
            self.next_at = event.at
            progress.wait(
                lambda event=event: self._tended(fleet) and progress.answered() >= event.at * scenario.messages,  # type: ignore[misc]
                PATIENCE_S,
            )
            if event.at_work:
                self._let_work(lambda event=event: self._tended(fleet) and now(event.shard) > written[event.shard])  # type: ignore[misc]
            self.at.append(progress.answered() / scenario.messages)
            disturber.perform(event)
            if event.kind in {Kind.KILL, Kind.TERMINATION}:
                self.fruitless += now(event.shard) == written[event.shard]
                written[event.shard] = now(event.shard)
        self.next_at = 1.0

    @staticmethod
    def _let_work(has_worked: Callable[[], bool]) -> None:
        """Wait for that, but not for ever: there may be nothing to do until the feed goes on."""
        deadline = time.monotonic() + WORK_S
        while not has_worked() and time.monotonic() < deadline:
            time.sleep(0.01)

    @staticmethod
    def _tended(fleet: Fleet) -> bool:
        fleet.tend()
        return True
