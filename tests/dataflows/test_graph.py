"""The graph in Bytewax: batches, epochs, crashes and restarts change nothing of what comes out."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import bytewax.testing
import orjson
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decoded import Group, Lot
from connectors.outgoing import OutBatch
from connectors.raw import Fault, RawBatch
from dataflows import buckets, recovery
from dataflows.bases import Bases, levels_key
from dataflows.buckets import bucket_of
from dataflows.graph import FLOW_ID, MeasureLogic, build
from dataflows.pipeline import AnyMeasured, Pipeline
from dataflows.settings import SettingsError
from dataflows.shelf import InstrumentState, Shelf
from orderbook import MeasureConfig, Measurer
from orderbook.events import Side
from tests.dataflows.speak import pipeline, speak, split, woven
from tests.orderbook.feeds import SPOT, USDM, Told, book, futures, snapshot, spot, trade

Keyed: TypeAlias = tuple[str, OutBatch]

BIDS: Side = [(99.0, 1.0), (98.0, 2.0)]
ASKS: Side = [(101.0, 2.0), (102.0, 2.0)]
ABORT, EOF = TestingSource.ABORT, TestingSource.EOF

STEPS = [
    "imbalance.raw",
    "imbalance.decode",
    "imbalance.decoded",
    "imbalance.by_bucket",
    "imbalance.measure",
    "imbalance.measured_items",
    "imbalance.measured",
    "imbalance.encode",
    "imbalance.metrics",
    "imbalance.all_faults",
    "imbalance.encode_faults",
    "imbalance.faults",
]
"""Recovery finds its state by these names: renaming one throws away what every running job remembers."""


class Flow:
    """A graph between lists, that may be run again and again as after a restart."""

    def __init__(
        self, source: Sequence[Any], *, batch_size: int = 1, config: MeasureConfig | None = None, relative: bool = False
    ) -> None:
        self.metrics: list[Keyed] = []
        self.faults: list[Keyed] = []
        self.source = TestingSource(source, batch_size)
        self.config = config
        self.pipeline = pipeline(config)
        self.relative = relative
        self.seed: list[InstrumentState] = []
        self.shelf = Shelf()

    def graph(self) -> Dataflow:
        """As a new process would build it: nothing is remembered but by recovery."""
        self.pipeline = pipeline(self.config)
        self.shelf = Shelf(self.seed, Bases(active=self.relative, least_bytes=0))
        sinks = TestingSink(self.metrics), TestingSink(self.faults)
        return build(self.source, *sinks, pipeline=self.pipeline, shelf=self.shelf)

    def run(self, **options: Any) -> Flow:
        bytewax.testing.run_main(self.graph(), **options)  # type: ignore[no-untyped-call]
        return self

    def records(self) -> dict[str, list[bytes]]:
        """Each instrument's records in the order in which they came."""
        out: dict[str, list[bytes]] = {}
        for key, batch in self.metrics:
            assert key == f"{batch.partition:05d}"
            for name, value in zip(batch.keys, batch.values, strict=True):
                assert name is not None
                assert value is not None
                out.setdefault(name.decode(), []).append(value)
        return out

    def reasons(self) -> list[tuple[int, bytes]]:
        """(offset, reason) of every fault."""
        found = []
        for _, batch in self.faults:
            for headers in batch.headers or []:
                named = dict(headers)
                found.append((int(named["obi.offset"]), named["obi.reason"]))
        return found


def feed() -> RawBatch:
    """Two instruments that have something of everything, and messages that are faults."""
    sweep: list[Told] = [book(BIDS, ASKS, 1), book([(101.0, 1.0)], [(102.0, 1.0)], 2), book(BIDS, ASKS, 3)]
    on_spot: list[Told] = [trade(1, 0.5), *sweep, trade(2, -0.25), book(BIDS, [], 4), book(BIDS, ASKS, 3)]
    on_futures: list[Told] = [
        futures(95, 96, 99, BIDS),
        snapshot(98, BIDS, ASKS),
        futures(99, 100, 101, [(100.0, 1.0)]),
        futures(101, 102, 103, [(101.0, 3.0)], [(101.0, 0.0)]),
        futures(105, 106, 107),
        snapshot(107, BIDS, ASKS),
        futures(107, 108, 109),
    ]
    raw = speak(woven((SPOT, on_spot), (USDM, on_futures)))
    raw.append(b"nonsense", key=b"k", offset=len(raw))
    return raw


