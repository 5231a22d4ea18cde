"""How far back a reader begins: far enough for each instrument, no further, and never beyond a bound."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from confluent_kafka import Producer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.broker import Broker, TopicMissingError
from connectors.embedded import EmbeddedBroker
from consumers import look_back, topic_tail
from consumers.look_back import LookBack

TOPIC = "metrics"


class Partition:
    """A partition that is read without a broker; it counts what was read of it."""

    def __init__(self, keys: Sequence[str], first: int = 0) -> None:
        self.keys, self.first, self.looked_at = keys, first, 0

    def offsets(self) -> tuple[int, int]:
        return self.first, len(self.keys)

    def read(self, begin: int, end: int) -> list[list[Keyed]]:
        assert self.first <= begin < end <= len(self.keys)
        self.looked_at += end - begin
        return [[Keyed(offset, self.keys[offset].encode())] for offset in range(begin, end)]

    def close(self) -> None:
        pass


class Keyed:
    """A message, as far as it is looked at."""

    def __init__(self, offset: int, key: bytes) -> None:
        self.offset, self.key = lambda: offset, lambda: key


class OnePartition(Broker):
    def partitions_of(self, topic: str) -> tuple[int, ...]:
        return (0,)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look is a short one."""
    monkeypatch.setattr(look_back, "_FIRST_LOOK", 4)


def begin_of(partition: Partition, back: LookBack, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(topic_tail, "StretchReader", lambda *_: partition)
    [(begin, end)] = back.stretches(OnePartition("nowhere"), TOPIC).values()
    assert end == len(partition.keys)
    return begin


def test_a_quiet_instrument_among_busy_ones_has_what_is_wanted(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = "aaab" * 5  # b: 3, 7, 11, 15, 19
    assert begin_of(Partition(busy), LookBack(3, 100), monkeypatch) == 11


def test_one_that_stands_alone_is_not_read_further_than_wanted(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    partition = Partition("a" * 1000)

    assert begin_of(partition, LookBack(5, 1000), monkeypatch) == 995
    assert partition.looked_at <= 20


def test_one_that_hardly_ever_comes_does_not_lead_beyond_the_bound(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = Partition("b" + "a" * 989 + "b" + "a" * 6)

    assert begin_of(partition, LookBack(2, 100), monkeypatch) == 990  # its one record within the bound
    assert partition.looked_at <= 100


def test_an_empty_partition_and_a_short_one_need_no_search(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    short = Partition("abc")

    assert begin_of(Partition(""), LookBack(3, 100), monkeypatch) == 0
    assert begin_of(short, LookBack(3, 100), monkeypatch) == 0
    assert short.looked_at == 0


def test_what_retention_takes_next_is_left_alone(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert begin_of(Partition("ab" * 50, first=50), LookBack(80, 100), monkeypatch) == 55


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.text("abcd", max_size=60), records=st.integers(1, 6), most=st.integers(1, 60), first=st.integers(1, 5))
def test_every_instrument_that_was_met_has_what_is_wanted_and_no_more_is_read(
    keys: str, records: int, most: int, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_back, "_FIRST_LOOK", first)
    begin = begin_of(Partition(keys), LookBack(records, most), monkeypatch)
    floor = max(0, len(keys) - most)
    read, bounded = keys[begin:], keys[floor:]

    assert floor <= begin <= len(keys)
    assert all(read.count(key) >= min(records, bounded.count(key)) for key in set(read))
    if len(bounded) > records:  # else all of it is read without a search
        assert (
            not read or read.count(read[0]) <= records
        )  # the first one is wanted, or nothing would be read back to it


def test_a_topic_on_a_broker(embedded: EmbeddedBroker) -> None:
    embedded.create(TOPIC)
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    for number in range(3000):
        producer.produce(TOPIC, b"{}", b"quiet" if number % 500 == 0 else b"busy", 1)
    assert producer.flush(20) == 0
    broker = Broker(embedded.bootstrap_servers)
    found = LookBack(3, 20_000).stretches(broker, TOPIC)

    assert found[TOPIC, 1] == (1500, 3000)
    assert found[TOPIC, 0] == (0, 0)
    with pytest.raises(TopicMissingError):
        LookBack(3, 20_000).stretches(broker, "elsewhere")
