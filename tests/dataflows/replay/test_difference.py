"""A difference in words: the place, then what was expected and what came, field by field."""

from __future__ import annotations

import orjson

from dataflows.replay.difference import Difference, fields
from dataflows.replay.records import Record

EXPECTED = Record(17, b"v:A", b'{"seq":5,"delta_volume":1.25,"update_id":null}', 1000)


def with_value(**changes: object) -> Record:
    return EXPECTED._replace(value=orjson.dumps({**orjson.loads(EXPECTED.value), **changes}))


def test_fields_that_differ_are_named_with_both_values() -> None:
    assert fields(EXPECTED, with_value(delta_volume=1.5)) == [("delta_volume", "1.25", "1.5")]
    assert fields(EXPECTED, with_value(update_id=3, seq=6)) == [("seq", "5", "6"), ("update_id", "null", "3")]
    assert fields(EXPECTED, EXPECTED) == []


def test_fields_that_one_of_them_lacks_are_named() -> None:
    assert fields(EXPECTED, with_value(more=True)) == [("more", "(not there)", "true")]
    assert fields(with_value(more=True), EXPECTED) == [("more", "true", "(not there)")]


def test_key_and_time_are_fields_too() -> None:
    other = EXPECTED._replace(key=b"v:\xff", timestamp_ms=1001)

    assert fields(EXPECTED, other) == [("key", "v:A", "v:\\xff"), ("timestamp_ms", "1000", "1001")]


def test_one_and_1_0_are_not_the_same_bytes() -> None:
    assert fields(with_value(seq=5), with_value(seq=5.0)) == [("seq", "5", "5.0")]


def test_the_same_fields_in_other_bytes_differ() -> None:
    spaced = EXPECTED._replace(value=EXPECTED.value.replace(b":", b": "))
    [(name, _, received)] = fields(EXPECTED, spaced)

    assert name == "value"
    assert received.endswith("(the same fields, other bytes)")


def test_what_is_no_json_is_shown_as_it_is_and_not_whole() -> None:
    [(name, expected, received)] = fields(EXPECTED, EXPECTED._replace(value=b"{" * 500))

    assert (name, expected, received) == ("value", EXPECTED.value.decode(), "{" * 120 + "...")
    assert fields(EXPECTED, EXPECTED._replace(value=b"[1]"))[0][2] == "[1]"


def test_the_lines_of_each_kind_say_where_what_was_expected_and_what_came() -> None:
    different = Difference(EXPECTED, with_value(delta_volume=None), 99)
    missing, unexpected = Difference(EXPECTED, None), Difference(None, EXPECTED, 99)

    assert list(different.lines("m")) == [
        "raw offset 17, v:A seq 5, at offset 99 of m:",
        "  field         expected  received",
        "  delta_volume  1.25      null",
    ]
    assert list(missing.lines("m")) == [
        "raw offset 17: expected a record in m, received none",
        f"  expected  {EXPECTED.value.decode()}",
    ]
    assert list(unexpected.lines("m")) == [
        "raw offset 17: expected no record in m, received one at offset 99",
        f"  received  {EXPECTED.value.decode()}",
    ]
    assert [item.kind for item in (different, missing, unexpected)] == ["different", "missing", "unexpected"]
