"""One crash at a chosen point, of a job that finds its raw messages all there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.chaos.fleet import Fleet
from tests.deployment import Deployment

# Small batches, epochs as short as they may be, and checkpoints as often: every point is reached after a few hundred messages.
_ARGUMENTS: Final = ("--until-end", "--batch-size=50", "--epoch-interval-ms=10", "--checkpoint-interval=50")


def crash(deployment: Deployment, point: str, count: int = 1, arguments: Sequence[str] = ()) -> int:
    """The exit code of a job that was to die at the `count`-th visit of a point; 0 when it has not come there as often."""
    fleet = Fleet(deployment, 1, [*_ARGUMENTS, *arguments])
    fleet.start(0, ("-m", "tests.chaos.crash_at", point, str(count)))
    return fleet.wait(0)
