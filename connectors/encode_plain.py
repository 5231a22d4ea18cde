"""Records in plain Python: the same bytes as the kernel ``records`` makes, for where it was not built.

Owns the way from rows and the text of their floats to documents, over one form for ``%``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Final

import numpy as np

from connectors.encode_form import END, NEAR, NEAR_COUNT, NEAR_FROM, NUMBERS, SLOTS, SOURCES, TEXTS, Numbers, Texts
from orderbook.measurer import Row
from orderbook.record import FIELDS, OFI_SOURCES, STATES

_COLUMNS_AT: Final = [number for number, source in enumerate(SOURCES) if source >= 0]
_COLUMNS: Final = [source for source in SOURCES if source >= 0]
_ITEMS_AT: Final = [number for number, source in enumerate(SOURCES) if source < 0]
_items: Final = itemgetter(*(~source for source in SOURCES if source < 0))
_near: Final = itemgetter(NEAR)


def gather(rows: list[Row], metrics: Numbers, out: Numbers) -> None:
    """Fill ``out``, shape (n * len(NUMBERS),), with the floats of all rows in the order of a record; None becomes NaN."""
    if len(metrics) != len(rows):
        raise ValueError(f"expected metrics of {len(rows)} rows, received those of {len(metrics)}")
    if not rows:
        return
    table = out.reshape(len(rows), len(NUMBERS))
    table[:, _COLUMNS_AT] = metrics[:, _COLUMNS]
    table[:, _ITEMS_AT] = np.array([_items(row) for row in rows], np.float64)
    for index, near in enumerate(map(_near, rows)):
        if near is not None:
            table[index, NEAR_FROM : NEAR_FROM + NEAR_COUNT] = near


def _picks() -> Iterator[int]:
    """For each slot where its text is among a record's texts: numbers, items of the row, the group's texts, choices."""
    number, choice = 0, len(NUMBERS) + len(Row._fields) + TEXTS
    for slot in SLOTS:
        if slot.kind == "number":
            yield number
            number += 1
        elif slot.kind == "integer":
            yield len(NUMBERS) + slot.place
        elif slot.kind == "text":
            yield len(NUMBERS) + len(Row._fields) + slot.place
        else:
            yield choice
            choice += 1


_FORM: Final = "%s".join([*(slot.before.decode().replace("%", "%%") for slot in SLOTS), END.decode()])
_picked: Final = itemgetter(*_picks())
_NULLABLE: Final = [len(NUMBERS) + Row._fields.index(f.name) for f in FIELDS if f.kind == "int" and f.null_when]
_STATES: Final = [f'"{state}"' for state in STATES]


def write(rows: list[Row], counts: list[int], texts: list[Texts], numbers: bytes) -> list[bytes]:
    """The documents of all rows; ``numbers`` is what ``gather`` gave, as JSON."""
    if not rows:
        return []
    tokens = numbers[1:-1].decode().split(",")
    columns: list[Sequence[object]] = [tokens[number :: len(NUMBERS)] for number in range(len(NUMBERS))]
    columns += zip(*rows, strict=True)
    for of_groups in zip(*texts, strict=True):
        columns.append(list(chain.from_iterable(map(repeat, map(bytes.decode, of_groups), counts))))
    snapshot, diff = (f'"{source}"' for source in OFI_SOURCES)
    columns.append([_STATES[row.state] for row in rows])
    columns.append([snapshot if row.near is None else diff for row in rows])
    for place in _NULLABLE:
        columns[place] = ["null" if value is None else value for value in columns[place]]
    return [record.encode() for record in map(_FORM.__mod__, zip(*_picked(columns), strict=True))]
