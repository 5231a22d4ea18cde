"""Records in plain Python, each a document of its own: for where the kernel ``records`` was not built.

Owns nothing but the way there: the bytes are those of the kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from operator import itemgetter
from typing import Final

import orjson

from connectors.encode_form import NEAR_NAMES, Numbers, Texts
from orderbook.metrics import COLUMNS
from orderbook.record import DIFF, NAMES, SCHEMA, SNAPSHOT, STATES
from orderbook.rows import Row

_TOLD: Final = tuple(name for name in Row._fields if name in NAMES)
_told: Final = itemgetter(*map(Row._fields.index, _TOLD))


def encode(rows: list[Row], metrics: Numbers, counts: list[int], texts: Iterable[Texts]) -> list[bytes]:
    """See ``connectors.encode.RecordEncoder.encode``."""
    if len(metrics) != len(rows) or sum(counts) != len(rows):
        raise ValueError(f"expected metrics and groups of {len(rows)} rows, received {len(metrics)} and {sum(counts)}")
    dumps, names, states = orjson.dumps, (*COLUMNS, *_TOLD), STATES
    # Filled anew for each record: a new dictionary of so many fields would cost twice as much.
    document: dict[str, object] = dict.fromkeys(NAMES)
    document["schema"] = SCHEMA
    of_all = iter(zip(rows, metrics.tolist(), strict=True))
    records = []
    for count, (venue, symbol, begin) in zip(counts, texts, strict=True):
        document["venue"], document["symbol"] = orjson.loads(venue), orjson.loads(symbol)
        document["source"] = source = orjson.loads(begin + b"}")
        for row, of_book in islice(of_all, count):
            document.update(zip(names, (*of_book, *_told(row)), strict=True))
            source["offset"] = row.offset
            document["state"] = states[row.state]
            document["ofi_source"] = SNAPSHOT
            if row.near is not None:
                document.update(zip(NEAR_NAMES, row.near, strict=True))
                document["ofi_source"] = DIFF
            records.append(dumps(document))
    return records
