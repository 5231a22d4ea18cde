"""What was measured in lots becomes the same records, at the same places, as what was measured group by group."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.decode import Decoder
from connectors.decoded import Group
from connectors.encode import RecordEncoder
from connectors.encode_form import texts_of
from connectors.raw import RawBatch
from dataflows.batches import places
from dataflows.counts import Counts
from dataflows.pipeline import AnyMeasured, MeasuredGroup, MeasuredLot, Pipeline
from kernels import compiled
from orderbook import MeasureConfig, Measurer
from orderbook.cells import rows_of
from orderbook.groups import measure_groups
from tests.dataflows.speak import speak, split, woven
from tests.orderbook.feeds import COINM, SPOT, USDM, Told
from tests.strategies import BROKEN, DIFFS, ODD_PARTIALS, PARTIALS, SNAPSHOTS, TRADES, configs, told

feeds = told(*DIFFS, *SNAPSHOTS, *BROKEN, *PARTIALS, *ODD_PARTIALS, *TRADES, futures=True, max_size=8)
ENCODERS = {"compiled": RecordEncoder(), "plain": RecordEncoder(pure=True)}


@pytest.fixture(params=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> RecordEncoder:
    if request.param == "compiled" and (compiled("records") is None or compiled("cells") is None):
        pytest.skip("the kernels were not built")
    return ENCODERS[request.param]


def steps_of(config: MeasureConfig, encoder: RecordEncoder) -> Pipeline:
    return Pipeline(Decoder(depth_levels=config.depth_levels), config, Counts(), encoder)


def measured(steps: Pipeline, raws: list[RawBatch]) -> list[MeasuredGroup]:
    """Several polls as one call of the encoder may get them."""
    measurers: dict[str, Measurer] = {}
    out = []
    for raw in raws:
        for item in steps.decode([raw]):
            assert isinstance(item, Group)
            measurer = measurers.setdefault(item.instrument, Measurer(steps.config))
            out.append(steps.measure(measurer, item))
    return out


def lot(groups: list[MeasuredGroup], config: MeasureConfig, encoder: RecordEncoder) -> MeasuredLot:
    """The same, with the stateless metrics, as cells where the encoder likes them."""
    rows = [row for group in groups for row in group.rows]
    metrics = measure_groups(
        [group.books for group in groups],
        bytes(row.state for row in rows),
        config,
        [group.before for group in groups],
        [group.carried for group in groups],
        contract_sizes=[group.contract_size for group in groups],
    )
    partitions = [group.partition for group in groups]
    texts = [texts_of((group.instrument, group.partition), group.topic) for group in groups]
    return MeasuredLot(partitions, texts, [len(group.rows) for group in groups], encoder.rows(rows, metrics))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=feeds,
    second=feeds,
    config=configs,
    cuts=st.lists(st.integers(0, 16), max_size=4),
    moved=st.sets(st.integers(0, 16)),
    lots=st.lists(st.integers(0, 3), min_size=60, max_size=60),
)
def test_lots_and_groups_in_turn_are_the_records_of_groups(
    encoder: RecordEncoder,
    *,
    first: list[Told],
    second: list[Told],
    config: MeasureConfig,
    cuts: list[int],
    moved: set[int],
    lots: list[int],
) -> None:
    raw = speak(woven((USDM, first), (COINM, second)))
    for index in moved & set(range(len(raw))):
        raw.partitions[index] = 7
    steps = steps_of(config, encoder)
    groups = measured(steps, split(raw, *cuts))
    expected = steps.encode(groups)
    count = steps.counts.records
    mixed: list[AnyMeasured] = []
    for which, some in groupby(zip(lots, groups, strict=False), key=lambda pair: pair[0]):
        members = [group for _, group in some]
        mixed += [lot(members, config, encoder)] if which else members

    assert steps.encode(mixed) == expected
    assert steps.counts.records == 2 * count
    assert places(mixed) == places(groups)
    assert [partition for partition, _ in places(groups)] == [
        batch.partition for _, batch in expected for _ in batch.values
    ]


def test_a_lot_without_rows_is_no_batch(encoder: RecordEncoder) -> None:
    config = MeasureConfig()
    nothing = rows_of([], measure_groups([], b"", config, [], [], contract_sizes=[]))

    assert steps_of(config, encoder).encode([MeasuredLot([0], [texts_of((SPOT, 0), "t")], [0], nothing)]) == []
    assert steps_of(config, encoder).encode([]) == []


def test_a_lot_that_tells_of_other_rows_is_an_error(encoder: RecordEncoder) -> None:
    config = MeasureConfig()
    steps = steps_of(config, encoder)
    raw = RawBatch("t")
    raw.append(b'{"symbol":"A","bids":[[1,1]],"asks":[]}')
    whole = lot(measured(steps, [raw]), config, encoder)

    for wrong in (
        whole._replace(counts=[0]),
        whole._replace(counts=[2, -1], partitions=[0, 0], texts=whole.texts * 2),
        whole._replace(counts=[2]),
    ):
        with pytest.raises(ValueError, match="1 rows"):
            steps.encode([wrong])
