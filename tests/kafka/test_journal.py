"""The journal on a real broker: what was written is found again, and what is odd in it makes no answer wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing

import pytest
from confluent_kafka import Producer, TopicPartition

from connectors import journal as writing
from connectors import stretch
from connectors.broker import Broker, BrokerError
from connectors.journal import Checkpoint, Journal, Standing, Start
from connectors.journal_reader import JournalReader, journal_reader
from connectors.stretch import StretchReader
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics

SETTINGS = {"depth_levels": 20, "contract_sizes": {}}


class Case:
    """A journal with one partition, and ways to write it rightly and wrongly."""

    def __init__(self, kafka: Kafka, topics: Topics) -> None:
        self.broker = Broker(kafka.bootstrap_servers)
        self.topic = topics.create("journal", partitions=1)
        self.writer = Journal(self.broker, self.topic)
        self.producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 0})
        self.open = ExitStack()

    def start(self, position: int, generation: int = 1, *, fresh: bool = True) -> int:
        started = Start(self.standing(position, generation), "0/1", {**SETTINGS, "from": position}, fresh)
        return self.writer.start({0: started})[0]

    def checkpoint(self, position: int, generation: int = 1, instruments: int = 3) -> Checkpoint:
        states = {f"v:{name}": b"%d of %d" % (name, position) for name in range(instruments)}
        made = Checkpoint(self.standing(position, generation), {**SETTINGS, "at": position}, states)
        assert self.writer.checkpoint(0, made)
        return made

    def standing(self, position: int, generation: int) -> Standing:
        return Standing(generation, position, position * 2, position * 3)

    def foreign(self, count: int = 1) -> None:
        self.flush()
        for number in range(count):
            self.producer.produce(self.topic, b"{", f"k{number}".encode(), 0)
        assert self.producer.flush(10) == 0

    def raw(self, kind: bytes, generation: int, position: int, value: bytes, *, writer: bytes = b"w") -> None:
        """A message with our headers, one by one."""
        self.flush()
        headers: list[tuple[str, str | bytes | None]] = [
            (writing.KIND, kind),
            (writing.GENERATION, b"%d" % generation),
            (writing.POSITION, b"%d" % position),
            (writing.WRITER, writer),
        ]
        self.producer.produce(self.topic, value, b"v:0", 0, headers=headers)
        assert self.producer.flush(10) == 0

    def flush(self) -> None:
        self.writer.close()

    def cut(self, offset: int) -> None:
        admin = self.broker.admin()
        for future in admin.delete_records([TopicPartition(self.topic, 0, offset)]).values():
            future.result(30)

    def reader(self) -> JournalReader:
        self.flush()
        return JournalReader(self.open.enter_context(closing(StretchReader(self.broker, self.topic, 0))))


@pytest.fixture
def case(kafka: Kafka, topics: Topics) -> Iterator[Case]:
    made = Case(kafka, topics)
    with made.open:
        yield made


def test_an_empty_journal_says_nothing(case: Case) -> None:
    reader = case.reader()

    assert reader.generation() is None
    assert reader.checkpoint() is None
    assert reader.checkpoint(5, 1) is None
    assert reader.beginning(1) is None
    assert reader.settings_at(5, 1) is None
    assert list(reader.checkpoints_from(0, 1)) == []
    assert reader.starts_behind(-1) == []


def test_a_missing_partition_is_an_error_of_the_broker(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "REQUEST_S", 2.0)
    with (
        pytest.raises(BrokerError, match=f"offsets of partition 7 of topic {case.topic}"),
        journal_reader(case.broker, case.topic, 7),
    ):
        pass


def test_the_newest_checkpoint_at_or_before_an_offset_is_found_whole(case: Case) -> None:
    case.start(0)
    made = {position: case.checkpoint(position) for position in range(100, 2100, 100)}
    reader = case.reader()

    for wanted in (99, 100, 101, 199, 200, 777, 1999, 2000, 2001, 10**15):
        expected: Checkpoint | None = made.get(min(wanted, 2000) // 100 * 100)
        assert reader.checkpoint(wanted) == expected
    assert reader.checkpoint() == made[2000]
    assert list(reader.checkpoints_from(1850, 1)) == [made[1900], made[2000]]
    assert list(reader.checkpoints_from(1900, 1)) == [made[1900], made[2000]]


def test_a_checkpoint_of_no_instruments_is_one(case: Case) -> None:
    made = case.checkpoint(10, instruments=0)

    assert case.reader().checkpoint() == made


def test_a_checkpoint_that_is_not_whole_is_passed_over(case: Case) -> None:
    good = case.checkpoint(100)
    end = b'{"generation":1,"position":200,"metrics_offset":0,"faults_offset":0,"states":2,"settings":{}}'
    case.raw(writing.STATE, 1, 200, b"x")
    case.raw(writing.CHECKPOINT, 1, 200, end)  # one state is missing
    case.raw(writing.STATE, 1, 210, b"x")
    case.raw(writing.STATE, 1, 210, b"x", writer=b"another")
    case.raw(writing.CHECKPOINT, 1, 210, end)  # one is another writer's
    case.raw(writing.STATE, 1, 220, b"x")
    case.foreign()
    case.raw(writing.STATE, 1, 220, b"x")
    case.raw(writing.CHECKPOINT, 1, 220, end)  # something came between
    case.raw(writing.CHECKPOINT, 1, 230, b"{")  # not even JSON
    case.raw(writing.STATE, 1, 240, b"x")  # the process died
    reader = case.reader()

    assert reader.checkpoint() == good
    assert reader.checkpoint(300) == good
    assert list(reader.checkpoints_from(0, 1)) == [good]


def test_generations_are_kept_apart(case: Case) -> None:
    case.start(0)
    old = case.checkpoint(5000)
    case.start(40, generation=2)
    new = case.checkpoint(100, generation=2)
    reader = case.reader()

    assert reader.generation() == 2
    assert reader.checkpoint() == new
    assert reader.checkpoint(99) is None
    assert reader.checkpoint(9999) == new
    assert reader.checkpoint(9999, 1) == old
    assert list(reader.checkpoints_from(0, 1)) == [old]
    assert [start.standing.position for start in (reader.beginning(1), reader.beginning(2)) if start] == [0, 40]
    assert reader.beginning(3) is None


def test_what_an_old_process_wrote_behind_a_new_start_does_not_make_its_generation_the_newest(case: Case) -> None:
    case.start(0)
    case.start(40, generation=2)
    case.checkpoint(5000, generation=1)
    reader = case.reader()

    assert reader.generation() == 2
    assert reader.checkpoint() is None


def test_only_a_start_without_memory_is_a_beginning(case: Case) -> None:
    case.start(700, fresh=False)
    case.checkpoint(800)

    assert case.reader().beginning(1) is None


def test_a_beginning_that_retention_has_taken_is_not_replaced_by_a_later_start(case: Case) -> None:
    first = case.start(0)
    case.checkpoint(100)
    case.start(100, fresh=False)
    kept = case.checkpoint(200)
    assert case.reader().beginning(1) is not None

    case.flush()
    case.cut(first + 1)
    reader = case.reader()
    assert reader.beginning(1) is None
    assert reader.checkpoint() == kept

    case.cut(first + 3)  # in the middle of the first checkpoint
    reader = case.reader()
    assert reader.checkpoint(150) is None
    assert reader.checkpoint() == kept


def test_positions_that_go_back_by_accident_cost_a_later_answer_never_a_wrong_one(case: Case) -> None:
    made = [case.checkpoint(position) for position in (100, 200, 300, 250, 400, 350, 500)]
    reader = case.reader()
    by_position = {checkpoint.standing.position: checkpoint for checkpoint in made}

    for wanted in range(100, 600, 25):
        found = reader.checkpoint(wanted)
        assert found is not None
        assert found.standing.position <= wanted
        assert by_position[found.standing.position] == found


def test_foreign_messages_do_not_lead_the_search_astray(case: Case) -> None:
    case.start(0)
    made: dict[int, Checkpoint] = {}
    for position in range(100, 600, 100):
        case.foreign(30)
        made[position] = case.checkpoint(position)
    case.foreign(30)
    reader = case.reader()

    assert [reader.checkpoint(position + 50) for position in made] == list(made.values())
    assert reader.generation() == 1
    assert reader.beginning(1) is not None
    assert list(reader.checkpoints_from(0, 1)) == list(made.values())


def test_the_settings_at_an_offset_are_those_of_the_process_that_measured_it(case: Case) -> None:
    case.start(0)
    case.checkpoint(100)
    case.start(120, fresh=False)
    reader = case.reader()

    def settings(position: int, generation: int = 1) -> Mapping[str, object]:
        return dict(reader.settings_at(position, generation) or {})

    assert settings(99) == {**SETTINGS, "from": 0}
    assert settings(119) == {**SETTINGS, "at": 100}
    assert settings(120) == {**SETTINGS, "from": 120}
    assert settings(120, 2) == {}


def test_who_started_later_is_told_by_where_ones_own_start_lies(case: Case) -> None:
    mine = case.start(0)
    case.checkpoint(50)
    later = case.start(60, fresh=False)
    reader = case.reader()

    assert [start.standing.position for start in reader.starts_behind(mine)] == [60]
    assert reader.starts_behind(later) == []


def test_a_search_among_thousands_of_entries_reads_few_of_them(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for position in range(1000, 41_000, 1000):
        case.checkpoint(position, instruments=200)
    reader = case.reader()
    read: list[int] = []
    before = StretchReader.read

    def counted(self: StretchReader, begin: int, end: int, most: int = 2000):  # type: ignore[no-untyped-def]  # noqa: ANN202
        for messages in before(self, begin, end, most):
            read.append(len(messages))
            yield messages

    monkeypatch.setattr(StretchReader, "read", counted)
    found = reader.checkpoint(20_500)

    assert found is not None
    assert (found.standing.position, len(found.states)) == (20_000, 200)
    assert sum(read) < 400  # of 8 040
