"""What reads topics: the tail of the records, the auditor of a run, the lag."""

from __future__ import annotations

import orjson
import pytest
from confluent_kafka import Producer

from connectors.broker import Broker, TopicMissingError
from connectors.embedded import EmbeddedBroker
from connectors.stretch import StretchReader
from consumers.auditor import Auditor
from consumers.board import Board
from consumers.lag import lag_of
from consumers.look_back import LookBack
from consumers.record_tail import Arrived, RecordTail
from consumers.topic_tail import TopicTail, messages_since

KEY = b"binance-spot:BTCUSDT"
BEST = {"best_bid": 1.0, "best_bid_quantity": 2.0, "best_ask": 3.0, "best_ask_quantity": 4.0}


def record(seq: int, offset: int, update_id: int = 5, partition: int = 0) -> bytes:
    context = {"orderflow_imbalance": 0.1, "mid_price": 2.0, "trade_delta": None, "state": "live"}
    source = {"topic": "raw", "partition": partition, "offset": offset}
    told = {"venue": "binance-spot", "symbol": "BTCUSDT", "seq": seq, "update_id": update_id}
    return orjson.dumps({**told, **context, **BEST, "source": source})


class Topics:
    """The three topics on an embedded broker, and a way to write them."""

    def __init__(self, embedded: EmbeddedBroker) -> None:
        embedded.create("raw", "metrics", "faults")
        self.broker = Broker(embedded.bootstrap_servers)
        self._producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})

    def write(self, topic: str, *values: bytes, partition: int = 0, headers: dict[str, bytes] | None = None) -> None:
        for value in values:
            self._producer.produce(topic, value, KEY, partition, headers=dict(headers or {}))
        assert self._producer.flush(10) == 0


@pytest.fixture
def topics(embedded: EmbeddedBroker) -> Topics:
    return Topics(embedded)


def read(tail: RecordTail) -> list[Arrived]:
    found: list[Arrived] = []
    while not tail.caught_up:
        found += tail.poll(1.0)
    return found


def test_the_tail_begins_near_the_end_and_follows(topics: Topics) -> None:
    topics.write("metrics", *(record(seq, seq) for seq in range(20)))
    tail = RecordTail(topics.broker, LookBack(5, 99).stretches(topics.broker, "metrics"))
    old = [item.record["seq"] for item in read(tail)]
    topics.write("metrics", record(20, 20), b"no json", b"[]", b'{"seq": 1}', record(21, 21), partition=1)
    new: list[Arrived] = []
    while len(new) < 2:
        new += tail.poll(1.0)
    tail.close()

    assert old == [15, 16, 17, 18, 19]
    assert [(item.record["seq"], item.partition, item.offset) for item in new] == [(20, 1, 0), (21, 1, 4)]


@pytest.mark.parametrize(
    ("there", "found", "least", "most", "begin"),
    [
        ((0, 100), 40, 0, 1000, 40),
        ((0, 100), 40, 80, 1000, 20),  # at least so many, however old
        ((0, 100), None, 10, 1000, 90),  # nothing that new
        ((0, 100), 0, 0, 30, 70),  # at most so many
        ((0, 100), 0, 0, 1000, 0),
        ((50, 100), 50, 0, 1000, 55),  # the oldest go while they are asked for
        ((0, 0), None, 10, 1000, 0),
    ],
)
def test_reading_begins_as_far_back_as_was_asked_for(
    topics: Topics,
    monkeypatch: pytest.MonkeyPatch,
    *,
    there: tuple[int, int],
    found: int | None,
    least: int,
    most: int,
    begin: int,
) -> None:
    monkeypatch.setattr(StretchReader, "offsets", lambda _: there)
    monkeypatch.setattr(StretchReader, "offset_at", lambda *_: found)
    stretches = messages_since(topics.broker, "raw", 1, least=least, most=most)

    assert set(stretches.values()) == {(begin, there[1])}
    assert {topic for topic, _ in stretches} == {"raw"}


def test_several_topics_are_followed_at_once(topics: Topics) -> None:
    topics.write("raw", b"1", b"2", partition=2)
    topics.write("metrics", record(1, 1))
    tail = TopicTail(
        topics.broker,
        {**LookBack(9, 99).stretches(topics.broker, "raw"), **LookBack(9, 99).stretches(topics.broker, "metrics")},
    )
    assert tail.share_read == 0.0
    found = []
    while not tail.caught_up:
        found += tail.poll(1.0)
    offsets = tail.offsets("raw", 2)
    tail.close()

    assert sorted((message.topic(), message.value()) for message in found)[1:] == [("raw", b"1"), ("raw", b"2")]
    assert tail.share_read == 1.0
    assert offsets == (0, 2)


def test_an_empty_topic_is_caught_up_at_once(topics: Topics) -> None:
    tail = RecordTail(topics.broker, LookBack(5, 99).stretches(topics.broker, "metrics"))

    assert tail.caught_up

    tail.close()


def test_a_missing_metrics_topic_is_told(topics: Topics) -> None:
    with pytest.raises(TopicMissingError, match="elsewhere"):
        LookBack(5, 99).stretches(topics.broker, "elsewhere")


def test_the_auditor_judges_a_run_from_the_topics_alone(topics: Topics) -> None:
    quote = {"u": 4, "s": "BTCUSDT", "b": "1.0", "B": "2", "a": "3", "A": "4"}
    topics.write("raw", orjson.dumps({"stream": "btcusdt@bookTicker", "data": quote}))
    topics.write("raw", b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":5}}', b"rubbish")
    topics.write("metrics", record(1, 1))
    origin = {"obi.reason": b"not_json", "obi.partition": b"0", "obi.offset": b"2"}
    topics.write("faults", b"rubbish", headers=origin)
    board = Board()
    with Auditor(topics.broker, raw="raw", metrics="metrics", faults="faults", window=10, board=board) as auditor:
        assert auditor.wait_for_answers({0: 3}, 10)
        assert auditor.read_to_end()
    auditor.audits.finish()

    ledger = auditor.ledger
    assert (ledger.messages, ledger.records, ledger.faults, ledger.ignored) == (
        3,
        1,
        {"not_json": 1},
        {"book_ticker": 1},
    )
    assert ledger.balanced
    assert auditor.audits.quotes == {"equal": 1}
    assert board.total == 1
    assert auditor.error is None


def test_the_auditor_does_not_wait_for_ever(topics: Topics) -> None:
    topics.write("raw", b"rubbish")
    with Auditor(topics.broker, raw="raw", metrics="metrics", faults="faults", window=10, board=Board()) as auditor:
        assert not auditor.wait_for_answers({0: 1}, 0.5)
        assert auditor.backlog(0, 1) == 1

    assert not auditor.ledger.balanced


def test_an_answer_that_cannot_be_read_ends_the_audit_with_an_error(topics: Topics) -> None:
    with Auditor(topics.broker, raw="raw", metrics="metrics", faults="faults", window=10, board=Board()) as auditor:
        topics.write("metrics", b"rubbish")
        assert not auditor.wait_for_answers({0: 1}, 10)

    assert auditor.error is not None


def test_the_lag_is_what_lies_behind_the_newest_record(topics: Topics) -> None:
    topics.write("raw", *([b"x"] * 10))
    topics.write("raw", *([b"x"] * 3), partition=2)
    topics.write("metrics", record(1, 3), record(2, 6), record(3, 5))

    assert lag_of(topics.broker, "raw", "metrics") == {0: 3, 1: 0, 2: 3, 3: 0}
