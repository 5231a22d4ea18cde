"""A replay on a real broker: the bytes of the job from any offset on, and a clear answer when they are not."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from connectors.journal import Checkpoint, Journal, Standing
from connectors.raw import RawBatch
from dataflows.job import numbers_settings
from tests.kafka.replaying import PARTITION, Line, World
from tests.kafka.test_end_to_end import feed, market
from tests.kafka_fixtures import Kafka
from tests.kafka_topics import Topics


@cache
def differences_and_trades() -> RawBatch:
    """All three venues, with differences, partial depth, quotes and trades."""
    [batch] = market()
    return batch


@pytest.fixture(scope="module")
def world(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A market of differences, trades and partial depth that the job has measured, with checkpoints; read only."""
    topics = Topics(kafka.bootstrap_servers)
    made = World(kafka.bootstrap_servers, topics, tmp_path_factory.mktemp("replay"))
    feed(made, [differences_and_trades()])
    made.go(every=200)
    yield made
    topics.delete()


@pytest.fixture
def fresh(kafka: Kafka, topics: Topics, tmp_path: Path) -> World:
    return World(kafka.bootstrap_servers, topics, tmp_path)


@pytest.mark.slow
def test_any_range_is_the_bytes_that_the_job_wrote(world: World) -> None:
    rng = random.Random(4)
    starts: set[str] = set()
    for partition in (0, 1):
        there, end = world.by_offset(partition), world.end(partition)
        for _ in range(10):
            begin, last = sorted(rng.sample(range(end), 2))
            result = world.obi("--partition", partition, "--from-offset", begin, "--to-offset", last, "--verify")
            count = sum(begin <= line.answers_to <= last for line in there)

            assert result.stdout == (
                f"partition {partition}, offsets {begin} .. {last}: {count:,} records are equal, byte for byte\n"
            )
            starts.update(re.findall(r"from the (checkpoint|beginning)", result.stderr))
    assert starts >= {"checkpoint"}


def test_everything_is_compared_when_no_range_is_said(world: World) -> None:
    told = world.obi("--verify").stdout.splitlines()

    assert [re.sub(r"\d[\d,]* records", "N records", line) for line in told] == [
        f"partition {partition}, offsets 0 .. {world.end(partition) - 1}: N records are equal, byte for byte"
        for partition in (0, 1)
    ]


def test_the_start_is_told_and_no_start_changes_the_bytes(world: World) -> None:
    end = world.end()
    where = ("--partition", PARTITION, "--from-offset", end - 100)
    quick = world.obi(*where, "-o", "-")
    slow = world.obi(*where, "-o", "-", "--from-beginning")
    expected = [line.value for line in world.by_offset() if line.answers_to >= end - 100]

    assert re.search(
        rf"^replaying partition 1, offsets {end - 100} .. {end - 1}, from the checkpoint at \d+$",
        quick.stderr,
        re.MULTILINE,
    )
    assert "from the beginning of generation 1 (offset 0)" in slow.stderr
    assert quick.stdout.encode().splitlines() == slow.stdout.encode().splitlines() == expected
    assert re.search(r"messages 100 = records \d+ \+ faults 0 \+ ignored \d+", quick.stderr)


def test_one_instrument_alone_is_its_records_in_the_range(world: World) -> None:
    name = world.by_offset()[0].key
    assert name is not None
    where = ("--partition", PARTITION, "--from-offset", 300, "--to-offset", 900, "--instrument", name.decode())
    expected = [line.value for line in world.by_offset() if line.key == name and 300 <= line.answers_to <= 900]

    assert world.replayed(*where) == expected
    assert f"{len(expected)} records are equal" in world.obi(*where, "--verify").stdout


def test_an_instrument_that_is_not_there_is_answered_with_those_that_are(world: World) -> None:
    there = sorted({(line.key or b"").decode() for line in world.by_offset()})
    told = world.obi("--partition", PARTITION, "--instrument", "binance-spot:NONE", "--verify", code=2).stderr

    assert f"received binance-spot:NONE; there are {', '.join(there)}" in told


