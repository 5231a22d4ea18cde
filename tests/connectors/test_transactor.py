"""What is done when a step of a transaction fails, with a producer that fails as it is told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from connectors.broker import Broker, DeliveryError, SecondWriterError
from connectors.outgoing import OutBatch, Outgoing, Shrink
from connectors.tail import Bounds, record_answers_to
from connectors.terms import Claim, Terms
from connectors.transactor import Over, Transactor

TOPIC = "depth.metrics"
Report = Callable[[KafkaError | None, Message], None]


def failure(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaException:
    return KafkaException(KafkaError(code, "as told", fatal, retriable, abort))


TIMED_OUT = failure(KafkaError._TIMED_OUT, retriable=True)
ABORT = failure(KafkaError._MSG_TIMED_OUT, abort=True)
FENCED = failure(KafkaError._FENCED, fatal=True)
LOST_COUNT = failure(KafkaError.INVALID_TXN_STATE, fatal=True)


@dataclass
class Partition:
    """What is committed, and what goes wrong next: by step, one after the other; None is nothing."""

    committed: list[int] = field(default_factory=list)
    wrong: dict[str, list[KafkaException | None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    commits_anyway: bool = False

    def step(self, name: str) -> None:
        self.calls.append(name)
        todo = self.wrong.get(name, [])
        error = todo.pop(0) if todo else None
        if error is not None:
            raise error


class ToldProducer:
    """As much of a producer as is used, over a `Partition`."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.open: list[tuple[int, Report | None]] = []

    def init_transactions(self, _: float) -> None:
        self.partition.step("init")

    def begin_transaction(self) -> None:
        self.partition.step("begin")
        self.open.clear()

    def produce(self, topic: str, value: bytes, _key: bytes, partition: int, *rest: Any) -> None:
        assert (topic, partition) == (TOPIC, 0)
        self.partition.step("produce")
        self.open.append((record_answers_to(value, None), rest[0]))

    def commit_transaction(self, _: float) -> None:
        try:
            self.partition.step("commit")
        except KafkaException:
            if self.partition.commits_anyway:
                self.partition.committed += [answer for answer, _ in self.open]
            raise
        for answer, report in self.open:
            offset = len(self.partition.committed)
            self.partition.committed.append(answer)
            if report is not None:
                report(None, Message(topic=TOPIC, partition=0, offset=offset))

    def abort_transaction(self, _: float) -> None:
        self.partition.step("abort")

    def poll(self, _: float) -> int:
        return 0

    def purge(self) -> None:
        self.open.clear()


@pytest.fixture
def partition(monkeypatch: pytest.MonkeyPatch) -> Partition:
    made = Partition()

    def there(_broker: Broker, _topic: str, partitions: list[int], _go_on: object) -> dict[int, Bounds]:
        return {part: Bounds(0, len(made.committed)) for part in partitions}

    def answered(_broker: Broker, _topic: str, _partition: int, begin: int, **_: object) -> set[int]:
        return set(made.committed[begin:])

    monkeypatch.setattr("connectors.transactor.Producer", lambda _: ToldProducer(made))
    monkeypatch.setattr("connectors.transactor.bounds", there)
    monkeypatch.setattr("connectors.transactor.answered_after", answered)
    monkeypatch.setattr("connectors.transactor._PAUSES_S", (0.0,))
    return made


def transactor(claim: Claim | None = None, shrink: Shrink | None = None, begin: int | None = 0) -> Transactor:
    opened = Transactor(
        Terms(Broker("nowhere:1"), TOPIC, record_answers_to, shrink, claim=claim or Claim()), 0, begin, no
    )
    opened.open()
    return opened


def no() -> bool:
    return False


def records(*offsets: int) -> OutBatch:
    values: list[bytes | None] = [b'{"source":{"offset":%d}}' % offset for offset in offsets]
    return OutBatch(0, [b"k"] * len(offsets), values, list(offsets))


def test_all_that_arrives_is_in_one_transaction(partition: Partition) -> None:
    ours = transactor()
    ours.write([[records(0, 1), records(2)], [records(3)]])
    assert (partition.committed, ours.end) == ([0, 1, 2, 3], 4)
    assert [call for call in partition.calls if call != "produce"] == ["init", "begin", "commit"]


def test_a_commit_that_takes_longer_is_asked_for_again(partition: Partition) -> None:
    partition.wrong = {"init": [TIMED_OUT], "commit": [TIMED_OUT, TIMED_OUT]}
    transactor().write([[records(0, 1)]])
    assert partition.committed == [0, 1]
    assert partition.calls.count("begin") == 1


@pytest.mark.parametrize("step", ["produce", "commit"])
def test_a_transaction_that_must_be_given_up_is_written_again(partition: Partition, step: str) -> None:
    error = ABORT if step == "commit" else failure(KafkaError._STATE)
    partition.wrong = {step: [error, None, error], "abort": [TIMED_OUT]}
    transactor().write([[records(0, 1)], [records(2)]])
    assert partition.committed == [0, 1, 2]