def single(raw: RawBatch) -> list[RawBatch]:
    return split(raw, *range(1, len(raw)))


def test_the_flow_and_its_steps_keep_their_names() -> None:
    flow = Flow([]).graph()

    assert flow.flow_id == FLOW_ID == "imbalance"
    assert [step.step_id for step in flow.substeps] == STEPS


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 14), max_size=6), batch_size=st.integers(1, 4), seconds=st.sampled_from([0, 10]))
def test_batches_and_epochs_do_not_show_in_the_output(cuts: list[int], batch_size: int, seconds: int) -> None:
    whole = Flow([feed()]).run()

    pieces = Flow(split(feed(), *cuts), batch_size=batch_size).run(epoch_interval=timedelta(seconds=seconds))

    assert pieces.records() == whole.records()
    assert pieces.reasons() == whole.reasons() == [(14, b"not_json")]
    assert whole.pipeline.counts.unaccounted() == pieces.pipeline.counts.unaccounted() == 0


def test_the_records_are_those_of_the_core_run_alone() -> None:
    records = {
        name: [orjson.loads(value) for value in values] for name, values in Flow([feed()]).run().records().items()
    }

    assert [(r["state"], r["delta_volume"], r["trade_delta"]) for r in records[SPOT]] == [
        ("live", 0.0, 0.5),
        ("live", 2.0, 0.5),
        ("live", 1.0, 0.5),
        ("one_sided", 1.0, 0.25),
    ]
    assert [(r["state"], r["delta_volume"], r["gaps"]) for r in records[USDM]] == [
        ("resyncing", None, 0),
        ("live", 0.0, 0),
        ("live", 2.0, 0),
        ("resyncing", None, 1),
        ("live", 2.0, 1),
    ]


@pytest.fixture(params=[buckets.BUCKETS, 1], ids=["apart", "one_bucket"])
def some_buckets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed's two instruments have buckets of their own, or share one."""
    monkeypatch.setattr(buckets, "BUCKETS", request.param)


@pytest.mark.usefixtures("some_buckets")
@pytest.mark.parametrize("relative", [False, True], ids=["whole", "relative"])
@pytest.mark.parametrize("stop", [EOF, ABORT], ids=["clean", "crash"])
@pytest.mark.parametrize("at", range(1, 14))
def test_a_restart_anywhere_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, stop: type, at: int, relative: bool
) -> None:
    whole = Flow([feed()]).run()
    messages = single(feed())
    flow = Flow([*messages[:at], stop(), *messages[at:]], relative=relative)
    options = recoverable(tmp_path)

    flow.run(**options)
    first = flow.records()
    flow.run(**options)

    both = flow.records()
    assert {name: without_repetition(values) for name, values in both.items()} == whole.records()
    if stop is EOF:
        assert both == whole.records()
    assert sum(map(len, first.values())) < sum(map(len, both.values()))
    assert set(flow.reasons()) == {(14, b"not_json")}


def test_the_shelf_has_whole_states_and_the_store_what_changed_since_the_levels_were_written(tmp_path: Path) -> None:
    whole, relative = (Flow(single(feed()), relative=relative) for relative in (False, True))
    whole.run(**recoverable(tmp_path / "whole"))
    relative.run(**recoverable(tmp_path / "relative"))

    states = [flow.shelf.of_partition(0) for flow in (whole, relative)]
    assert [{name: Measurer(MeasureConfig(), state).state() for name, state in some.items()} for some in states] == [
        states[0]
    ] * 2
    assert relative.shelf.size_of(0) == sum(map(len, states[1].values()))
    step = "imbalance.measure"
    kind, stored = recovery.newest_state(tmp_path / "relative", step, bucket_of(USDM))
    assert kind == "bucket"
    assert [(name, partition, relative) for name, partition, _, relative in stored] == [(USDM, 0, True)]
    assert recovery.newest_state(tmp_path / "relative", step, levels_key(USDM))[:2] == ("levels", USDM)
    assert recovery.newest_state(tmp_path / "whole", step, levels_key(USDM)) is None