def test_one_changed_byte_is_found_and_its_field_named(world: World, topics: Topics) -> None:
    victim = world.by_offset()[250]
    at = victim.value.index(b'"gaps":') + len(b'"gaps":')
    changed = victim.value[:at] + b"7" + victim.value[at + 1 :]
    topic = world.spoiled(topics, lambda lines: [x._replace(value=changed) if x == victim else x for x in lines])
    result = world.obi("--partition", PARTITION, "--verify", code=1, metrics_topic=topic)
    head, first, title, row = result.stdout.splitlines()

    assert re.fullmatch(r"partition 1, offsets 0 .. \d+: 1 different of [\d,]+ records", head)
    seq = orjson.loads(victim.value)["seq"]
    assert first.startswith(
        f"the first: raw offset {victim.answers_to}, {(victim.key or b'').decode()} seq {seq}, at offset "
    )
    assert title.split() == ["field", "expected", "received"]
    assert row.split() == ["gaps", "0", "7"]


@pytest.mark.parametrize("changed", ["key", "timestamp_ms"])
def test_key_and_timestamp_are_compared_too(world: World, topics: Topics, changed: str) -> None:
    victim = world.by_offset()[-5]
    other = victim._replace(key=b"x:Y") if changed == "key" else victim._replace(timestamp_ms=victim.timestamp_ms + 1)
    topic = world.spoiled(topics, lambda lines: [other if line == victim else line for line in lines])
    told = world.obi("--partition", PARTITION, "--verify", code=1, metrics_topic=topic).stdout

    assert f"the first: raw offset {victim.answers_to}, " in told
    assert told.splitlines()[-1].split()[0] == changed


def test_a_missing_record_is_found(world: World, topics: Topics) -> None:
    victim = world.by_offset()[250]
    topic = world.spoiled(topics, lambda lines: [line for line in lines if line != victim])
    told = world.obi("--partition", PARTITION, "--verify", code=1, metrics_topic=topic).stdout.splitlines()

    assert re.search(r": 1 missing of ", told[0])
    assert told[1] == f"the first: raw offset {victim.answers_to}: expected a record in {topic}, received none"


def test_a_record_that_should_not_be_there_is_found(world: World, topics: Topics) -> None:
    there = {line.answers_to for line in world.by_offset()}
    free = next(offset for offset in range(500, world.end()) if offset not in there)
    victim = world.by_offset()[250]
    added = victim._replace(value=re.sub(rb'"offset":\d+', b'"offset":%d' % free, victim.value))

    def spoil(lines: list[Line]) -> list[Line]:
        at = lines.index(victim)
        return [*lines[: at + 1], added, *lines[at + 1 :]]

    topic = world.spoiled(topics, spoil)
    told = world.obi("--partition", PARTITION, "--verify", code=1, metrics_topic=topic).stdout.splitlines()

    assert re.search(r": 1 unexpected of ", told[0])
    assert told[1].startswith(f"the first: raw offset {free}: expected no record in {topic}, received one at offset ")


def test_equal_copies_and_foreign_messages_are_told_and_are_no_difference(world: World, topics: Topics) -> None:
    foreign = Line(b"?", b"hello", 0)
    topic = world.spoiled(topics, lambda lines: [*lines[:50], foreign, *lines[10:50], *lines[50:], *lines[-3:]])
    told = world.obi("--partition", PARTITION, "--verify", metrics_topic=topic).stdout

    assert "byte for byte (43 extra copies with equal bytes, 1 messages there that are no records)" in told


