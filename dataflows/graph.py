"""The graph: raw messages in, metric records and faults out. Edges are arguments; nothing here knows Kafka.

Step names are part of the recovery state: renaming one makes a restart begin from nothing (a test holds them).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, TypeGuard, cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import KeyedStream, StatefulBatchLogic
from bytewax.outputs import Sink

from connectors.decoded import BookGroups, Group, Lot
from connectors.encode_faults import encode_faults
from connectors.outgoing import OutBatch
from connectors.raw import Fault, RawBatch
from dataflows.bases import Bases, Rebase, levels_key
from dataflows.buckets import Buckets
from dataflows.memories import Bucket
from dataflows.memories import Stored as StoredBucket
from dataflows.pipeline import AnyMeasured, Pipeline, partition_key
from dataflows.settings import SettingsError
from dataflows.shelf import Shelf

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
    states, buckets = shelf if shelf is not None else Shelf(), Buckets()
    flow = Dataflow(FLOW_ID)
    raw = op.input("raw", flow, source)
    decoded = op.flat_map_batch("decode", raw, pipeline.decode)
    split = op.branch("decoded", decoded, _is_decoded)
    lots = op.flat_map_batch("by_bucket", split.trues, lambda items: _keyed(items, buckets, states.bases))
    measured = op.stateful_batch("measure", lots, lambda state: MeasureLogic(pipeline, states, state))
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


def _keyed(items: list[Group | BookGroups], buckets: Buckets, bases: Bases) -> list[tuple[str, Lot | Rebase]]:
    """Groups by bucket; beside them, the levels that are due."""
    keyed: list[tuple[str, Lot | Rebase]] = [*buckets.lots(items)]
    due = [name for item in items for name in _instruments(item) if bases.due(name)] if bases.any_due else []
    return keyed + [(levels_key(instrument), Rebase(instrument)) for instrument in due]


def _instruments(item: Group | BookGroups) -> list[str]:
    if isinstance(item, BookGroups):
        return [item.columns.names[number][0] for number in item.numbers]
    return [item.instrument]


def _is_decoded(item: Group | BookGroups | Fault) -> TypeGuard[Group | BookGroups]:
    return type(item) is not Fault


def _is_measured(item: AnyMeasured | Fault) -> TypeGuard[AnyMeasured]:
    return type(item) is not Fault


Stored: TypeAlias = tuple[Literal["bucket"], StoredBucket] | tuple[Literal["levels"], str, bytes]
"""The states of a bucket, or an instrument and its base; with the kind in front, which no older version had."""

_BUCKET: Final = "bucket"
_LEVELS: Final = "levels"


class MeasureLogic(StatefulBatchLogic["Lot | Rebase", "AnyMeasured | Fault", Stored]):
    """The memory of one key inside Bytewax, which is a bucket of instruments or the levels of a full book.

    Raises:
        SettingsError: ``stored`` is of another version. ``obi run`` asks before (``dataflows.state``); Bytewax's own
            launcher does not.
    """

    def __init__(self, pipeline: Pipeline, shelf: Shelf, stored: Stored | None) -> None:
        self._shelf = shelf
        self._levels_of = ""
        self._bucket = Bucket(pipeline, shelf, stored[1] if stored is not None and stored[0] == _BUCKET else ())
        if stored is not None and stored[0] == _LEVELS:
            _, self._levels_of, base = stored
            shelf.bases.put(self._levels_of, base)
        elif stored is not None and stored[0] != _BUCKET:
            raise _of_another_version(stored[0])

    def on_batch(self, values: list[Lot | Rebase]) -> tuple[list[AnyMeasured | Fault], bool]:
        """Measure what is in the lots, in their order."""
        out: list[AnyMeasured | Fault] = []
        for item in values:
            if isinstance(item, Rebase):
                self._levels_of = item.instrument
                self._shelf.bases.ask(item.instrument)
            else:
                out += self._bucket.measure(item)
        return out, StatefulBatchLogic.RETAIN

    def snapshot(self) -> Stored:
        """The state as a value."""
        if self._levels_of:
            return _LEVELS, self._levels_of, self._shelf.bases.get(self._levels_of)
        return _BUCKET, self._bucket.state()


def _of_another_version(instrument: str) -> SettingsError:
    problem = (
        f"recovery: expected state of this version, received that of an older one (of {instrument}); go on with the version "
        "that wrote it, or begin with an empty recovery folder and empty output topics"
    )
    return SettingsError([problem])
