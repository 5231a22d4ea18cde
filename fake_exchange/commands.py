"""Owns the commands that a client sends over its connection, and the answers: pure, text to text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from fake_exchange.venues import SPOT


class Command(NamedTuple):
    """What a client wants.

    Attributes:
        subscribe, unsubscribe: names of streams.
        answer: what it is told, once that is done.
    """

    subscribe: tuple[str, ...]
    unsubscribe: tuple[str, ...]
    answer: bytes


def read_command(text: str | bytes, venue: str, subscribed: Iterable[str], most: int) -> Command:
    """Read a message of a client.

    Args:
        text: the message.
        venue: whose form errors have.
        subscribed: names of the streams that it has.
        most: how many it may have.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _refused(venue, None, 3, f"Invalid JSON: {error}")
    if not isinstance(document, dict):
        return _refused(venue, None, 2, "Invalid request: request must be an object")
    number, method, params = document.get("id"), document.get("method"), document.get("params", [])
    if number is not None and not isinstance(number, int | str):
        return _refused(venue, None, 2, "Invalid request: request ID must be an integer or a string")
    if method == "LIST_SUBSCRIPTIONS":
        return Command((), (), orjson.dumps({"result": [*subscribed], "id": number}))
    if method not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
        return _refused(venue, number, 2, f"Invalid request: unknown variant {method!r}")
    if not isinstance(params, list) or not params or not all(isinstance(name, str) for name in params):
        return _refused(venue, number, 2, "Invalid request: params must be a list of stream names")
    names = tuple(params)
    done = orjson.dumps({"result": None, "id": number})
    if method == "UNSUBSCRIBE":
        return Command((), names, done)
    if len({*subscribed, *names}) > most:
        return _refused(venue, number, 2, f"Invalid request: more than {most} streams on one connection")
    return Command(names, (), done)


def _refused(venue: str, number: Any, code: int, why: str) -> Command:
    error = {"code": code, "msg": why}
    answer = {**error, "id": number} if venue == SPOT else {"error": error, "id": number}
    return Command((), (), orjson.dumps(answer))
