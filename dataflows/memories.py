"""What a process remembers of its instruments, bucket by bucket, and what a recovery point says of it.

Owns that only those who were told something since the last recovery point are written anew: the others' values are those that
are on the shelf (``dataflows.shelf``) already.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from connectors.decoded import BookGroups, Group, Lot
from connectors.encode_form import remembered
from connectors.raw import Fault
from dataflows.pipeline import AnyMeasured, Pipeline
from dataflows.shelf import InstrumentState, Shelf
from orderbook.measurer import Measurer
from orderbook.meters import Lanes
from orderbook.partial_lane import PartialLane
from orderbook.presets import MeasureConfig

Stored: TypeAlias = tuple[tuple[str, int, bytes, bool], ...]
"""A bucket's ``InstrumentState``s in the order of their names; plain tuples: Bytewax pickles them, and class paths change."""

_new_tuple: Final = tuple.__new__


class Bucket:
    """The instruments of one bucket by name.

    An instrument lives in one partition, else the order of its messages would not be fixed. What arrives on another one
    is a ``partition_moved`` fault each.

    Args:
        pipeline: measures.
        shelf: has the states that instruments begin with, and gets the newest ones.
        stored: what ``state()`` gave in an earlier life.
    """

    def __init__(self, pipeline: Pipeline, shelf: Shelf, stored: Stored = ()) -> None:
        self._pipeline = pipeline
        self._shelf = shelf
        states = [InstrumentState(*values) for values in stored]
        self._memories = {state.instrument: InstrumentMemory(pipeline.config, shelf, state) for state in states}
        self._sorted = len(self._memories)
        self._lanes: Lanes = {}
        self._topic = ""

    def measure(self, lot: Lot) -> list[AnyMeasured | Fault]:
        """Measure the groups in their order."""
        out: list[AnyMeasured | Fault] = []
        for item in lot.items:
            if isinstance(item, BookGroups):
                self._measure_books(item, out)
            else:
                lane = self._lanes.pop(item.instrument, None)
                if lane is not None:
                    lane.partition = None  # no lane for who remembers it either (``kernels.columns``)
                self._measure(item, out)
        return out

    def _measure_books(self, books: BookGroups, out: list[AnyMeasured | Fault]) -> None:
        """At once, but for who is met for the first time, or was told more than partial books."""
        if books.origin.topic != self._topic:  # which is in the lanes' texts
            self._lanes, self._topic = {}, books.origin.topic
        measured, rest = self._pipeline.measure_books(books, self._lanes)
        if measured is not None:
            out.append(measured)
        for number in rest:
            group = books.group(number)
            memory = self._measure(group, out)
            lane = memory.lane(self._pipeline.contract_size(group.instrument))
            if lane is not None:
                lane.mark = remembered(self._topic)[group.instrument, memory.partition]
                self._lanes[group.instrument] = lane

    def _measure(self, group: Group, out: list[AnyMeasured | Fault]) -> InstrumentMemory:
        memory = self._memories.get(group.instrument) or self.memory(group.instrument, group.partition)
        measurer = memory.measurer()  # of what moved too: levels that are due are asked for with whatever comes
        if group.partition == memory.partition:
            out.append(self._pipeline.measure(measurer, group))
        else:
            out += self._moved(group, memory.partition)
        return memory

    def memory(self, instrument: str, partition: int) -> InstrumentMemory:
        """An instrument's memory; ``partition`` becomes the home of one that nothing is known of."""
        memory = self._memories.get(instrument)
        if memory is None:
            state = self._shelf.get(instrument) or InstrumentState(instrument, partition, b"")
            memory = self._memories[instrument] = InstrumentMemory(self._pipeline.config, self._shelf, state)
        return memory

    def state(self) -> Stored:
        """The states of all instruments: equal memories are equal values, in whatever order they came."""
        if len(self._memories) > self._sorted:
            self._memories = dict(sorted(self._memories.items()))
            self._sorted = len(self._memories)
        return tuple([memory.state() for memory in self._memories.values()])

    def _moved(self, group: Group, home: int) -> list[Fault]:
        detail = f"expected {group.instrument} on partition {home}, received it on {group.partition}"
        origin = group.origin
        indices = [origin.find(group.partition, event.offset) for event in group.events]
        self._pipeline.counts.faults["partition_moved"] += len(indices)
        return [origin.fault(index, "partition_moved", detail) for index in indices]


class InstrumentMemory:
    """The partition that an instrument's messages come from, and its measurer.

    Args:
        config: what to measure.
        shelf: has the base that ``state`` may be relative to, and gets the newest states.
        state: what the instrument begins with.

    Attributes:
        partition: that the instrument lives in.
    """

    __slots__ = ("_config", "_instrument", "_lane", "_measurer", "_shelf", "_stored", "_told", "partition")

    def __init__(self, config: MeasureConfig, shelf: Shelf, state: InstrumentState) -> None:
        self._config = config
        self._shelf = shelf
        self._instrument, self.partition, measurer, relative = state
        self._stored = (self._instrument, self.partition, measurer, relative)
        self._told = False
        self._lane: PartialLane | None = None
        shelf.put(state)
        self._measurer = None if state.relative else self._begun()  # its base may be loaded later

    def measurer(self) -> Measurer:
        """The measurer, to be told something now: the state will be written anew."""
        self._told = True
        measurer = self._measurer
        if measurer is None:
            measurer = self._measurer = self._begun()
        return measurer

    def lane(self, contract_size: float | None) -> PartialLane | None:
        """Its lane, if it can be told something there as well (see ``Measurer.lane``)."""
        lane = self._measurer.lane(contract_size) if self._measurer is not None else None
        if lane is not None:
            lane.partition = self.partition
            self._lane = lane
        return lane

    def state(self) -> tuple[str, int, bytes, bool]:
        """What a recovery point shall say, an ``InstrumentState``'s values; it is on the shelf from now on."""
        measurer, lane = self._measurer, self._lane
        if lane is not None and lane.told:
            self._told, lane.told = True, False
        if measurer is None or not self._told:
            return self._stored
        self._told = False
        changes, relative = self._written(measurer)
        self._stored = stored = (self._instrument, self.partition, changes, relative)
        self._shelf.put(_new_tuple(InstrumentState, stored))  # a third of the constructor's price
        return stored

    def _written(self, measurer: Measurer) -> tuple[bytes, bool]:
        """The measurer's state, and whether it is relative to its base."""
        bases, instrument = self._shelf.bases, self._instrument
        if measurer.alone or not bases.active:  # alone: of partial books, which have no base
            return measurer.state(), False
        if bases.asked(instrument):
            bases.put(instrument, measurer.base())
        # A checkpoint's state comes in one piece: its base is in none of the keys.
        changes, relative = measurer.changes() if bases.has(instrument) else (measurer.state(), False)
        bases.wrote(instrument, len(changes), relative=relative)
        return changes, relative

    def _begun(self) -> Measurer:
        return Measurer(self._config, self._shelf.whole(InstrumentState(*self._stored)))