def test_what_was_written_in_a_transaction_that_was_taken_back_is_not_there(world: World, topics: Topics) -> None:
    topic, lines = topics.create("spoiled", partitions=2), world.lines(world.metrics)
    world.write(topic, lines[:100])
    producer = Producer({"bootstrap.servers": world.servers, "transactional.id": topic})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, lines[100].value.replace(b'"schema":1', b'"schema":9'), lines[100].key, PARTITION)
    producer.flush(10)
    producer.abort_transaction(20)
    world.write(topic, lines[100:])
    told = world.obi("--partition", PARTITION, "--verify", metrics_topic=topic).stdout

    assert told.endswith(f": {len(lines)} records are equal, byte for byte\n")


def test_what_the_job_has_not_written_yet_is_no_difference_unless_it_was_asked_for(
    world: World, topics: Topics
) -> None:
    there = world.by_offset()
    reached = there[-21].answers_to
    topic = world.spoiled(topics, lambda lines: [line for line in lines if line.answers_to <= reached])

    told = world.obi("--partition", PARTITION, "--verify", metrics_topic=topic).stdout
    assert "records are equal, byte for byte (20 the job has not written yet)" in told
    asked = ("--partition", PARTITION, "--to-offset", world.end() - 1, "--verify")
    told = world.obi(*asked, code=1, metrics_topic=topic).stdout
    assert "20 missing of " in told
    assert f"the newest record in {topic} is of raw offset {reached}; has the job got further yet?" in told


def test_records_go_to_another_topic_once_with_key_time_and_partition(world: World, topics: Topics) -> None:
    target = topics.adopt(f"exp.{random.getrandbits(40):x}")
    told = world.obi("--to-topic", target).stderr
    again = world.obi("--to-topic", target, code=2).stderr

    for partition in (0, 1):
        assert world.lines(target, partition) == world.by_offset(partition)
        assert f"partition {partition} has {len(world.by_offset(partition)):,}" in again
    assert told.count("replaying partition") == 2
    assert "or write behind them with --append" in again
    begin = world.end(0) - 200
    world.obi("--to-topic", target, "--append", "--partition", 0, "--from-offset", begin)
    more = [line for line in world.by_offset(0) if line.answers_to >= begin]
    assert world.lines(target, 0) == [*world.by_offset(0), *more]


def test_a_target_of_the_job_or_with_other_partitions_is_refused(world: World, topics: Topics) -> None:
    told = world.obi("--to-topic", world.metrics, code=2).stderr
    assert f"--to-topic: expected another topic than those of the job, received {world.metrics!r}" in told
    small = topics.create("small", partitions=1)
    told = world.obi("--to-topic", small, code=2).stderr
    assert "partitions [1] are missing (it has 1)" in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delta_volume_window", 7),  # smaller: the checkpoints serve
        ("delta_volume_window", 200),
        ("delta_estimator", "price_gap"),
        ("depth_levels", 3),
        ("large_order_threshold_pct", 0.2),
    ],
)
def test_other_settings_give_the_records_of_a_job_that_always_had_them(world: World, name: str, value: object) -> None:
    begin = world.end() - 150
    where = ("--partition", PARTITION, "--from-offset", begin, "--set", f"{name}={value}")
    result = world.obi(*where, "-o", "-")
    expected = [r for r in world.measured({name: value}) if orjson.loads(r)["source"]["offset"] >= begin]

    assert result.stdout.encode().splitlines() == expected
    assert expected != [line.value for line in world.by_offset() if line.answers_to >= begin]
    quick = "from the checkpoint at" in result.stderr
    assert quick == (value in {7, 0.2})


def test_wrong_settings_are_told_all_at_once_with_the_nearest_name(world: World) -> None:
    sets = ("--set", "delta_volume_windw=3", "--set", "depth_levels=none", "--set", "oops", "--set", "raw_topic=x")
    told = world.obi("--partition", PARTITION, *sets, "--verify", code=2).stderr

    assert "4 settings are wrong" in told
    assert "delta_volume_windw (--set): unknown; did you mean delta_volume_window?" in told
    assert "depth_levels (--set): expected 1 .. 5000 (levels), received 'none'" in told
    assert "--set oops: expected name=value, received no '='" in told
    assert "raw_topic (--set): unknown" in told


