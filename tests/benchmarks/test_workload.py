"""The benchmarks' input: the same bytes each time, and messages that the job takes as a live feed's."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import orjson
import pytest

from benchmarks import workload
from benchmarks.workload import depth20, diff_books
from dataflows.counts import Counts
from tests.benchmarks.measuring import records


@pytest.mark.parametrize("make", [depth20, diff_books])
def test_a_longer_workload_begins_with_the_same_bytes(make: workload.Workload) -> None:
    assert list(make(60, 3, 2)) == list(make(90, 3, 2))[:60]


@pytest.mark.parametrize("make", [depth20, diff_books])
def test_each_symbol_keeps_its_partition(make: workload.Workload) -> None:
    places = defaultdict(set)
    for message in make(200, 5, 2):
        places[message.key].add(message.partition)

    assert len(places) == 5
    assert all(len(partitions) == 1 for partitions in places.values())


def test_ids_and_times_go_on_where_books_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "_BOOKS", 7)  # two books each of three symbols
    data = [orjson.loads(message.value)["data"] for message in depth20(30, 3, 1)]
    mine = [each for each in data if each["s"] == "SYM001USDT"]

    assert all(later["pu"] == earlier["u"] < later["u"] for earlier, later in pairwise(mine))
    assert [each["E"] - mine[0]["E"] for each in mine] == [100 * number for number in range(10)]
    assert [each["b"] for each in mine[2:]] == [each["b"] for each in mine[:-2]]
    assert mine[0]["b"] != mine[1]["b"]


def test_every_partial_depth_is_a_live_record() -> None:
    counts = Counts()
    found = [*map(orjson.loads, records(depth20(300, 3, 2), counts))]

    assert [record["state"] for record in found] == ["live"] * 300
    assert any(record["delta_events"] for record in found)


def test_full_books_are_live_after_their_snapshots_and_have_no_gap() -> None:
    counts = Counts()
    messages = list(diff_books(2_000, 10, 2))
    found = [*map(orjson.loads, records(messages, counts))]
    begun = [record for record in found if record["state"] != "resyncing"]

    assert len(found) == sum(message.is_depth for message in messages)
    assert not counts.faults
    assert {record["symbol"] for record in begun} == {f"SYM{number:03d}USDT" for number in range(10)}
    assert {record["state"] for record in begun} == {"live"}
    assert {record["gaps"] for record in found} == {0}
    assert any(record["trade_delta"] is not None for record in begun)
