"""How a written record differs from the one that it should be: field by field, for a person.

Owns the words of a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from dataflows.replay.records import Record

_ABSENT: Final = "(not there)"
_SHOWN: Final = 120


@dataclass(frozen=True)
class Difference:
    """Of one raw message: the record that is expected (None: none), and the one that was received (None: none).

    ``at``: offset of the received one in its topic.
    """

    expected: Record | None
    received: Record | None
    at: int | None = None

    @property
    def offset(self) -> int:
        """Of the raw message."""
        record = self.expected or self.received
        assert record is not None, "a difference has two sides, and one of them at least is a record"
        return record.offset

    @property
    def kind(self) -> str:
        """``missing``, ``unexpected`` or ``different``."""
        return "missing" if self.received is None else "unexpected" if self.expected is None else "different"

    def lines(self, topic: str) -> Iterator[str]:
        """What differs, as lines."""
        if self.received is None:
            yield f"raw offset {self.offset}: expected a record in {topic}, received none"
            yield f"  expected  {_shown(self.expected.value if self.expected else b'')}"
        elif self.expected is None:
            yield f"raw offset {self.offset}: expected no record in {topic}, received one at offset {self.at}"
            yield f"  received  {_shown(self.received.value)}"
        else:
            yield f"raw offset {self.offset}, {_name(self.expected)}, at offset {self.at} of {topic}:"
            rows = [("field", "expected", "received"), *fields(self.expected, self.received)]
            widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
            yield from (f"  {name:{widths[0]}}  {one:{widths[1]}}  {other}" for name, one, other in rows)


def fields(expected: Record, received: Record) -> list[tuple[str, str, str]]:
    """(name, expected, received) of everything that differs; key and timestamp are fields here too."""
    found = [
        (name, _shown(one), _shown(other))
        for name, one, other in (
            ("key", expected.key, received.key),
            ("timestamp_ms", b"%d" % expected.timestamp_ms, b"%d" % received.timestamp_ms),
        )
        if one != other
    ]
    if expected.value == received.value:
        return found
    one, other = _parsed(expected.value), _parsed(received.value)
    if one is None or other is None:
        return [*found, ("value", _shown(expected.value), _shown(received.value))]
    names = [name for name in {**one, **other} if _text(one, name) != _text(other, name)]
    found += [(name, _text(one, name), _text(other, name)) for name in names]
    if not names:
        found.append(("value", _shown(expected.value), f"{_shown(received.value)} (the same fields, other bytes)"))
    return found


def _name(record: Record) -> str:
    parsed = _parsed(record.value) or {}
    return f"{record.key.decode('utf-8', 'backslashreplace')} seq {parsed.get('seq')}"


def _parsed(value: bytes) -> dict[str, Any] | None:
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _text(record: dict[str, Any], name: str) -> str:
    return _cut(orjson.dumps(record[name]).decode()) if name in record else _ABSENT


def _shown(value: bytes) -> str:
    return _cut(value.decode("utf-8", "backslashreplace"))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
