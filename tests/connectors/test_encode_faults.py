"""Fault records: whole, with the reason on top, and fit to be fed again."""

from __future__ import annotations

import base64
import json

from connectors.encode_faults import encode_faults, fault_line
from connectors.raw import Fault, Headers


def fault(
    value: bytes | None = b"{",
    key: bytes | None = b"a:B",
    partition: int = 2,
    offset: int = 9,
    headers: Headers | None = None,
) -> Fault:
    return Fault("not_json", "expected JSON, received {", "depth.raw", partition, offset, 1700, key, value, headers)


def test_a_fault_is_the_message_with_headers_on_top() -> None:
    (batch,) = encode_faults([fault(headers=[("stream", b"x"), ("recv_ns", b"5")])])

    assert batch.partition == 2
    assert (batch.keys, batch.values, batch.timestamps_ms) == ([b"a:B"], [b"{"], [1700])
    assert batch.headers == [
        [
            ("stream", b"x"),
            ("recv_ns", b"5"),
            ("obi.reason", b"not_json"),
            ("obi.detail", b"expected JSON, received {"),
            ("obi.topic", b"depth.raw"),
            ("obi.partition", b"2"),
            ("obi.offset", b"9"),
        ]
    ]


def test_faults_go_to_the_partition_they_came_from_in_their_order() -> None:
    batches = encode_faults([fault(partition=1, offset=5), fault(partition=0, offset=3), fault(partition=1, offset=6)])

    offsets = [[dict(headers)["obi.offset"] for headers in batch.headers or []] for batch in batches]
    assert [batch.partition for batch in batches] == [1, 0]
    assert offsets == [[b"5", b"6"], [b"3"]]


def test_a_value_is_whole_at_any_size() -> None:
    (batch,) = encode_faults([fault(b"x" * 20_000_000)])

    assert batch.values == [b"x" * 20_000_000]


def test_a_tombstone_stays_one() -> None:
    (batch,) = encode_faults([fault(None, None)])

    assert (batch.keys, batch.values) == ([None], [None])


def test_a_fault_that_was_fed_again_tells_of_the_last_time() -> None:
    (first,) = encode_faults([fault()])
    (again,) = encode_faults([fault(offset=77, headers=(first.headers or [[]])[0])])

    assert dict((again.headers or [[]])[0])["obi.offset"] == b"77"


def test_a_detail_is_cut_at_500_bytes_and_never_in_a_character() -> None:
    long = Fault("bad_number", "é" * 300, "t", 0, 0, 0, None, b"", None)

    (batch,) = encode_faults([long])

    assert dict((batch.headers or [[]])[0])["obi.detail"].decode() == "é" * 250
    assert json.loads(fault_line(long))["detail"] == "é" * 250


def test_a_fault_is_a_line_of_json() -> None:
    line = fault_line(fault(b"\xff\n", b"a\xff:B"))

    assert b"\n" not in line
    assert json.loads(line) == {
        "reason": "not_json",
        "detail": "expected JSON, received {",
        "topic": "depth.raw",
        "partition": 2,
        "offset": 9,
        "key": "a\\xff:B",
        "value_base64": base64.b64encode(b"\xff\n").decode(),
    }


def test_what_is_missing_is_null_in_the_line() -> None:
    line = json.loads(fault_line(fault(None, None)))

    assert (line["key"], line["value_base64"]) == (None, None)


def test_no_faults_are_no_batches() -> None:
    assert encode_faults([]) == []
