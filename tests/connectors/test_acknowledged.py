"""Offsets that the broker acknowledges are dense, or somebody else writes too."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError, Message

from connectors.acknowledged import Acknowledged
from connectors.broker import DeliveryError, SecondWriterError
from connectors.terms import Claim

TOPIC = "depth.metrics"


class Outcome:
    """Reports for one topic, and what came of them."""

    def __init__(self, claim: Claim | None = None) -> None:
        self.refused: list[tuple[int, KafkaError]] = []
        self.failures: list[DeliveryError] = []
        self.there: dict[int, int] = {}
        """Where partitions end, as the broker says."""
        self.asked: list[int] = []
        self.acknowledged = Acknowledged(
            TOPIC, claim or Claim(), lambda *refusal: self.refused.append(refusal), self.failures.append, self.answer
        )

    def answer(self, partitions: Sequence[int]) -> dict[int, int]:
        self.asked += partitions
        return {partition: self.there[partition] for partition in partitions}

    def deliver(self, partition: int, offsets: Sequence[int], count: int = 1) -> None:
        """The last of ``count`` messages each time; librdkafka says -1 where it does not know."""
        for offset in offsets:
            self.acknowledged.delivered(None, Message(topic=TOPIC, partition=partition, offset=offset), count)

    def end(self, partition: int) -> int | None:
        return self.acknowledged.ends.get(partition)


def test_offsets_one_after_the_other_are_ours() -> None:
    outcome = Outcome()
    outcome.acknowledged.begin(3, 10)
    outcome.deliver(3, [10, 11, 12])
    outcome.acknowledged.check()
    assert outcome.end(3) == 13


def test_the_first_offset_counts_where_the_end_is_not_known() -> None:
    outcome = Outcome()
    outcome.deliver(0, [500, 501])
    outcome.acknowledged.check()
    assert outcome.end(0) == 502


def test_a_refused_message_is_told_and_moves_nothing() -> None:
    outcome = Outcome()
    outcome.acknowledged.begin(0, 4)
    outcome.acknowledged.delivered(KafkaError(KafkaError.INVALID_MSG), Message(topic=TOPIC, partition=0))
    assert [(partition, error.code()) for partition, error in outcome.refused] == [(0, KafkaError.INVALID_MSG)]
    assert outcome.end(0) == 4


def test_one_report_tells_of_all_messages_before_it() -> None:
    outcome = Outcome()
    outcome.acknowledged.begin(0, 10)
    outcome.deliver(0, [14, 19], count=5)
    outcome.deliver(0, [20])
    outcome.acknowledged.check()
    outcome.acknowledged.settled()
    assert (outcome.end(0), outcome.asked, outcome.failures) == (21, [], [])


def test_a_foreign_message_among_those_of_one_report_is_a_hole() -> None:
    outcome = Outcome()
    outcome.acknowledged.begin(0, 10)
    outcome.deliver(0, [15], count=5)
    with pytest.raises(SecondWriterError):
        outcome.acknowledged.check()


@pytest.mark.parametrize(("offsets", "count"), [([100, -1, 0, 1, 104, 105, -1, 0, 108], 1), ([102, 1, 108], 3)])
def test_messages_written_by_an_attempt_whose_answer_got_lost_are_counted_and_looked_for(
    offsets: list[int], count: int
) -> None:
    outcome = Outcome()
    outcome.acknowledged.begin(0, 100)
    outcome.deliver(0, offsets, count)
    outcome.there[0] = 109
    outcome.acknowledged.settled()
    outcome.acknowledged.check()
    assert outcome.end(0) == 109
    assert (outcome.asked, outcome.failures) == ([0], [])
    outcome.acknowledged.settled()
    assert outcome.asked == [0]  # once is enough


def test_where_repeated_messages_lie_is_not_guessed_without_a_known_end() -> None:
    outcome = Outcome()
    outcome.deliver(0, [-1, 0, 1])
    outcome.deliver(0, [3], count=5)
    assert outcome.end(0) is None
    outcome.there[0] = 701
    outcome.acknowledged.settled()
    outcome.acknowledged.check()
    assert outcome.end(0) == 701


def test_a_foreign_message_that_is_found_when_repeated_ones_are_looked_for_is_a_hole() -> None:
    outcome = Outcome()
    outcome.acknowledged.begin(0, 100)
    outcome.deliver(0, [-1, 0])
    outcome.there[0] = 103
    outcome.acknowledged.settled()
    with pytest.raises(SecondWriterError):
        outcome.acknowledged.check()


def test_a_hole_ends_a_writer_that_nobody_can_ask_about() -> None:
    outcome = Outcome(Claim(who="shard 1/4"))
    outcome.acknowledged.begin(2, 10)
    outcome.deliver(2, [10, 12])
    with pytest.raises(SecondWriterError) as caught:
        outcome.acknowledged.check()
    for words in ("partition 2", TOPIC, "shard 1/4 is already being run", "stop one", "nothing is lost", "by seq"):
        assert words.lower() in str(caught.value).lower()


def test_messages_before_the_first_of_ours_are_a_hole_too() -> None:
    outcome = Outcome()
    outcome.acknowledged.begin(0, 10)
    outcome.deliver(0, [11])
    with pytest.raises(SecondWriterError):
        outcome.acknowledged.check()


def test_a_superseded_writer_stops() -> None:
    asked: list[int] = []

    def superseded(partition: int) -> bool:
        asked.append(partition)
        return True

    outcome = Outcome(Claim(superseded=superseded))
    outcome.acknowledged.begin(1, 0)
    outcome.deliver(1, [5])
    with pytest.raises(SecondWriterError):
        outcome.acknowledged.check()
    with pytest.raises(SecondWriterError):
        outcome.acknowledged.check()
    assert asked == [1, 1]


def test_the_newest_writer_goes_on_from_where_it_is_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.acknowledged._ASK_EVERY_S", 0.0)
    rivals: list[int] = []
    outcome = Outcome(Claim(superseded=lambda _: False, on_rival=rivals.append))
    outcome.acknowledged.begin(0, 10)
    outcome.acknowledged.begin(1, 10)
    with caplog.at_level(logging.WARNING, "obi.kafka"):
        for offsets in ([10, 15], [16, 20], [21, 22]):
            outcome.deliver(0, offsets)
            outcome.acknowledged.check()
    assert (outcome.end(0), outcome.end(1)) == (23, 10)
    assert rivals == [0, 0]
    assert [record.message for record in caplog.records if "another process" in record.message] == [
        f"another process wrote into partitions [0] of {TOPIC}; it is the older one and should stop, this one goes on"
    ]


def test_whether_we_are_superseded_is_not_asked_with_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def superseded(partition: int) -> bool:
        asked.append(partition)
        return False

    outcome = Outcome(Claim(superseded=superseded))
    outcome.acknowledged.begin(0, 0)
    for number in range(1, 50):
        outcome.deliver(0, [10 * number])
        outcome.acknowledged.check()
    assert asked == [0]
    monkeypatch.setattr("connectors.acknowledged.time.monotonic", lambda: float("inf"))
    outcome.acknowledged.check()
    assert asked == [0, 0]


@pytest.mark.parametrize(("offset", "count"), [(40, 1), (0, 1), (4, 5)])
def test_offsets_that_fall_back_are_acknowledged_messages_that_are_gone(offset: int, count: int) -> None:
    outcome = Outcome()
    outcome.acknowledged.begin(0, 100)
    outcome.deliver(0, [offset], count)
    assert outcome.failures == []  # so far they may as well be messages that were written before
    outcome.there[0] = offset + 1
    outcome.acknowledged.settled()
    assert len(outcome.failures) == 1
    assert f"expected partition 0 of topic {TOPIC} to end at offset {100 + count}" in str(outcome.failures[0])
    assert "gone" in str(outcome.failures[0])