def test_times_choose_messages_by_their_kafka_timestamp(world: World) -> None:
    times = world.raw_batch().timestamps_ms
    middle = times[len(times) // 2]
    later = [line.value for line in world.by_offset() if line.timestamp_ms >= middle]
    until = [line.value for line in world.by_offset() if line.timestamp_ms <= middle]

    assert world.replayed("--partition", PARTITION, "--from-time", middle) == later
    assert world.replayed("--partition", PARTITION, "--to-time", middle) == until
    assert len(world.replayed("--from-time", middle)) >= len(later)
    told = world.obi("--from-time", "2099-01-01T00:00:00Z", "--verify", code=2).stderr
    assert f"partition 1 holds offsets 0 .. {world.end() - 1}" in told


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--partition", 1, "--from-offset", 10**6), "--from-offset: expected an offset that partition 1 holds, received 1000000; it holds offsets 0 .. "),
        (("--partition", 1, "--to-offset", 10**6), "--to-offset: expected an offset that partition 1 holds, received 1000000; it holds offsets 0 .. "),
        (("--partition", 9), "--partition: expected one of the partitions 0 .. 1 of topic "),
    ],
)  # fmt: skip
def test_what_the_topic_does_not_hold_is_answered_with_what_it_does(
    world: World, arguments: tuple[object, ...], expected: str
) -> None:
    assert expected in world.obi(*arguments, "--verify", code=2).stderr


def test_without_a_journal_a_replay_begins_at_the_first_message(world: World) -> None:
    where = ("--partition", PARTITION, "--from-offset", 700, "--verify")
    result = world.obi(*where, checkpoints_topic="not.there")

    assert "from the first message of the topic" in result.stderr
    assert "are equal, byte for byte" in result.stdout


def test_messages_that_are_gone_are_no_matter_when_a_checkpoint_is_there(fresh: World) -> None:
    fresh.send(0, 2000)
    fresh.go(every=0)
    fresh.checkpoint(400)
    first = 400
    fresh.delete(fresh.raw, first)
    where = ("--partition", PARTITION, "--from-offset", first + 10)

    assert "from the checkpoint at" in fresh.obi(*where, "--verify").stderr
    cut = fresh.obi("--partition", PARTITION, "--verify")
    assert f"offsets {first} .. 999: 600 records are equal" in cut.stdout
    told = fresh.obi(*where, "--verify", code=2, checkpoints_topic="not.there").stderr
    assert f"holds it from offset {first} on, and there is no checkpoint from there on in topic not.there" in told
    assert "--from-beginning" not in told

    wider = ("--set", "delta_volume_window=200", "-o", "-")
    told = fresh.obi(*where, *wider, code=2).stderr
    assert "is of other settings (delta_volume_window 100); --from-beginning begins with no memory" in told
    begun = fresh.obi(*where, *wider, "--from-beginning")
    assert f"from offset {first}, the first that is there, with no memory" in begun.stderr
    assert orjson.loads(begun.stdout.splitlines()[0])["seq"] == 11


def test_a_range_whose_beginning_nobody_said_begins_where_an_exact_start_is(fresh: World) -> None:
    fresh.send(0, 2000)
    fresh.go(every=0)
    fresh.checkpoint(300)
    fresh.checkpoint(500)
    fresh.delete(fresh.raw, 310)
    told = fresh.obi("--partition", PARTITION, "--verify").stdout
    refused = fresh.obi("--partition", PARTITION, "--from-offset", 320, "--verify", code=2).stderr

    assert told == "partition 1, offsets 500 .. 999: 500 records are equal, byte for byte\n"
    assert "holds it from offset 310 on, and the first checkpoint behind it is at 500" in refused