@pytest.mark.parametrize("at", range(1, 14))
def test_what_begins_with_a_checkpoint_goes_on_as_if_nothing_had_happened(tmp_path: Path, at: int) -> None:
    """A checkpoint holds states that were relative, with their bases behind them; the new store has no base."""
    whole = Flow([feed()]).run()
    messages = single(feed())
    before, after = Flow(messages[:at], relative=True), Flow(messages[at:], relative=True)
    before.run(**recoverable(tmp_path / "before"))
    after.seed = [InstrumentState(name, 0, state) for name, state in before.shelf.of_partition(0).items()]

    after.run(**recoverable(tmp_path / "after"))

    first, second = before.records(), after.records()
    assert {name: first.get(name, []) + second.get(name, []) for name in {**first, **second}} == whole.records()


@pytest.mark.parametrize(
    "stored", [(SPOT, 0, b"OBI\x03"), (SPOT, 0, b"OBI\x03", False), (SPOT, b"base")], ids=["first", "whole", "levels"]
)
def test_state_of_an_older_version_is_refused_where_only_bytewax_looks_at_it(tmp_path: Path, stored: Any) -> None:
    """Its keys were instruments: under buckets it would be loaded and never found."""
    options = recoverable(tmp_path)
    flow = Flow([*single(feed())[:3], EOF(), *single(feed())[3:]])
    flow.run(**options)
    [store] = tmp_path.glob("part-*.sqlite3")
    with closing(sqlite3.connect(store, isolation_level=None)) as old:
        old.execute("UPDATE snaps SET ser_change = ? WHERE step_id = 'imbalance.measure'", (pickle.dumps(stored),))

    with pytest.raises(
        SettingsError, match=r"older one .of binance-spot:BTCUSDT.; go on with the version that wrote it"
    ):
        flow.run(**options)


def recoverable(folder: Path) -> dict[str, Any]:
    """Options of a run that saves its state after every message."""
    folder.mkdir(exist_ok=True)
    init_db_dir(folder, 1)  # type: ignore[no-untyped-call]
    config = RecoveryConfig(str(folder))  # type: ignore[no-untyped-call]
    return {"recovery_config": config, "epoch_interval": timedelta(0)}


def without_repetition(values: list[bytes]) -> list[bytes]:
    """A crash may repeat the last epoch, byte for byte and in order; nothing else."""
    out: list[bytes] = []
    for value in values:
        seq = orjson.loads(value)["seq"]
        assert seq <= len(out) + 1
        if seq <= len(out):
            assert out[seq - 1] == value
        else:
            out.append(value)
    return out


def moved() -> list[RawBatch]:
    """An instrument on partition 0, then on 1, then on 0 again; another one stays on 1."""
    there, here = RawBatch("t"), RawBatch("t")
    for raw, partition, symbol, offset in (
        (there, 0, b"A", 1), (there, 1, b"A", 5), (there, 1, b"A", 6), (there, 1, b"B", 7), (here, 0, b"A", 2),
    ):  # fmt: skip
        value = b'{"symbol":"%s","bids":[[1,1]],"asks":[]}' % symbol
        raw.append(
            value, key=b"dex:" + symbol, headers=[("h", b"1")], partition=partition, offset=offset, timestamp_ms=9
        )
    return [there, here]


def test_messages_of_an_instrument_on_another_partition_are_faults() -> None:
    flow = Flow(moved()).run()

    places = {
        name: [(r["seq"], r["source"]["partition"], r["source"]["offset"]) for r in map(orjson.loads, values)]
        for name, values in flow.records().items()
    }
    assert places == {"dex:A": [(1, 0, 1), (2, 0, 2)], "dex:B": [(1, 1, 7)]}
    assert flow.reasons() == [(5, b"partition_moved"), (6, b"partition_moved")]
    assert flow.pipeline.counts.faults == {"partition_moved": 2}
    assert flow.pipeline.counts.unaccounted() == 0


