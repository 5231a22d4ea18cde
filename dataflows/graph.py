"""The graph: raw messages in, metric records and faults out. Edges are arguments; nothing here knows Kafka.

Step names are part of the recovery state: renaming one makes a restart begin from nothing (a test holds them).
"""

from __future__ import annotations

from typing import TypeGuard, cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import KeyedStream, StatefulBatchLogic
from bytewax.outputs import Sink

from connectors.decoded import Group
from connectors.encode_faults import encode_faults
from connectors.outgoing import OutBatch
from connectors.raw import Fault, RawBatch
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
    groups = op.key_on("by_instrument", split.trues, lambda group: group.instrument)
    measured = op.stateful_batch("measure", groups, lambda state: InstrumentLogic(pipeline, states, state))
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


def _is_group(item: Group | Fault) -> TypeGuard[Group]:
    return type(item) is Group


def _is_measured(item: MeasuredGroup | Fault) -> TypeGuard[MeasuredGroup]:
    return type(item) is MeasuredGroup


class InstrumentLogic(StatefulBatchLogic[Group, "MeasuredGroup | Fault", "tuple[str, int, bytes]"]):
    """The memory of one instrument inside Bytewax: the partition that its messages come from, and its measurer.

    An instrument lives in one partition, else the order of its messages would not be fixed. What arrives on another one
    is a ``partition_moved`` fault each. Its snapshot is a plain tuple: Bytewax pickles it, and class paths change.
    """

    def __init__(self, pipeline: Pipeline, shelf: Shelf, state: tuple[str, int, bytes] | None) -> None:
        self._pipeline = pipeline
        self._shelf = shelf
        self._known: tuple[InstrumentState, Measurer] | None = None
        if state is not None:
            shelf.put(InstrumentState(*state))
            self._known = self._begin(InstrumentState(*state))

    def on_batch(self, values: list[Group]) -> tuple[list[MeasuredGroup | Fault], bool]:
        """Measure the groups in their order."""
        if self._known is None:
            first = values[0]
            new = InstrumentState(first.instrument, first.partition, b"")
            self._known = self._begin(self._shelf.get(first.instrument) or new)
        (_, home, _), measurer = self._known
        out: list[MeasuredGroup | Fault] = []
        for group in values:
            if group.partition == home:
                out.append(self._pipeline.measure(measurer, group))
            else:
                out += self._moved(group, home)
        return out, StatefulBatchLogic.RETAIN

    def snapshot(self) -> tuple[str, int, bytes]:
        """The state as a value; it is on the shelf from now on."""
        assert self._known is not None, "Bytewax asks only for what was given something"
        state, measurer = self._known
        state = state._replace(measurer=measurer.state())
        self._shelf.put(state)
        return state.instrument, state.partition, state.measurer

    def _begin(self, state: InstrumentState) -> tuple[InstrumentState, Measurer]:
        return state, Measurer(self._pipeline.config, state.measurer)

    def _moved(self, group: Group, home: int) -> list[Fault]:
        detail = f"expected {group.instrument} on partition {home}, received it on {group.partition}"
        origin = group.origin
        indices = [origin.find(group.partition, event.offset) for event in group.events]
        self._pipeline.counts.faults["partition_moved"] += len(indices)
        return [origin.fault(index, "partition_moved", detail) for index in indices]
