"""A bucket's memory: what a recovery point says of it is whole, a value, and made anew only where something was told."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from connectors.decoded import Group, Lot
from connectors.raw import Fault
from dataflows.bases import Bases
from dataflows.memories import Bucket, Stored
from dataflows.pipeline import Pipeline
from dataflows.shelf import InstrumentState, Shelf
from orderbook.events import Side
from tests.dataflows.speak import pipeline, speak
from tests.orderbook.feeds import SPOT, USDM, Told, futures, snapshot, spot

BIDS: Side = [(99.0, 1.0), (98.0, 2.0)]
ASKS: Side = [(101.0, 2.0), (102.0, 2.0)]
NAMES = [f"binance-spot:S{number}USDT" for number in range(5)]


def group(steps: Pipeline, instrument: str, *told: Told, partition: int = 0) -> Group:
    raw = speak([(instrument, item) for item in told])
    raw.partitions[:] = [partition] * len(raw)
    [found] = [item for item in steps.decode([raw]) if type(item) is Group]
    return found


def book(steps: Pipeline, instrument: str, number: int) -> Group:
    return group(steps, instrument, spot(number, number + 1, BIDS, ASKS))


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=20), st.lists(st.integers(0, 20), max_size=3))
def test_what_it_says_depends_on_what_was_told_alone(told: list[str], points: list[int]) -> None:
    """Neither on the order in which instruments came, nor on recovery points or restarts in between."""
    steps, shelf = pipeline(), Shelf()
    straight = Bucket(steps, shelf)
    straight.measure(Lot([book(steps, name, n) for n, name in sorted(enumerate(told), key=lambda item: item[1])]))
    restarted = Bucket(steps, Shelf())
    for n, name in enumerate(told):
        if n in points:
            restarted = Bucket(steps, Shelf(), pickle.loads(pickle.dumps(restarted.state())))
        restarted.measure(Lot([book(steps, name, n)]))

    states = straight.state()
    assert pickle.dumps(states) == pickle.dumps(restarted.state())
    assert [name for name, *_ in states] == sorted(set(told))
    assert [shelf.get(name) for name in sorted(set(told))] == [InstrumentState(*values) for values in states]


def test_only_what_was_told_something_is_made_anew() -> None:
    steps = pipeline()
    bucket = Bucket(steps, Shelf())
    bucket.measure(Lot([book(steps, name, 1) for name in NAMES]))
    before = bucket.state()
    bucket.measure(Lot([book(steps, NAMES[2], 2)]))
    after = bucket.state()

    assert [old is new for old, new in zip(before, after, strict=True)] == [True, True, False, True, True]
    assert bucket.state()[2] is after[2]
    again = Bucket(steps, Shelf(), after)
    again.measure(Lot([book(steps, NAMES[0], 3)]))
    assert again.state()[1:] == after[1:]


def test_it_is_made_of_plain_values() -> None:
    """A class would be found by its path, which changes."""
    steps = pipeline()
    shelf = Shelf([InstrumentState(SPOT, 1, b"")])
    bucket = Bucket(steps, shelf)
    bucket.measure(Lot([book(steps, name, 1) for name in (SPOT, NAMES[0])]))
    states = bucket.state()

    assert {type(states), *map(type, states)} == {tuple}
    assert [partition for _, partition, *_ in states] == [1, 0], "the seed knows where the instrument lives"
    assert b"dataflows" not in pickle.dumps(states)


def full_book(steps: Pipeline, shelf: Shelf) -> Stored:
    """The state of a bucket with a full book, relative to its base."""
    bucket = Bucket(steps, shelf)
    bucket.measure(Lot([group(steps, USDM, snapshot(98, BIDS, ASKS), futures(98, 99, 101, BIDS))]))
    bucket.state()
    bucket.measure(Lot([group(steps, USDM, futures(101, 102, 103, [(98.0, 3.0)]))]))
    shelf.bases.ask(USDM)
    return bucket.state()


def test_a_relative_state_waits_for_its_base_and_stays_as_it_is_until_something_is_told() -> None:
    steps, shelf = pipeline(), Shelf(bases=Bases(least_bytes=0))
    stored = full_book(steps, shelf)
    assert [relative for *_, relative in stored] == [True]
    later = Shelf(bases=Bases(least_bytes=0))
    bucket = Bucket(steps, later, stored)
    bucket.measure(Lot([book(steps, SPOT, 1)]))

    assert bucket.state()[1] == stored[0]
    later.bases.put(USDM, shelf.bases.get(USDM))
    [measured] = bucket.measure(Lot([group(steps, USDM, futures(103, 104, 105, [(97.0, 1.0)]))]))
    [batch] = [batch for _, batch in steps.encode([measured])]  # type: ignore[list-item]
    assert batch.values[0] is not None
    assert b'"state":"live"' in batch.values[0]
    assert bucket.state()[1][3], "relative to the base that was loaded"


def test_levels_that_are_due_are_written_with_a_state_whatever_came() -> None:
    """Their key is awake in this epoch alone: a base of a later one would be in no recovery point."""
    steps, shelf = pipeline(), Shelf(bases=Bases(least_bytes=0))
    bucket = Bucket(steps, shelf, full_book(steps, shelf))
    old = shelf.bases.get(USDM)
    bucket.measure(Lot([group(steps, USDM, futures(103, 104, 105, [(97.0, 1.0)]))]))
    bucket.state()
    elsewhere = group(steps, USDM, futures(105, 106, 107, [(96.0, 1.0)]), partition=1)
    shelf.bases.ask(USDM)
    [fault] = bucket.measure(Lot([elsewhere]))
    bucket.state()

    assert isinstance(fault, Fault)
    assert fault.reason == "partition_moved"
    assert shelf.bases.get(USDM) != old
    assert not shelf.bases.asked(USDM)
