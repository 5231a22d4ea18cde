"""Recordings on their way into the raw topic: order, pace, loop."""

from __future__ import annotations

from pathlib import Path

import orjson

from connectors.feed_recording import Pace, looped, merged, messages_of, shifted
from connectors.raw_topic import Message
from connectors.recordings import RecordingReader, write_recording

START = 1_700_000_000_000_000_000
MS = 1_000_000


def recording(path: Path, *lines: tuple[int, bytes]) -> RecordingReader:
    write_recording(path, [(START + ms * MS, value) for ms, value in lines])
    return RecordingReader(path)


def value(symbol: str, number: int) -> bytes:
    return b'{"stream":"%b@trade","data":{"t":%d}}' % (symbol.encode(), number)


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
