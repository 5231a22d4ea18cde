"""Recordings on their way into the raw topic: order, pace, loop, partitions, acknowledgements."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from connectors.broker import Broker, DeliveryError, TopicMissingError
from connectors.embedded import PARTITIONS, EmbeddedBroker
from connectors.feed_recording import Message, Pace, RawTopicWriter, looped, merged, messages_of, partition_of, shifted
from connectors.recordings import RecordingReader, write_recording

START = 1_700_000_000_000_000_000
MS = 1_000_000


def recording(path: Path, *lines: tuple[int, bytes]) -> RecordingReader:
    write_recording(path, [(START + ms * MS, value) for ms, value in lines])
    return RecordingReader(path)


def value(symbol: str, number: int) -> bytes:
    return b'{"stream":"%b@trade","data":{"t":%d}}' % (symbol.encode(), number)


@given(st.binary(max_size=40), st.integers(1, 64))
def test_the_partition_is_crc_32_of_the_key_for_ever(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == zlib.crc32(key) % partitions


def test_known_instruments_keep_their_partitions() -> None:
    keys = [b"binance-spot:BTCUSDT", b"binance-spot:ETHUSDT", b"binance-usdm:BTCUSDT", b"binance-usdm:ETHUSDT"]

    assert [partition_of(key, 8) for key in keys] == [3, 4, 7, 0]
    assert partition_of(None, 8) == 0


def test_files_are_merged_by_receive_time_and_keep_their_own_order(tmp_path: Path) -> None:
    spot = recording(tmp_path / "spot_a.gz", (0, value("a", 1)), (10, value("a", 2)), (20, value("a", 3)))
    usdm = recording(tmp_path / "usdm_b", (5, value("b", 4)), (10, value("b", 5)))

    found = [(message.key, orjson.loads(message.value)["data"]["t"]) for message in merged([spot, usdm])]

    spot_key, usdm_key = b"binance-spot:A", b"binance-usdm:B"
    assert found == [(spot_key, 1), (usdm_key, 4), (spot_key, 2), (usdm_key, 5), (spot_key, 3)]


def test_a_bare_snapshot_gets_its_stream_and_every_message_its_receive_time(tmp_path: Path) -> None:
    reader = recording(tmp_path / "spot_btcusdt_x.gz", (0, b'{"lastUpdateId":1,"bids":[],"asks":[]}'))
    (message,) = messages_of(reader)

    assert dict(message.headers) == {"recv_ns": str(START).encode(), "stream": b"btcusdt@snapshot"}


def test_a_line_without_a_time_stays_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "spot_a"
    path.write_bytes(b"%d %b\nrubbish\n%d %b\n" % (START, value("a", 1), START + 1, value("a", 2)))

    assert [message.recv_ns for message in messages_of(RecordingReader(path))] == [START, START, START + 1]


def test_the_pace_is_that_of_the_recording_times_the_speed() -> None:
    now = [0.0]
    pace = Pace(10, monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    times = []
    for ms in (0, 1000, 1500, 1500, 4000):
        assert pace.wait(START + ms * MS)
        times.append(round(now[0], 6))

    assert times == [0.0, 0.1, 0.15, 0.15, 0.4]


def test_a_wait_ends_when_told() -> None:
    pace = Pace(1.0, stop=lambda: True)

    assert not pace.wait(START)
    assert not Pace(None, stop=lambda: True).wait(START)


def test_a_loop_goes_on_with_clocks_a_minute_later(tmp_path: Path) -> None:
    depth = b'{"stream":"a@depth20@100ms","data":{"e":"depthUpdate","E":1700000000123,"T":1700000000120,"u":5,"b":[],"a":[]}}'
    reader = recording(tmp_path / "usdm_a", (0, value("a", 1)), (1000, depth))
    endless = looped(lambda: merged([reader]))
    first, second, third, fourth = (next(endless) for _ in range(4))

    assert (first.recv_ns, second.recv_ns) == (START, START + 1000 * MS)
    assert third.recv_ns == START + 62_000 * MS
    assert dict(third.headers)["recv_ns"] == str(third.recv_ns).encode()
    data = orjson.loads(fourth.value)["data"]
    assert (data["E"], data["T"], data["u"]) == (1700000000123 + 62_000, 1700000000120 + 62_000, 5)


def test_a_loop_over_nothing_ends() -> None:
    assert list(looped(list)) == []


def test_microsecond_clocks_are_moved_as_such() -> None:
    moved = shifted(Message(START, None, b'{"E":1700000000123456}', []), 1_000_000_000)

    assert moved.value == b'{"E":1700000001123456}'


def test_messages_arrive_in_order_in_the_partition_of_their_key(embedded: EmbeddedBroker) -> None:
    embedded.create("raw")
    writer = RawTopicWriter(Broker(embedded.bootstrap_servers), "raw")
    key = b"binance-spot:BTCUSDT"
    for number in range(300):
        assert writer.write(Message(START, key, b"%d" % number, [("recv_ns", b"1")])) == partition_of(key, PARTITIONS)
    writer.close()
    consumer = Consumer({"bootstrap.servers": embedded.bootstrap_servers, "group.id": "x"})
    consumer.assign([TopicPartition("raw", partition_of(key, PARTITIONS), 0)])
    found: list[Any] = []
    while len(found) < 300 and (batch := consumer.consume(300 - len(found), 10)):
        found += batch
    consumer.close()

    assert writer.acknowledged == 300
    assert [int(message.value() or b"") for message in found] == list(range(300))
    assert found[0].headers() == [("recv_ns", b"1")]


def test_a_missing_topic_is_told_with_the_line_that_makes_it(embedded: EmbeddedBroker) -> None:
    with pytest.raises(TopicMissingError, match="obi topics create"):
        RawTopicWriter(Broker(embedded.bootstrap_servers), "nowhere")


def test_a_message_that_is_too_large_is_a_delivery_error(embedded: EmbeddedBroker) -> None:
    embedded.create("raw")
    writer = RawTopicWriter(Broker(embedded.bootstrap_servers), "raw")

    with pytest.raises(DeliveryError, match="raw"):
        writer.write(Message(START, b"v:A", b"x" * 11_000_000, []))