def test_a_fault_is_the_original_message_with_the_reason_on_top() -> None:
    [(key, batch)] = Flow(moved()).run().faults

    assert (key, batch.partition, len(batch)) == ("00001", 1, 2)
    assert batch.values[0] == b'{"symbol":"A","bids":[[1,1]],"asks":[]}'
    assert (batch.keys[0], batch.timestamps_ms[0]) == (b"dex:A", 9)
    assert batch.headers is not None
    assert batch.headers[0][0] == ("h", b"1")
    headers = dict(batch.headers[0])
    assert headers["obi.detail"] == b"expected dex:A on partition 0, received it on 1"
    assert (headers["obi.topic"], headers["obi.partition"], headers["obi.offset"]) == (b"t", b"1", b"5")


def test_the_partition_of_an_instrument_is_remembered_over_a_restart(tmp_path: Path) -> None:

    there, here = moved()
    other = there.only(1, {5, 6})
    flow = Flow([here, EOF(), other])
    options = recoverable(tmp_path)
    flow.run(**options).run(**options)

    assert [offset for offset, _ in flow.reasons()] == [5, 6]
    assert [len(values) for values in flow.records().values()] == [1]


def groups(steps: Pipeline, raw: RawBatch) -> list[Group]:
    return [item for item in steps.decode([raw]) if isinstance(item, Group)]


def test_a_group_that_travels_to_another_process_measures_and_faults_alike() -> None:
    steps = pipeline()
    for raw in (feed(), *moved()):
        for group in groups(steps, raw):
            travelled = pickle.loads(pickle.dumps(group))
            first, second = MeasureLogic(steps, Shelf(), None), MeasureLogic(steps, Shelf(), None)

            assert encoded(steps, first.on_batch([Lot([travelled])])[0]) == encoded(
                steps, second.on_batch([Lot([group])])[0]
            )
            assert elsewhere(steps, travelled) == elsewhere(steps, group)
            assert len(travelled.origin) == len(group.events)


def encoded(steps: Pipeline, items: list[AnyMeasured | Fault]) -> list[Any]:
    return [batch.values for _, batch in steps.encode(item for item in items if not isinstance(item, Fault))]


def elsewhere(steps: Pipeline, group: Group) -> list[AnyMeasured | Fault]:
    """What an instrument of another partition makes of the group."""
    logic = MeasureLogic(steps, Shelf(), ("bucket", ((group.instrument, group.partition + 1, b"", False),)))
    items, keep = logic.on_batch([Lot([group])])

    assert keep == StatefulBatchLogic.RETAIN
    assert {getattr(item, "reason", None) for item in items} == {"partition_moved"}
    assert len(items) == len(group.events)
    return items


def test_the_state_of_a_bucket_is_a_value_that_later_messages_leave_alone() -> None:
    steps = pipeline()
    [first, second] = [groups(steps, speak([(SPOT, spot(n, n + 1, BIDS, ASKS))]))[0] for n in (1, 3)]
    logic = MeasureLogic(steps, Shelf(), None)
    logic.on_batch([Lot([first])])
    state = logic.snapshot()
    kept = pickle.dumps(state)
    logic.on_batch([Lot([second])])

    assert pickle.dumps(state) == kept != pickle.dumps(logic.snapshot())
    assert MeasureLogic(steps, Shelf(), state).snapshot() == state


def test_two_workers_give_what_one_gives() -> None:
    one, two = Flow(single(feed())).run(), Flow(single(feed()))
    bytewax.testing.cluster_main(two.graph(), [], 0, worker_count_per_proc=2)  # type: ignore[no-untyped-call]

    assert two.records() == one.records()
    assert two.reasons() == one.reasons()


def test_an_instrument_that_moved_meets_its_memory_whichever_worker_has_it() -> None:
    two = Flow(moved())
    bytewax.testing.cluster_main(two.graph(), [], 0, worker_count_per_proc=2)  # type: ignore[no-untyped-call]

    assert two.reasons() == [(5, b"partition_moved"), (6, b"partition_moved")]
    assert two.records() == Flow(moved()).run().records()
