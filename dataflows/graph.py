"""The graph: raw messages in, metric records and faults out. Edges are arguments; nothing here knows Kafka.

Step names are part of the recovery state: renaming one makes a restart begin from nothing (a test holds them).
"""

from __future__ import annotations

from typing import TypeAlias, TypeGuard, cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import KeyedStream, StatefulBatchLogic
from bytewax.outputs import Sink

from connectors.decoded import Group
from connectors.encode_faults import encode_faults
from connectors.outgoing import OutBatch
from connectors.raw import Fault, RawBatch
from dataflows.bases import Bases, Rebase, levels_key
from dataflows.pipeline import MeasuredGroup, Pipeline, partition_key
from dataflows.shelf import InstrumentState, Shelf
from orderbook.measurer import Measurer

FLOW_ID = "imbalance"


def build(
    source: Source[RawBatch],
    metrics: Sink[tuple[str, OutBatch]],
    faults: Sink[tuple[str, OutBatch]],
    *,
    pipeline: Pipeline,
    shelf: Shelf | None = None,
) -> Dataflow:
    """Build the graph between a source of raw batches and two sinks that are keyed by output partition.

    ``shelf`` has the states that instruments begin with, and gets all of them at each epoch's end.
    """
    states = shelf if shelf is not None else Shelf()
    flow = Dataflow(FLOW_ID)
    raw = op.input("raw", flow, source)
    decoded = op.flat_map_batch("decode", raw, pipeline.decode)
    split = op.branch("decoded", decoded, _is_group)
    groups = op.flat_map_batch("by_instrument", split.trues, lambda groups: _keyed(groups, states.bases))
    measured = op.stateful_batch("measure", groups, lambda state: MeasureLogic(pipeline, states, state))
    sound = op.branch("measured", op.key_rm("measured_items", measured), _is_measured)
    records = op.flat_map_batch("encode", sound.trues, pipeline.encode)
    op.output("metrics", records, metrics)
    # branch() tells the type checker about its true side only
    op.output("faults", _faults(cast("Stream[Fault]", split.falses), cast("Stream[Fault]", sound.falses)), faults)
    return flow


def _faults(decoding: Stream[Fault], measuring: Stream[Fault]) -> KeyedStream[OutBatch]:
    merged = op.merge("all_faults", decoding, measuring)
    return op.flat_map_batch(
        "encode_faults", merged, lambda faults: [(partition_key(b.partition), b) for b in encode_faults(faults)]
    )


def _keyed(groups: list[Group], bases: Bases) -> list[tuple[str, Group | Rebase]]:
    """Groups by instrument; beside them, the levels that are due."""
    keyed: list[tuple[str, Group | Rebase]] = [(group.instrument, group) for group in groups]
    due = [group.instrument for group in groups if bases.due(group.instrument)] if bases.any_due else []
    return keyed + [(levels_key(instrument), Rebase(instrument)) for instrument in due]


def _is_group(item: Group | Fault) -> TypeGuard[Group]:
    return type(item) is Group


def _is_measured(item: MeasuredGroup | Fault) -> TypeGuard[MeasuredGroup]:
    return type(item) is MeasuredGroup


Stored: TypeAlias = "tuple[str, int, bytes, bool] | tuple[str, bytes]"
"""An ``InstrumentState``, or an instrument and its base; plain tuples: Bytewax pickles them, and class paths change."""


class MeasureLogic(StatefulBatchLogic["Group | Rebase", "MeasuredGroup | Fault", Stored]):
    """The memory of one key inside Bytewax, which is an instrument or the levels of its full book."""

    def __init__(self, pipeline: Pipeline, shelf: Shelf, stored: Stored | None) -> None:
        self._pipeline = pipeline
        self._shelf = shelf
        self._memory: InstrumentMemory | None = None
        self._levels_of = ""
        if stored is not None and len(stored) == 4:
            self._memory = InstrumentMemory(pipeline, shelf, InstrumentState(*stored))
        elif stored is not None:
            self._levels_of, base = stored
            shelf.bases.put(self._levels_of, base)

    def on_batch(self, values: list[Group | Rebase]) -> tuple[list[MeasuredGroup | Fault], bool]:
        """Measure the groups in their order."""
        first = values[0]
        if type(first) is Rebase:
            self._levels_of = first.instrument
            self._shelf.bases.ask(first.instrument)
            return [], StatefulBatchLogic.RETAIN
        groups = cast("list[Group]", values)
        if self._memory is None:
            name, partition = groups[0].instrument, groups[0].partition
            state = self._shelf.get(name) or InstrumentState(name, partition, b"")
            self._memory = InstrumentMemory(self._pipeline, self._shelf, state)
        return self._memory.measure(groups), StatefulBatchLogic.RETAIN

    def snapshot(self) -> Stored:
        """The state as a value."""
        if self._levels_of:
            return self._levels_of, self._shelf.bases.get(self._levels_of)
        assert self._memory is not None, "Bytewax asks only for what was given something"
        instrument, partition, measurer, relative = self._memory.state()
        return instrument, partition, measurer, relative


class InstrumentMemory:
    """The partition that an instrument's messages come from, and its measurer.

    An instrument lives in one partition, else the order of its messages would not be fixed. What arrives on another one
    is a ``partition_moved`` fault each.
    """

    __slots__ = ("_measurer", "_pipeline", "_shelf", "_state")

    def __init__(self, pipeline: Pipeline, shelf: Shelf, state: InstrumentState) -> None:
        self._pipeline = pipeline
        self._shelf = shelf
        self._state = state
        shelf.put(state)
        self._measurer = None if state.relative else self._begun()  # its base may be loaded later

    def measure(self, groups: list[Group]) -> list[MeasuredGroup | Fault]:
        """Measure the groups in their order."""
        if self._measurer is None:
            self._measurer = self._begun()
        measurer, home = self._measurer, self._state.partition
        if len(groups) == 1 and groups[0].partition == home:  # with thousands of instruments, most polls
            return [self._pipeline.measure(measurer, groups[0])]
        out: list[MeasuredGroup | Fault] = []
        for group in groups:
            if group.partition == home:
                out.append(self._pipeline.measure(measurer, group))
            else:
                out += self._moved(group, home)
        return out

    def state(self) -> InstrumentState:
        """What Bytewax shall keep; it is on the shelf from now on."""
        measurer, bases, instrument = self._measurer, self._shelf.bases, self._state.instrument
        if measurer is None:
            return self._state  # nothing was told since the start
        if bases.active:
            if bases.asked(instrument):
                bases.put(instrument, measurer.base())
            # A checkpoint's state comes in one piece: its base is in none of the keys.
            changes, relative = measurer.changes() if bases.has(instrument) else (measurer.state(), False)
            bases.wrote(instrument, len(changes), relative=relative)
        else:
            changes, relative = measurer.state(), False
        self._state = self._state._replace(measurer=changes, relative=relative)
        self._shelf.put(self._state)
        return self._state

    def _begun(self) -> Measurer:
        return Measurer(self._pipeline.config, self._shelf.whole(self._state))

    def _moved(self, group: Group, home: int) -> list[Fault]:
        detail = f"expected {group.instrument} on partition {home}, received it on {group.partition}"
        origin = group.origin
        indices = [origin.find(group.partition, event.offset) for event in group.events]
        self._pipeline.counts.faults["partition_moved"] += len(indices)
        return [origin.fault(index, "partition_moved", detail) for index in indices]
