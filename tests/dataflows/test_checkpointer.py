"""Checkpoints: of one piece, at a bounded price."""

from __future__ import annotations

from typing import Any

from connectors.journal import Checkpoint, Standing
from dataflows.checkpointer import Checkpointer
from dataflows.shelf import InstrumentState, Shelf

INTERVAL = 100


class Written:
    """A journal that only remembers."""

    def __init__(self, room: bool = True) -> None:
        self.room = room
        self.checkpoints: list[tuple[int, Checkpoint]] = []

    def checkpoint(self, partition: int, checkpoint: Checkpoint) -> bool:
        if self.room:
            self.checkpoints.append((partition, checkpoint))
        return self.room

    def poll(self) -> None:
        pass

    def positions(self) -> list[tuple[int, int]]:
        return [(partition, checkpoint.standing.position) for partition, checkpoint in self.checkpoints]


def checkpointer(journal: Any, *, size: int = 10, positions: dict[int, int] | None = None) -> Checkpointer:
    shelf = Shelf([InstrumentState(f"v:{p}", p, b"x" * size) for p in (0, 1)])
    return Checkpointer(
        journal,
        shelf,
        lambda partition: (7 + partition, 9),
        generation={0: 3, 1: 3},
        positions=positions or {0: 0, 1: 0},
        settings={"depth_levels": 20},
        interval=INTERVAL,
    )


def test_a_checkpoint_has_the_states_of_its_partition_and_where_everything_stood() -> None:
    journal = Written()
    checkpointer(journal).settled({0: 100, 1: 99}, 10_000)

    assert journal.checkpoints == [(0, Checkpoint(Standing(3, 100, 7, 9), {"depth_levels": 20}, {"v:0": b"x" * 10}))]


def test_between_two_checkpoints_of_a_partition_lie_at_least_so_many_messages() -> None:
    journal = Written()
    writer = checkpointer(journal)
    for position in range(0, 460, 30):
        writer.settled({0: position}, position * 1000)

    assert journal.positions() == [(0, 120), (0, 240), (0, 360)]


def test_one_partition_is_written_at_a_time() -> None:
    journal = Written()
    writer = checkpointer(journal)
    for step in (1, 2, 3):
        writer.settled({0: 100, 1: 150}, 10_000 * step)

    assert journal.positions() == [(0, 100), (1, 150)]


def test_large_books_wait_until_twenty_times_their_size_was_read() -> None:
    journal = Written()
    writer = checkpointer(journal, size=1000)
    for step in range(1, 100):
        writer.settled({0: 100 * step}, 3000 * step)  # 3 kB read for each hundred messages

    assert journal.positions() == [(0, 100 * step) for step in range(7, 100, 7)]


def test_a_checkpoint_that_had_no_room_is_not_tried_again_at_once() -> None:
    journal = Written(room=False)
    writer = checkpointer(journal)
    writer.settled({0: 100}, 10_000)
    journal.room = True
    writer.settled({0: 150}, 20_000)
    writer.settled({0: 200}, 30_000)

    assert journal.positions() == [(0, 200)]
