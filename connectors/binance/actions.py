"""What the core asks of its shell, and what the shell answers. The whole vocabulary between the two.

Rule 1: these are values; the shell carries an action out in the order in which they were appended.
Rule 2: each ``Open`` is answered by ``opened`` or ``closed``, each ``Close`` by ``closed``, each ``Fetch`` by ``fetched``.
Rule 3: who doesn't know an action must fail; there are no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Level: TypeAlias = Literal["info", "warning", "error"]


class Open(NamedTuple):
    """Connect a WebSocket. ``socket`` is its number for ever: the next one, of the same streams too, has another."""

    socket: int
    url: str


class Close(NamedTuple):
    """Close a socket; one that is still connecting is given up."""

    socket: int
    why: str


class Send(NamedTuple):
    """Send a text frame; the core has paced it already."""

    socket: int
    text: str


class Fetch(NamedTuple):
    """HTTP GET, once, without a retry of the shell's own. ``weight`` is what the exchange counts for it."""

    number: int
    url: str
    symbol: str | None
    purpose: str
    weight: int


class Write(NamedTuple):
    """A message for the raw topic. Key ``venue:SYMBOL``; no key where ``symbol`` is None."""

    symbol: str | None
    value: bytes
    headers: list[tuple[str, bytes]]


class Note(NamedTuple):
    """A line for the log; ``kind`` is a short name to count by, ``fields`` are JSON values."""

    level: Level
    kind: str
    text: str
    fields: dict[str, object]


Action: TypeAlias = Open | Close | Send | Fetch | Write | Note


class Answer(NamedTuple):
    """What became of a ``Fetch``.

    Attributes:
        status: HTTP status; 0 when there was no answer (no network, time-out): then ``why`` says the reason.
        headers: Names in lower case.
        body: As received, after HTTP's own encodings.
        why: A reason in words, "" where there is none to tell.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    why: str = ""