def test_the_newest_generation_is_the_one_that_is_compared(fresh: World) -> None:
    fresh.send(0, 1000)
    fresh.go(every=100)
    fresh.delete(fresh.raw, 200)
    fresh.go("new", every=100, state="other")
    told = fresh.obi("--partition", PARTITION, "--verify", "--from-beginning")

    assert "from the beginning of generation 2 (offset 200)" in told.stderr
    assert told.stdout == "partition 1, offsets 200 .. 499: 300 records are equal, byte for byte\n"
    assert fresh.replayed("--partition", PARTITION) == [line.value for line in fresh.lines(fresh.metrics)[-300:]]


def test_a_range_before_the_newest_generation_can_be_computed_and_not_compared(fresh: World) -> None:
    fresh.send(0, 200)
    fresh.go(every=100, from_="latest")
    fresh.send(200, 400)
    fresh.go(every=100)
    before = ("--partition", PARTITION, "--from-offset", 50)
    told = fresh.obi(*before, "--verify", code=2).stderr

    assert "expected a range of generation 1, the newest of partition 1, which begins at raw offset 100" in told
    assert "offsets 100 .. 199: 100 records" in fresh.obi("--partition", PARTITION, "--verify").stdout
    assert fresh.replayed(*before) == fresh.measured({})[50:]


def test_a_job_whose_settings_were_changed_is_equal_again_from_the_next_checkpoint_on(fresh: World) -> None:
    batch = differences_and_trades()
    half = len(batch) // 2
    feed(fresh, [batch.only(0, set(range(half)))])
    fresh.go(every=1_000_000)
    change = fresh.end()
    feed(fresh, [batch.only(0, set(range(half, len(batch))))])
    fresh.go(every=1_000_000, delta_volume_window=3)
    all_of_it, first_part = ("--partition", PARTITION, "--verify"), ("--to-offset", change - 1)
    new = ("--set", "delta_volume_window=3")
    old = fresh.obi(*all_of_it, code=1).stdout
    told = fresh.obi(*all_of_it, *new, code=1).stdout

    assert (
        "note: the job ran there with other settings than this replay; compare with --set delta_volume_window=3" in old
    )
    assert int(re.findall(r"raw offset (\d+)", old)[0]) >= change
    assert (
        "note: the job ran there with other settings than this replay; compare with --set delta_volume_window=100"
        in told
    )
    assert f"offsets 0 .. {change - 1}: " in fresh.obi(*all_of_it, *first_part).stdout
    fresh.checkpoint(change + 100, delta_volume_window=3)
    assert "are equal" in fresh.obi(*all_of_it, *new, "--from-offset", change + 200).stdout


def test_messages_on_a_foreign_partition_are_no_records_here_either(fresh: World) -> None:
    fresh.send(0, 200)
    fresh.go(every=0)
    batch = fresh.raw_batch(0)
    strangers = [Line(batch.keys[n], batch.values[n] or b"", 0) for n in (3, 50, 80)]
    fresh.write(fresh.raw, strangers, partition=1)
    fresh.send(200, 400)
    fresh.go(every=0)

    assert len(fresh.messages(fresh.faults, 1)) == 3
    told = fresh.obi("--verify").stdout
    assert "partition 1, offsets 0 .. 202: 200 records are equal, byte for byte" in told


def test_a_checkpoint_with_an_untrue_state_shows_in_the_comparison(fresh: World) -> None:
    fresh.send(0, 400)
    fresh.go(every=0)
    journal = Journal(fresh.broker, fresh.checkpoints)
    untrue = Checkpoint(Standing(1, 100, 100, 0), numbers_settings(fresh.settings()), {})
    assert journal.checkpoint(PARTITION, untrue)
    journal.close()
    told = fresh.obi("--partition", PARTITION, "--from-offset", 150, "--verify", code=1).stdout

    assert "50 different of 50 records" in told
    assert re.search(r"\n  seq +51 +151\n", told)
