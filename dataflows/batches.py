"""The whole job over raw batches, in process: the steps of the graph one after the other, without a broker.

Owns the order of what comes out: that of the messages, so that no batch size shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Final, NamedTuple

from connectors.decoded import Lot
from connectors.encode_form import OFFSET
from connectors.raw import Fault, RawBatch
from dataflows.memories import Bucket
from dataflows.pipeline import AnyMeasured, MeasuredGroup, Pipeline
from dataflows.shelf import Shelf

_first: Final = itemgetter(0)


class Result(NamedTuple):
    """One batch, measured without a broker: records in the order of their messages, and faults."""

    records: list[bytes]
    faults: list[Fault]


def measure_batches(pipeline: Pipeline, raws: Iterable[RawBatch]) -> Iterator[Result]:
    """Records and faults of one batch after the other; state is carried from one to the next.

    Records come in the order of their messages (over all instruments), so that no batch size shows in the output.
    """
    bucket = Bucket(pipeline, Shelf())
    for raw in raws:
        faults: list[Fault] = []
        lot = Lot([])
        for item in pipeline.decode([raw]):
            if isinstance(item, Fault):
                faults.append(item)
            else:
                lot.items.append(item)
        measured: list[AnyMeasured] = []
        for result in bucket.measure(lot):
            if isinstance(result, Fault):
                faults.append(result)
            else:
                measured.append(result)
        yield Result(_in_message_order(pipeline, measured), faults)


def _in_message_order(pipeline: Pipeline, measured: Sequence[AnyMeasured]) -> list[bytes]:
    """Records by offset; those of several partitions one partition after the other."""
    records = [value for _, batch in pipeline.encode(measured) for value in batch.values if value is not None]
    return [record for _, record in sorted(zip(places(measured), records, strict=True), key=_first)]


def places(measured: Iterable[AnyMeasured]) -> list[tuple[int, int]]:
    """Partition and offset of each record, in the order in which ``Pipeline.encode`` gives them."""
    return sorted(chain.from_iterable(map(_places, measured)), key=_first)


def _places(measured: AnyMeasured) -> Iterator[tuple[int, int]]:
    if isinstance(measured, MeasuredGroup):
        return ((measured.partition, row.offset) for row in measured.rows)
    partitions = chain.from_iterable(map(repeat, measured.partitions, measured.counts))
    return zip(partitions, measured.rows.integers(OFFSET), strict=True)
