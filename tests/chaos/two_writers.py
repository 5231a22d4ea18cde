"""Two jobs that write the same partitions, each with a state of its own: how long it takes until one of them stops."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.feeder import Feeder
from tests.chaos.fleet import RUNNING, Fleet
from tests.chaos.judge import Judgement
from tests.chaos.progress import Progress
from tests.chaos.scenario import EPOCH_MS, TRACEBACK, undisturbed
from tests.chaos.workloads import partial_books
from tests.deployment import Deployment
from tests.kafka_topics import Topics

RATE: Final = 2_000
PATIENCE_S: Final = 30.0
ALONE_S: Final = 1.0
"""How long the one that is left is looked at."""


@dataclass(frozen=True)
class Race:
    """What came of it.

    Attributes:
        exit_code: of the one that stopped; None when both went on until the feed was over.
        said: what the two said.
        other_went_on: whether exactly the other one was still running a second later; it ended with 0 in the end.
        seconds: from the moment when both were writing until one had ended; for one that was stopped before a record came
            twice (it was fenced), from the moment when both were running.
        judgement: of what both have written.
    """

    exit_code: int | None
    said: str
    other_went_on: bool
    seconds: float
    judgement: Judgement


def race(deployment: Deployment, topics: Topics, arguments: Sequence[str] = ()) -> Race:
    """Start both together on empty topics, feed them until one has stopped, and let the one that is left come to the end."""
    rival = copy.copy(deployment)
    rival.folder = deployment.folder / "rival"
    rival.folder.mkdir()
    rival.state = rival.folder / "state"
    # The one that comes a moment later may find an output that is not empty, and is to write all the same.
    told = (f"--epoch-interval-ms={EPOCH_MS}", "--resume-from-output", *arguments)
    fleets = [Fleet(one, 1, told) for one in (deployment, rival)]
    feeder = Feeder(deployment.servers, deployment.raw, partial_books(int(RATE * PATIENCE_S), 1), rate=RATE)
    with Progress(deployment) as progress, fleets[0], fleets[1], feeder:
        ended, seconds = _watch(fleets, progress, feeder)
        time.sleep(ALONE_S)
        feeder.end()
        left = [fleet for fleet in fleets if fleet.runs(0)]
        for fleet in left:
            fleet.settle()
    said = "".join(fleet.logs() for fleet in fleets)
    assert TRACEBACK not in said, said
    judgement = undisturbed(deployment, topics).judge(deployment)
    return Race(None if ended is None else ended.wait(0), said, len(left) == 1, seconds, judgement)


def _watch(fleets: Sequence[Fleet], progress: Progress, feeder: Feeder) -> tuple[Fleet | None, float]:
    """The fleet that ended, and after how long; none when the feed was over first."""
    both: float | None = None
    while not feeder.done:
        if both is None and all(RUNNING in fleet.log(0) for fleet in fleets):
            both = time.monotonic()
        for fleet in fleets:
            if not fleet.runs(0):
                now = time.monotonic()
                return fleet, now - (progress.repeated_at or both or now)
        time.sleep(0.005)
    return None, float("inf")
