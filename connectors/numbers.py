"""What counts as a number in a message, and the error that says why a message can't be used.

Owns the rule for number text (JSON's grammar, whatever the quotes), the range of ids and amounts, and ``MalformedError``.
Nothing here knows what the numbers mean.
"""

from __future__ import annotations

import math
import re
from typing import Final

import orjson

MAX_ID: Final = 2**63 - 1
"""Largest id and largest time: what a signed 64-bit column of any reader can hold."""

MAX_AMOUNT: Final = 1e290
"""Largest price, quantity and price * quantity. float64 ends at 1.8e308, so no sum of fewer than 1e18 such amounts
can overflow, whatever is summed downstream."""

_SHOWN: Final = 80
"""Characters of a received value that a detail shows."""

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""RFC 8259's number. ASCII digits only: \\d and float() would take every script's, and float() also "nan" and "1_0"."""


class MalformedError(ValueError):
    """A message that can't be used.

    Attributes:
        reason: One of ``connectors.raw.FAULT_REASONS``.
        detail: One line, "expected X, received Y".
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def show(value: object) -> str:
    """One short line of what was received: JSON of a parsed value, Python's spelling of bytes; at most 80 characters."""
    if isinstance(value, bytes):
        text = repr(value[:_SHOWN])[1:]
    else:
        try:
            text = orjson.dumps(value).decode()
        except orjson.JSONEncodeError:  # it reads deeper nesting than it writes
            text = "something nested too deep to show"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def parse_number(value: object) -> float | None:
    """The float64 of a JSON number or of the text of one; None for all else and for magnitudes above MAX_AMOUNT.

    Minus zero becomes zero.
    """
    if isinstance(value, str):
        if _NUMBER.fullmatch(value) is None:
            return None
    elif isinstance(value, bool) or not isinstance(value, (float, int)):  # to Python, true is an int
        return None
    result = float(value)
    return result + 0.0 if -MAX_AMOUNT <= result <= MAX_AMOUNT else None


def require(data: dict[str, object], name: str) -> object:
    """Field ``name`` of a payload; missing or null raises ``missing_field``."""
    value = data.get(name)
    if value is None:
        raise MalformedError("missing_field", f"expected field {name}, received {show(sorted(data))}")
    return value


def require_id(data: dict[str, object], name: str) -> int:
    """Field ``name`` as an integer in [0, 2^63); raises ``missing_field`` or ``bad_number``."""
    value = require(data, name)
    if type(value) is int and 0 <= value <= MAX_ID:
        return value
    raise MalformedError("bad_number", f"expected an integer in [0, 2^63) at {name}, received {show(value)}")


def optional_id(data: dict[str, object], name: str) -> int | None:
    """As ``require_id``, but None where the field is missing or null."""
    return None if data.get(name) is None else require_id(data, name)


def require_amount(data: dict[str, object], name: str) -> float:
    """Field ``name`` as a float64; raises ``missing_field`` or ``bad_number``."""
    value = require(data, name)
    amount = parse_number(value)
    if amount is None:
        raise MalformedError("bad_number", f"expected {NUMBER} at {name}, received {show(value)}")
    return amount


NUMBER: Final = "a JSON number up to 1e290"
"""What the details of number faults expect."""


def parse_json(value: bytes | None) -> object:
    """The parsed document.

    Raises:
        MalformedError: ``not_json``, or ``bad_number`` when the only trouble is a number beyond float64.
    """
    if value is None:
        raise MalformedError("not_json", "expected a JSON object, received no value")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        position = error.pos
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        near = show(value[error.start : error.start + 1])
        raise MalformedError("not_json", f"expected UTF-8, received {near} at byte {error.start}") from None
    if _has_only_too_big_numbers(text):
        raise MalformedError("bad_number", f"expected numbers within float64, received {show(value)}")
    near = repr(text[max(0, position - 20) : position + 40])
    raise MalformedError("not_json", f"expected JSON, received {near}, which breaks at character {position}")


def _has_only_too_big_numbers(text: str) -> bool:
    """Whether a document that orjson refuses is JSON but for numbers that float64 can't hold."""
    import json  # noqa: PLC0415  (the error path's alone: the slow parser tells what the quick one does not)

    too_big = False

    def read(digits: str) -> float:
        nonlocal too_big
        number = float(digits)
        too_big = too_big or math.isinf(number)
        return number

    def refuse(literal: str) -> float:
        raise ValueError(literal)  # NaN and Infinity: Python reads them, JSON has none

    try:
        json.loads(text, parse_float=read, parse_int=read, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return too_big
