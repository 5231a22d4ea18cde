"""How the state of a shard began: where in the input, where in the output, in which generation, and with which memory.

Owns that value and its form on disk. How it is decided is in ``dataflows.generations``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from dataflows.shelf import InstrumentState


class Beginning(NamedTuple):
    """By partition of the shard.

    ``generation``: of the output, from 1; ``input``: offset of the first raw message to read; ``output``: by topic, an offset
    behind which everything of this state lies; ``seed``: what the instruments remembered at ``input``.
    """

    generation: Mapping[int, int]
    input: Mapping[int, int]
    output: Mapping[str, Mapping[int, int]]
    seed: tuple[InstrumentState, ...] = ()

    @classmethod
    def of(cls, told: Mapping[str, Any], seed: tuple[InstrumentState, ...]) -> Beginning:
        """From the values that ``told`` gave, read back from JSON."""
        output = {topic: _numbered(offsets) for topic, offsets in told["output"].items()}
        return cls(_numbered(told["generation"]), _numbered(told["input"]), output, seed)

    def told(self) -> dict[str, Any]:
        """All but the seed as plain values."""
        return {"generation": self.generation, "input": self.input, "output": self.output}

    def with_more(self, added: Beginning) -> Beginning:
        """With partitions that were added to the topics."""
        output = {topic: {**offsets, **added.output[topic]} for topic, offsets in self.output.items()}
        return Beginning(
            {**self.generation, **added.generation}, {**self.input, **added.input}, output, (*self.seed, *added.seed)
        )


def _numbered(offsets: Mapping[str, int]) -> dict[int, int]:
    return {int(partition): offset for partition, offset in offsets.items()}


def write_seed(path: Path, seed: Iterable[InstrumentState]) -> None:
    """Write the states of a seed, on disk when this returns: a line of JSON each, then its bytes. None: no file."""
    states = list(seed)
    path.unlink(missing_ok=True)
    if not states:
        return
    with path.open("wb") as file:
        for instrument, partition, measurer, _ in states:
            file.write(orjson.dumps([instrument, partition, len(measurer)]) + b"\n" + measurer)
        file.flush()
        os.fsync(file.fileno())


def read_seed(path: Path) -> tuple[InstrumentState, ...]:
    """What ``write_seed`` wrote; nothing where there is no file."""
    states = []
    if path.exists():
        with path.open("rb") as file:
            while line := file.readline():
                instrument, partition, size = orjson.loads(line)
                states.append(InstrumentState(instrument, partition, file.read(size)))
    return tuple(states)