def test_a_refusal_that_would_come_again_ends_the_job(partition: Partition) -> None:
    partition.wrong = {"commit": [failure(KafkaError.TOPIC_AUTHORIZATION_FAILED, abort=True)]}
    with pytest.raises(DeliveryError, match=r"expected partition 0 of topic depth\.metrics to take a message"):
        transactor().write([[records(0)]])
    assert partition.committed == []
    assert partition.calls[-1] == "abort"


@pytest.mark.parametrize("commits_anyway", [True, False])
def test_whether_a_dead_producer_had_committed_is_read_from_the_topic(
    partition: Partition, commits_anyway: bool
) -> None:
    ours = transactor()
    ours.write([[records(0, 1)]])
    partition.wrong, partition.commits_anyway = {"commit": [LOST_COUNT]}, commits_anyway
    ours.write([[records(2, 3)], [records(4)]])
    assert partition.committed == [0, 1, 2, 3, 4]
    ours.write([[records(5)]])
    assert (partition.committed, ours.end) == ([0, 1, 2, 3, 4, 5], 6)


def test_what_was_written_before_a_crash_is_left_out_and_the_end_stays_until_then(partition: Partition) -> None:
    partition.committed += [0, 1, 2, 3]
    ours = transactor(begin=2)
    ours.write([[records(2)]])
    assert ours.end == 2
    ours.write([[records(3, 4)], [records(5)]])
    assert (partition.committed, ours.end) == ([0, 1, 2, 3, 4, 5], 6)


def test_an_output_that_begins_here_begins_at_the_end(partition: Partition) -> None:
    partition.committed += [7, 8]
    ours = transactor(begin=None)
    assert ours.end == 2
    ours.write([[records(7, 8)]])
    assert partition.committed == [7, 8, 7, 8]


def test_a_failed_abort_is_a_dead_producer(partition: Partition) -> None:
    partition.wrong = {"begin": [failure(KafkaError._STATE)], "abort": [failure(KafkaError._STATE)]}
    transactor().write([[records(0)]])
    assert partition.committed == [0]
    assert partition.calls.count("init") == 2


def test_producers_that_keep_dying_end_the_job(partition: Partition) -> None:
    partition.wrong = {"commit": [LOST_COUNT] * 100}
    with pytest.raises(DeliveryError, match="expected one of 5 producers"):
        transactor().write([[records(0)]])


def test_a_fenced_producer_stops_where_nobody_can_say_who_is_newer(partition: Partition) -> None:
    partition.wrong = {"commit": [FENCED]}
    with pytest.raises(SecondWriterError, match="shard 2/3 is already being run"):
        transactor(Claim(who="shard 2/3")).write([[records(0)]])


@pytest.mark.parametrize("is_late", [False, True])
def test_a_superseded_producer_stops_however_it_died(
    partition: Partition, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    partition.wrong = {"commit": [FENCED]}
    ours = transactor(Claim(superseded=lambda _: True))
    ours._timeout_s = 0.0 if is_late else 1000.0
    with pytest.raises(SecondWriterError):
        ours.write([[records(0)]])


@pytest.mark.parametrize("superseded", [None, lambda _: False])
def test_a_transaction_that_took_too_long_is_no_second_writer(
    partition: Partition, superseded: Callable[[int], bool] | None
) -> None:
    rivals: list[int] = []
    partition.wrong = {"commit": [FENCED]}
    ours = transactor(Claim(superseded=superseded, on_rival=rivals.append))
    ours._timeout_s = 0.0
    ours.write([[records(0)]])
    assert (partition.committed, rivals) == ([0], [])


def test_a_message_that_is_too_large_is_made_smaller_and_written_with_the_others(partition: Partition) -> None:
    def shrink(message: Outgoing) -> Outgoing | None:
        return Outgoing(message.key, records(100).values[0], None) if message.value != records(100).values[0] else None

    partition.wrong = {"produce": [None, failure(KafkaError.MSG_SIZE_TOO_LARGE)]}
    transactor(shrink=shrink).write([[records(0, 1, 2)]])
    assert partition.committed == [0, 100, 2]
    partition.wrong = {"produce": [failure(KafkaError.MSG_SIZE_TOO_LARGE)]}
    with pytest.raises(DeliveryError, match="size"):
        transactor(shrink=shrink, begin=None).write([[records(100)]])


def test_nobody_waits_for_ever(partition: Partition) -> None:
    partition.wrong = {"commit": [TIMED_OUT] * 1000}
    waits = iter([False, False, True])
    ours = Transactor(Terms(Broker("nowhere:1"), TOPIC), 0, 0, lambda: next(waits))
    ours.open()
    with pytest.raises(Over):
        ours.write([[records(0)]])
    assert partition.committed == []
