"""Partial depth of one instrument: each message is a whole (short) book, so only its predecessor is remembered.

Owns the ids and the flow of the partial messages. An instrument may be told partial depth and differences at
once; each is a lane of its own, because their ids interleave and a sweep seen by both must not count twice.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from math import nan
from types import ModuleType
from typing import Final, TypeAlias

import numpy as np

from kernels import compiled
from orderbook.codec import Reader, Writer
from orderbook.deltas import NO_ASK, NO_BID, Aggression
from orderbook.events import Partial
from orderbook.flow import PlainFlow, begun, read_flow, write_flow
from orderbook.metrics import Block
from orderbook.ofi import BEFORE_PARTIAL
from orderbook.record import CROSSED, EMPTY, LIVE, ONE_SIDED
from orderbook.tape import ID_RESET_MS

KNOWN: Final[Mapping[str, object]] = {"states": (LIVE, ONE_SIDED, EMPTY, CROSSED)}
"""What is written into ``kernels.lanes``."""


def usable(kernel: ModuleType | None) -> ModuleType | None:
    """The kernel, if it knows these states and writes states as they are written; None: plain Python does."""
    return kernel if kernel is not None and kernel.KNOWN == KNOWN and sys.byteorder == "little" else None


KERNEL: Final = usable(compiled("lanes"))

STALE: Final = -1
"""In the place of a state: the message is no record."""

Best: TypeAlias = Sequence[Sequence[float]]
"""Best level of each side: price, quantity."""


class PartialLane:
    """The last accepted partial book, and the flow to it. Plain Python here; ``kernels.lanes`` has the same compiled.

    Attributes:
        flow: From book to book.
        seq: Number of the instrument's last row, of whatever book.
        last_id: Newest update id; -1 before any.
        clock_ms: When it came.
        block: Where the predecessor's levels are.
        row: Which book they are there.
        contract_size, told, partition, mark: Of the compiled lane, for ``orderbook.meters``.
    """

    __slots__ = (
        "_own",
        "block",
        "clock_ms",
        "contract_size",
        "flow",
        "last_id",
        "mark",
        "partition",
        "row",
        "seq",
        "told",
    )

    def __init__(self, flow: PlainFlow) -> None:
        self.seq = 0
        self.last_id = -1
        self.clock_ms = 0
        self.block, self.row = NO_LEVELS, 0
        self._own = self.block  # the one that nobody else writes to
        self.flow = flow
        self.contract_size = nan
        self.told = False
        self.partition: int | None = None
        self.mark: object = None

    @property
    def carried(self) -> Block:
        """Between two batches, the predecessor's levels: a block of one book."""
        return self.block

    @property
    def begun(self) -> bool:
        """Whether anything is remembered: of an instrument with a full book alone, nothing is."""
        return self.last_id != -1 or self.clock_ms != 0 or begun(self.flow)

    def feed(self, event: Partial, best: Best, levels: Block, notices: Counter[str]) -> int:
        """Take one partial book and say its state, or STALE.

        ``best`` has its best levels (0.0: none), ``levels`` is the block that ``event.row`` points into.
        """
        _, timestamp_ms, receive_ns, ms, _, update_id, row = event
        if ms is None:  # spot partial depth
            ms = receive_ns // 1_000_000 if receive_ns is not None else timestamp_ms
        if update_id is not None:
            if update_id < self.last_id and not self.restarted(ms, notices):
                return STALE
            self.last_id = update_id
            self.clock_ms = ms
        flow = self.flow
        if ms >= flow.clock_ms:
            flow.clock_ms = ms
        else:
            flow.tick(ms, notices)
        (bid, bid_quantity), (ask, ask_quantity) = best
        if 0.0 < bid < ask:
            state = LIVE
        elif bid and ask:
            return CROSSED
        else:
            state = ONE_SIDED if bid or ask else EMPTY
            bid, ask = bid or NO_BID, ask or NO_ASK
        flow.take(bid, bid_quantity, ask, ask_quantity, self)
        self.block, self.row = levels, row
        return state

    def restarted(self, ms: int, notices: Counter[str]) -> bool:
        """Whether an id that went back is the venue's restart, not an old message."""
        if ms - self.clock_ms <= ID_RESET_MS:
            return False
        notices["id_reset"] += 1
        return True

    def asks_through(self, price: float) -> Aggression:
        """Quantity of the predecessor's asks at prices <= ``price``, as far as its levels reach."""
        return plain_through(self.block, self.row, 1, price)

    def bids_through(self, price: float) -> Aggression:
        """Quantity of the predecessor's bids at prices >= ``price``, as far as its levels reach."""
        return plain_through(self.block, self.row, 0, price)

    def settle(self) -> None:
        """A batch is over. Let go of the block that the last levels lie in (it holds a whole poll)."""
        if self.flow.place >= 0:
            self.flow.place = BEFORE_PARTIAL
        if self.block is not self._own:
            block = self.block if len(self.block) == 1 else self.block[self.row : self.row + 1]
            self.block = self._own = block.copy()
            self.row = 0

    def resume(self, block: Block) -> None:
        """Take the predecessor of earlier batches: a block of one book."""
        self.block, self.row = block, 0


