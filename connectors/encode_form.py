"""The form of a metric record's text, cut once from ``orderbook.record.FIELDS``: names, and what stands behind each.

Owns where a field's value comes from. A field finds its value by its name: a column of the stateless metrics, or an item
of the measurer's rows; a few have places of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from orderbook.metrics import COLUMNS
from orderbook.record import FIELDS, OFI_SOURCES, SCHEMA, STATES, Field
from orderbook.rows import Row

Numbers: TypeAlias = npt.NDArray[np.float64]
Texts: TypeAlias = tuple[bytes, ...]
Kind: TypeAlias = Literal["text", "number", "integer", "choice"]


class Slot(NamedTuple):
    """A piece of constant text and the value behind it.

    ``kind`` is ``text`` (one of ``texts_of``), ``number`` (the next of the row's floats), ``integer`` (an item of the row,
    or null) or ``choice`` (the text with the number that an item of the row is; where it is no integer the first text for
    None, else the second).
    """

    before: bytes
    kind: Kind
    place: int
    choices: tuple[bytes, ...] = ()


def item(name: str) -> int:
    """The place of an item in the measurer's rows."""
    return Row._fields.index(name)


Name: TypeAlias = tuple[str, int]
"""An instrument, ``venue:symbol``, and the partition of its messages."""


def texts_of(name: Name, topic: str) -> Texts:
    """What all records of an instrument have in common: venue, symbol and the beginning of source, as JSON; and their key.

    Args:
        name: The instrument, and its partition.
        topic: Where the messages that caused the records lie.
    """
    instrument, partition = name
    venue, _, symbol = instrument.partition(":")
    source = orjson.dumps({"topic": topic, "partition": partition})
    return orjson.dumps(venue), orjson.dumps(symbol), source.removesuffix(b"}"), instrument.encode()


_MOST: Final = 4096
_LONGEST: Final = 128
"""More names than the former and longer ones than the latter are not remembered: nothing that a sender can do may fill the
memory."""


class Remembered(dict[Name, Texts]):
    """``texts_of`` the instruments of a topic."""

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic

    def __missing__(self, name: Name) -> Texts:
        """Make them, and remember them for a while."""
        texts = texts_of(name, self._topic)
        if len(name[0]) <= _LONGEST:
            if len(self) >= _MOST:
                self.clear()
            self[name] = texts
        return texts


remembered: Final = lru_cache(16)(Remembered)
"""The texts that are known of a topic's instruments."""


_VENUE, _SYMBOL, _SOURCE = range(3)


def _values(field: Field) -> Iterator[tuple[str, Kind, int, tuple[str, ...]]]:
    """What stands behind a field's name: text before, kind, place, choices."""
    if field.name == "venue":
        yield "", "text", _VENUE, ()
    elif field.name == "symbol":
        yield "", "text", _SYMBOL, ()
    elif field.name == "source":
        yield "", "text", _SOURCE, ()
        yield ',"offset":', "integer", item("offset"), ()
    elif field.name == "state":
        yield "", "choice", item("state"), STATES
    elif field.name == "ofi_source":
        yield "", "choice", item("near"), OFI_SOURCES
    elif field.kind == "float":
        yield "", "number", 0, ()
    elif field.name != "schema":
        yield "", "integer", item(field.name), ()


def _cut() -> tuple[tuple[Slot, ...], bytes]:
    """The slots of a record, and what stands behind the last."""
    slots = []
    text, then = "", "{"
    for field in FIELDS:
        text += f'{then}"{field.name}":'
        for more, kind, place, choices in _values(field):
            slots.append(Slot((text + more).encode(), kind, place, tuple(f'"{choice}"'.encode() for choice in choices)))
            text = ""
        text += {"schema": f"{SCHEMA}", "source": "}"}.get(field.name, "")
        then = ","
    return tuple(slots), f"{text}}}".encode()


SLOTS, END = _cut()

NUMBERS: Final = tuple(field.name for field in FIELDS if field.kind == "float")
"""The fields that are floats."""

SOURCES: Final = tuple(COLUMNS.index(name) if name in COLUMNS else ~item(name) for name in NUMBERS)
"""Where each comes from: a column of the stateless metrics, or ``~item`` of the row."""

TIME: Final = item("timestamp_ms")
"""The item of a row that is the record's own time, in Kafka."""

OFFSET: Final = item("offset")
"""The item of a row that is its message's place in its partition."""
