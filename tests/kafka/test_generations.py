"""State that is gone: nothing starts again in silence, and the topics are enough to go on with the same bytes."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions  # .admin re-exports it, but type checkers are not told

from connectors.broker import Broker, OffsetsLostError
from connectors.journal_reader import journal_reader
from connectors.topics import PartitionsError
from dataflows import generations
from dataflows.generations import Choice
from dataflows.runner import RunSummary, run
from dataflows.settings import Settings, SettingsError
from dataflows.shards import Shard
from tests.deployment import PARTITIONS, Deployment
from tests.kafka.test_end_to_end import expected, feed, market, read, written
from tests.kafka_fixtures import Kafka
from tests.kafka_reading import read_topic
from tests.kafka_topics import Topics


class Job(Deployment):
    """The job in this process, with a journal."""

    def go(
        self,
        choice: Choice | None = None,
        *,
        shard: Shard = Shard(),  # noqa: B008 (frozen)
        accept_loss: bool = False,
        every: int = 300,
        state: str = "state",
    ) -> RunSummary:
        settings = Settings(
            bootstrap_servers=self.servers,
            raw_topic=self.raw,
            metrics_topic=self.metrics,
            faults_topic=self.faults,
            checkpoints_topic=self.checkpoints,
            state_dir=self.folder / state,
            epoch_interval_ms=20,
            batch_size=50,
            checkpoint_interval=every,
            log_level="error",
        )
        return run(settings, until_end=True, choice=choice, shard=shard, accept_loss=accept_loss)

    def positions(self, partition: int) -> list[int]:
        """Of the checkpoints that are in the journal, by asking for each one."""
        found: list[int] = []
        with journal_reader(Broker(self.servers), self.checkpoints, partition) as journal:
            before = None
            while (checkpoint := journal.checkpoint(before)) is not None:
                found.append(checkpoint.standing.position)
                before = checkpoint.standing.position - 1
        return found[::-1]


@pytest.fixture
def job(kafka: Kafka, topics: Topics, tmp_path: Path) -> Job:
    return Job(kafka.bootstrap_servers, topics, tmp_path)


def test_an_output_without_a_state_is_refused_with_the_choices(job: Job) -> None:
    job.send(0, 10)
    job.go()
    shutil.rmtree(job.state)
    with pytest.raises(
        SettingsError, match=r"(?s)expected the state of what is in .*received an empty folder"
    ) as caught:
        job.go()
    assert "--resume-from-output" in str(caught.value)
    assert "--new-generation" in str(caught.value)
    assert job.seqs() == [list(range(1, 6))] * 2


def test_a_new_generation_starts_seq_again_behind_what_is_there(job: Job) -> None:
    job.send(0, 10)
    job.go()
    shutil.rmtree(job.state)
    job.go("new")
    job.go("new")  # goes on with the state that is there now

    assert job.seqs() == [[1, 2, 3, 4, 5, 1, 2, 3, 4, 5]] * 2
    with journal_reader(Broker(job.servers), job.checkpoints, 0) as journal:
        assert journal.generation() == 2


def test_checkpoints_are_made_as_often_as_said_and_lie_between_epochs(job: Job) -> None:
    job.send(0, 4000)
    job.go(every=300)
    positions = job.positions(0)

    assert positions
    assert min(b - a for a, b in zip([0, *positions], positions, strict=False)) >= 300


@pytest.mark.slow
@pytest.mark.parametrize("every", [200, 1_000_000])
def test_a_state_that_is_lost_in_mid_stream_is_rebuilt_from_the_topics(job: Job, every: int) -> None:
    batches = list(market())
    whole = expected(batches)
    rng = random.Random(every)
    messages = list(range(len(batches[0])))
    cuts = sorted(rng.sample(messages, 2))
    for begin, end in zip([0, *cuts], [*cuts, len(messages)], strict=True):
        part = batches[0].only(0, set(range(begin, end)))
        feed(job, [part])
        job.go("resume", every=every)
        shutil.rmtree(job.state)
    assert written(job) == whole
    assert bool(job.positions(0)) == (every == 200)


def test_a_checkpoint_of_another_version_is_passed_over(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.send(0, 4000)
    job.go(every=300)
    assert job.positions(0)
    shutil.rmtree(job.state)
    job.send(4000, 4100)
    monkeypatch.setattr(generations, "STATE_TAG", b"OBI\xff")
    job.go("resume")

    assert job.seqs() == [list(range(1, 2051))] * 2


@pytest.mark.slow
def test_another_number_of_shards_goes_on_with_the_same_bytes(job: Job) -> None:
    raw = next(market())
    half = len(raw) // 2
    feed(job, [raw.only(0, set(range(half)))])
    for shard in (Shard(0, 2), Shard(1, 2)):
        job.go(shard=shard)
    feed(job, [raw.only(0, set(range(half, len(raw))))])
    with pytest.raises(SettingsError, match="received that of another layout: shard-0-of-2, shard-1-of-2"):
        job.go("resume")
    for old in job.state.iterdir():
        old.rename(old.with_name(f"old-{old.name}"))
    job.go("resume")

    assert written(job) == expected([raw])


def test_a_state_without_a_past_that_can_be_read_is_not_rebuilt(job: Job) -> None:
    job.send(0, 100)
    job.go(every=0)
    shutil.rmtree(job.state)
    delete(job, 20)
    with pytest.raises(SettingsError, match=r"received no checkpoint and a first offset of 20; .*--new-generation"):
        job.go("resume", every=0)


def delete(job: Job, before: int) -> None:
    admin = AdminClient({"bootstrap.servers": job.servers})
    parts = [TopicPartition(job.raw, partition, before) for partition in range(PARTITIONS)]
    for future in admin.delete_records(parts).values():
        future.result(30)


def test_what_retention_took_is_told_and_can_be_accepted(job: Job) -> None:
    job.send(0, 20)
    job.go()
    job.send(20, 60)
    delete(job, 25)
    with pytest.raises(
        OffsetsLostError, match=r"(?s)partition 0: .*offset 10, .*earliest is 25, 15 messages.*partition 1"
    ):
        job.go()
    summary = job.go(accept_loss=True)
    job.go()

    assert (summary.messages, summary.records, dict(summary.notices)) == (10, 10, {"offsets_lost": 2})
    faults = [(partition, headers) for partition, _, _, headers in read(job.servers, job.faults)]
    assert [(p, h["obi.reason"], h["obi.offset"], h["obi.partition"]) for p, h in faults] == [
        (p, b"offsets_lost", b"10", b"%d" % p) for p in range(PARTITIONS)
    ]
    assert job.seqs() == [list(range(1, 16))] * 2


def test_full_books_resync_behind_a_loss(job: Job) -> None:
    raw = next(market())
    half = len(raw) // 2
    feed(job, [raw.only(0, set(range(half)))])
    job.go()
    before = {p: end for p, (_, end) in Broker(job.servers).offsets(job.raw, range(PARTITIONS)).items()}
    feed(job, [raw.only(0, set(range(half, len(raw))))])
    admin = AdminClient({"bootstrap.servers": job.servers})
    for future in admin.delete_records([TopicPartition(job.raw, 0, before[0] + 300)]).values():
        future.result(30)
    job.go(accept_loss=True)
    states: dict[bytes, list[tuple[bool, bytes]]] = {}
    for partition, key, value, _ in read(job.servers, job.metrics):
        if partition == 0 and key is not None and value is not None:
            lost = b'"gaps":0' not in value
            states.setdefault(key, []).append((lost, value))
    resynced = {key for key, records in states.items() if any(lost for lost, _ in records)}
    assert resynced
    for key in resynced:
        first = next(value for lost, value in states[key] if lost)
        assert b'"state":"resyncing"' in first


def test_topics_of_unequal_partitions_are_wrong_use(job: Job, topics: Topics) -> None:
    job.metrics = topics.create("metrics", partitions=PARTITIONS + 1)
    with pytest.raises(PartitionsError, match=f"expected {PARTITIONS} partitions, .* received: {job.metrics} has"):
        job.go()


def test_partitions_that_were_added_are_taken_at_the_next_start(job: Job) -> None:
    job.send(0, 10)
    job.go()
    admin = AdminClient({"bootstrap.servers": job.servers})
    more = [NewPartitions(topic, 3) for topic in (job.metrics, job.faults, job.checkpoints, job.raw)]
    for future in admin.create_partitions(more).values():
        future.result(30)
    producer = Producer({"bootstrap.servers": job.servers})
    value = b'{"stream":"xrpusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[],"asks":[]}}'
    producer.produce(job.raw, value, b"binance-spot:XRPUSDT", 2)
    assert producer.flush(30) == 0
    job.send(10, 14)
    summaries = [job.go(), job.go()]

    assert [summary.records for summary in summaries] == [5, 0]
    keys = [
        (message.partition, message.key) for message in read_topic(job.servers, job.metrics) if message.partition == 2
    ]
    assert keys == [(2, b"binance-spot:XRPUSDT")]


def test_more_shards_than_partitions_are_wrong_use(job: Job) -> None:
    with pytest.raises(SettingsError, match=r"expected at most 2 shards, .* received 2/3"):
        job.go(shard=Shard(2, 3))


def test_a_job_makes_the_topic_for_checkpoints_itself(job: Job, topics: Topics) -> None:
    job.checkpoints = topics.adopt(f"{job.checkpoints}.new")
    job.send(0, 4000)
    job.go()
    assert job.positions(0)