def new_lane(flow: PlainFlow, kernel: ModuleType | None = KERNEL) -> PartialLane:
    """A lane that took nothing yet, around a flow of the same kind; ``kernel``: the compiled one, None for the plain one."""
    if kernel is None:
        return PartialLane(flow)
    made: PartialLane = kernel.Lane(flow, ID_RESET_MS, BEFORE_PARTIAL)
    return made


def write_lane(out: Writer, lane: PartialLane) -> None:
    """Append a lane to a state."""
    packed = getattr(lane, "packed", None)  # the compiled one has
    if packed is not None:
        out.put_written(packed())
        return
    out.put_int(lane.last_id, lane.clock_ms)
    write_flow(out, lane.flow)
    out.put_book(lane.block, lane.row)


def read_lane(state: Reader, lane: PartialLane) -> None:
    """Make of a new lane the one that was written; the number of its row is not in there."""
    lane.last_id, lane.clock_ms = state.take_int(), state.take_int()
    read_flow(state, lane.flow)
    lane.resume(read_book(state))


def plain_through(block: Block, row: int, side: int, price: float) -> Aggression:
    """Quantity on a side (0 bids, 1 asks) of a book at ``price`` and better, as far as its levels reach."""
    total, last = 0.0, price
    numbers = iter(block[row, side].ravel().tolist())  # half the price of a list of pairs
    for level, quantity in zip(numbers, numbers, strict=True):
        if not level:
            break
        if (level > price) if side else (level < price):
            return total, False
        total, last = total + quantity, level
    return total, (last < price) if side else (last > price)


def read_book(state: Reader) -> Block:
    """What ``Writer.put_book`` wrote, as a block of one book."""
    sides = []
    for _ in range(2):
        prices, quantities = state.take_decimals(steps=True), state.take_decimals()
        sides.append([*chain.from_iterable(zip(prices, quantities, strict=True))])
    bids, asks = sides
    return stack_levels([(bids, asks)])


def stack_levels(books: list[tuple[list[float], list[float]]]) -> Block:
    """Books given as flat price, quantity lists of bids and asks, as one zero-padded block.

    >>> stack_levels([([99.0, 1.0], [101.0, 2.0, 102.0, 3.0])]).shape
    (1, 2, 2, 2)
    """
    width = max((len(side) for book in books for side in book), default=0)
    padding = [0.0] * width
    flat: list[float] = []
    for book in books:
        for side in book:
            flat += side
            flat += padding[len(side) :]
    return np.array(flat, np.float64).reshape(len(books), 2, width // 2, 2)


NO_LEVELS: Final = stack_levels([([], [])])
"""One book that has none."""
