"""Recordings: lines become messages, bad ones too; errors say what to do; what is written can be read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from connectors.decode import Decoder
from connectors.raw import RawBatch
from connectors.recordings import RecordingError, RecordingReader, TruncatedRecordingError, write_recording
from orderbook.events import Diff, Quote, Snapshot, Trade
from tests.connectors.decode_paths import WAYS, Way
from tests.connectors.decode_paths import decoder as decoder_of
from tests.corpus import case as base

T = 1700000000123456789
DIFF = b'{"stream":"btcusdt@depth@100ms","data":%b}' % base.SPOT_DIFF_PAYLOAD


def recording(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def read(path: Path, venue: str | None = None, symbol: str | None = None) -> RawBatch:
    """All messages in one batch."""
    (batch,) = RecordingReader(path, venue, symbol).batches(10_000)
    return batch


def test_a_line_becomes_a_message(tmp_path: Path) -> None:
    batch = read(recording(tmp_path / "spot_btcusdt_2023.txt", b"%d %b" % (T, DIFF)))

    assert batch == RawBatch(
        "spot_btcusdt_2023.txt",
        partitions=[0],
        offsets=[0],
        timestamps_ms=[1700000000123],
        keys=[b"binance-spot:BTCUSDT"],
        values=[DIFF],
        headers=[[("recv_ns", b"1700000000123456789")]],
    )


@pytest.mark.parametrize(
    ("time", "ns"),
    [(b"1700000000123456789", T), (b"1700000000123456", 1700000000123456000), (b"1700000000123", 1700000000123000000)],
)
def test_the_digits_tell_the_unit_of_the_time(time: bytes, ns: int, tmp_path: Path) -> None:
    batch = read(recording(tmp_path / "spot_x", time + b" " + DIFF))

    assert batch.headers == [[("recv_ns", str(ns).encode())]]
    assert batch.timestamps_ms == [1700000000123]


def test_what_is_gzip_is_told_by_the_bytes_not_by_the_name(tmp_path: Path) -> None:
    line = b"%d %b" % (T, DIFF)
    (tmp_path / "spot_a").write_bytes(gzip.compress(line))
    (tmp_path / "spot_b.gz").write_bytes(line)

    assert read(tmp_path / "spot_a").values == read(tmp_path / "spot_b.gz").values == [DIFF]


def test_blank_lines_are_no_messages_but_count_as_lines(tmp_path: Path) -> None:
    line = b"%d %b" % (T, DIFF)

    assert read(recording(tmp_path / "spot_x", b"", line, b"  \r", line + b"\r", b"")).offsets == [1, 3]


def test_any_size_of_batch_gives_the_same_messages(tmp_path: Path) -> None:
    lines = [b"%d %b" % (T + number, DIFF) for number in range(7)]
    reader = RecordingReader(recording(tmp_path / "spot_x", *lines))

    for size in (1, 2, 7, 8):
        batches = list(reader.batches(size))
        assert [offset for batch in batches for offset in batch.offsets] == list(range(7))
        assert {len(batch) for batch in batches[:-1]} <= {size}


def test_a_bare_snapshot_belongs_to_the_files_instrument(tmp_path: Path) -> None:
    line = b"%d %b" % (T, base.REST_PAYLOAD)

    batch = read(recording(tmp_path / "usdm_ethusdt_2023.gz", line))

    assert batch.keys == [b"binance-usdm:ETHUSDT"]
    assert batch.headers == [[("recv_ns", str(T).encode()), ("stream", b"ethusdt@snapshot")]]
    assert isinstance(Decoder().decode(batch).groups[0].events[0], Snapshot)


@pytest.mark.parametrize(
    ("name", "symbol", "expected"),
    [
        ("usdm_ethusdt_2023.gz", "xrpusdt", b"binance-usdm:XRPUSDT"),
        ("usdm_ethusdt_2023.gz", None, b"binance-usdm:ETHUSDT"),
        ("usdm_4symbols_2023.gz", None, b"binance-usdm:BTCUSDT"),
        ("usdm_.txt", None, b"binance-usdm:BTCUSDT"),
    ],
)
def test_the_symbol_is_said_or_named_or_that_of_the_first_stream_line(
    name: str, symbol: str | None, expected: bytes, tmp_path: Path
) -> None:
    lines = [b"%d %b" % (T, value) for value in (base.SPOT_PAYLOAD, DIFF, DIFF.replace(b"btcusdt", b"ltcusdt"))]

    assert read(recording(tmp_path / name, *lines), symbol=symbol).keys[0] == expected


def test_each_line_has_the_key_of_its_own_symbol(tmp_path: Path) -> None:
    values = (
        DIFF,
        DIFF.replace(b"btcusdt", b"ethusdt"),
        b' { "stream" : "LTCUSDT@trade", "data": {}}',
        b'{"data":{},"stream":"xrpusdt@trade"}',
        base.TRADE_PAYLOAD,
        base.NORMALISED,
        base.swap(base.REST_PAYLOAD, b'"E"', b'"symbol":"BTCUSD_PERP","E"'),
    )

    batch = read(recording(tmp_path / "coinm_4symbols.txt", *(b"%d %b" % (T, value) for value in values)))

    symbols = [(key or b"").partition(b":")[2] for key in batch.keys]
    assert symbols == [b"BTCUSDT", b"ETHUSDT", b"LTCUSDT", b"XRPUSDT", b"BTCUSDT", b"BTCUSDT", b"BTCUSD_PERP"]
    assert [len(headers or ()) for headers in batch.headers] == [1, 1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"hello", "not_json"),
        (b"hello world", "not_json"),
        (b"17000000001234567 " + DIFF, "not_json"),
        ("١٧٠٠٠٠٠٠٠٠١٢٣٤٥٦ ".encode() + DIFF, "not_json"),
        (DIFF, "bad_number"),
        (b"1700000000123456789", "not_json"),
        (b"1700000000123456789 {", "not_json"),
        (b"1700000000123456789 7", "unknown_stream"),
        (b"9999999999999999999 " + DIFF, "bad_number"),
        (b"\xff\xfe\x00 \x80", "not_json"),
    ],
)
def test_a_bad_line_is_a_bad_message_at_its_place(line: bytes, reason: str, tmp_path: Path) -> None:
    good = b"%d %b" % (T, DIFF)
    batch = read(recording(tmp_path / "spot_btcusdt_x", good, line, good))

    decoded = Decoder().decode(batch)

    assert [(fault.reason, fault.offset) for fault in decoded.faults] == [(reason, 1)]
    assert [event.offset for event in decoded.groups[0].events] == [0, 2]
    assert set(batch.keys) == {b"binance-spot:BTCUSDT"}


def test_a_line_without_a_time_stands_at_the_time_of_the_line_before(tmp_path: Path) -> None:
    batch = read(recording(tmp_path / "spot_x", b"first", b"%d %b" % (T, DIFF), b"hello"))

    assert batch.timestamps_ms == [0, T // 1_000_000, T // 1_000_000]


def read_until_it_breaks(path: Path) -> tuple[list[bytes | None], TruncatedRecordingError]:
    values: list[bytes | None] = []
    try:
        for batch in RecordingReader(path).batches(100):
            values += batch.values
    except TruncatedRecordingError as error:
        return values, error
    pytest.fail("the file did not break")


def test_a_truncated_file_gives_its_lines_and_then_an_error(tmp_path: Path) -> None:
    lines = [b"%d %b" % (T + number, DIFF) for number in range(2000)]
    packed = gzip.compress(b"\n".join(lines))
    path = tmp_path / "spot_x.gz"

    for part in (0.2, 0.5, 0.9, 0.999):
        path.write_bytes(packed[: int(len(packed) * part)])
        values, error = read_until_it_breaks(path)
        assert "spot_x.gz" in str(error)
        assert values == [DIFF] * len(values)
        assert (error.path, error.line) == (path, len(values))
    assert len(values) > 1500


def test_garbage_in_a_gzip_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"\n".join(b"%d %b" % (T + number, DIFF) for number in range(2000))))
    packed[len(packed) // 2 :] = bytes(len(packed) - len(packed) // 2)
    (tmp_path / "spot_x.gz").write_bytes(packed)

    with pytest.raises(TruncatedRecordingError, match=r"received a broken file at line"):
        list(RecordingReader(tmp_path / "spot_x.gz").batches())


def test_a_truncated_file_of_bare_snapshots_tells_its_symbol_as_far_as_it_goes(tmp_path: Path) -> None:
    packed = gzip.compress(b"\n".join(b"%d %b" % (T, base.SPOT_PAYLOAD) for _ in range(2000)))
    (tmp_path / "spot_.gz").write_bytes(packed[: len(packed) // 2])

    batches = RecordingReader(tmp_path / "spot_.gz").batches(1)

    assert next(batches).keys == [None]


@pytest.mark.parametrize("kind", ["missing", "directory", "empty", "blank", "packed"])
def test_a_file_that_can_not_be_a_recording_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "spot_btcusdt.gz"
    if kind == "directory":
        path.mkdir()
    elif kind == "packed":
        path.write_bytes(gzip.compress(b""))
    elif kind != "missing":
        path.write_bytes(b"\n \n" if kind == "blank" else b"")

    with pytest.raises(RecordingError, match=r"^expected .*spot_btcusdt\.gz"):
        list(RecordingReader(path).batches())


def test_a_file_that_does_not_name_its_venue_asks_for_it(tmp_path: Path) -> None:
    path = recording(tmp_path / "btcusdt.txt", b"%d %b" % (T, DIFF))

    with pytest.raises(RecordingError, match=r"--venue \(binance-spot"):
        RecordingReader(path)
    with pytest.raises(RecordingError, match="received 'Binance'"):
        RecordingReader(path, "Binance")
    assert read(path, "okx-swap").keys == [b"okx-swap:BTCUSDT"]


@pytest.mark.parametrize("name", ["spot_x.gz", "spot_x.txt"])
def test_what_is_written_can_be_read_and_is_the_same_each_time(name: str, tmp_path: Path) -> None:
    messages = [(T + number, value) for number, value in enumerate((DIFF, base.SPOT_PAYLOAD, b"not even JSON"))]

    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        assert write_recording(tmp_path / folder / name, iter(messages)) == 3

    first, second = ((tmp_path / folder / name).read_bytes() for folder in ("a", "b"))
    assert first == second
    assert first.startswith(b"\x1f\x8b") == name.endswith(".gz")
    batch = read(tmp_path / "a" / name)
    assert [int((headers or [])[0][1]) for headers in batch.headers] == [time for time, _ in messages]
    assert batch.values == [value for _, value in messages]


@pytest.mark.parametrize(("time", "value"), [(5, b"{}"), (10**19, b"{}"), (T, b"{\n}"), (T, b"{}\r")])
def test_what_could_not_be_read_again_is_not_written(time: int, value: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        write_recording(tmp_path / "spot_x", [(time, value)])


@pytest.mark.recordings
@pytest.mark.parametrize("way", WAYS)
def test_the_recordings_decode_without_a_fault_and_by_all_paths_alike(way: Way, recordings: Path) -> None:
    candles = 0
    kinds: set[type] = set()
    for path in sorted([*recordings.glob("sample/*.gz"), *recordings.glob("dev/*4symbols*.gz")]):
        decoder = decoder_of(way)
        for batch in RecordingReader(path).batches():
            fast, plain = decoder.decode(batch), decoder.decode_plainly(batch)
            assert [group.events for group in fast.groups] == [group.events for group in plain.groups]
            assert fast.faults == plain.faults
            assert all("@kline_1m" in fault.detail for fault in fast.faults)
            candles += len(fast.faults)
            kinds |= {type(event) for group in fast.groups for event in group.events}
            events = sum(len(group.events) for group in fast.groups)
            assert len(batch) == events + len(fast.faults)

    assert candles == 69
    assert kinds == {Diff, Quote, Snapshot, Trade}
