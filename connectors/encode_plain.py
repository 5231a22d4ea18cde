"""Records in plain Python, each a document of its own: for where the kernel ``records`` was not built.

Owns nothing but the way there: the bytes are those of the kernel.
"""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import Final

import numpy as np
import orjson

from connectors.encode_form import OFFSET, TIME, Texts, item
from connectors.outgoing import Columns
from orderbook.cells import Rows
from orderbook.metrics import COLUMNS
from orderbook.record import DIFF, NAMES, SCHEMA, SNAPSHOT, STATES
from orderbook.rows import Row

_TOLD: Final = tuple(name for name in Row._fields if name in NAMES)
_told: Final = itemgetter(*map(item, _TOLD))
_STATE, _NEAR = item("state"), item("near")


def encode(rows: Rows, first: int, counts: list[int], texts: list[Texts], into: list[Columns]) -> None:
    """See ``connectors.encode.RecordEncoder.encode``."""
    end = first + sum(counts)
    if not 0 <= first <= end <= len(rows) or min(counts, default=0) < 0:
        raise ValueError(f"expected groups of {len(rows)} rows in all, received {counts} from row {first} on")
    metrics = np.empty((len(rows), len(COLUMNS)))
    rows.copy_columns(metrics)
    dumps, names, states = orjson.dumps, (*COLUMNS, *_TOLD), STATES
    # Filled anew for each record: a new dictionary of so many fields would cost twice as much.
    document: dict[str, object] = dict.fromkeys(NAMES)
    document["schema"] = SCHEMA
    of_all = zip(rows.rows()[first:end], metrics[first:end].tolist(), strict=True)
    for count, (venue, symbol, begin, key), (keys, values, times) in zip(counts, texts, into, strict=True):
        document["venue"], document["symbol"] = orjson.loads(venue), orjson.loads(symbol)
        document["source"] = source = orjson.loads(begin + b"}")
        for row, of_book in islice(of_all, count):
            document.update(zip(names, (*of_book, *_told(row)), strict=True))
            source["offset"] = row[OFFSET]
            document["state"] = states[row[_STATE]]
            document["ofi_source"] = SNAPSHOT if row[_NEAR] is None else DIFF
            keys.append(key)
            values.append(dumps(document))
            times.append(row[TIME])
