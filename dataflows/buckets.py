"""Which instruments share a key of the keyed step: thousands of them are 64 keys.

Owns the number of buckets, the choice of an instrument's one, and how a poll's groups become one item each. Bytewax takes
1.7 us for each key of a poll and some 20 us for each key of an epoch, whatever is behind them.

The choice is by the instrument alone, never by its partition: an instrument has one home, also where several workers share
the keys. So what arrives on a second partition meets the memory of the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from zlib import crc32

from connectors.decoded import BookGroups, Group, Lot

BUCKETS: Final = 64
"""With few of them, an epoch writes the memory of many instruments that were told nothing; each costs some 20 us an epoch."""

_REMEMBERED: Final = 32_768
"""Most answers remembered; then it starts anew."""

_LONGEST: Final = 128
"""Longer names are answered, not remembered: nothing that a sender can do may fill the memory."""


def bucket_of(instrument: str) -> str:
    """Key of an instrument's bucket: ``bucket 00`` .. ``bucket 63``."""
    return f"bucket {crc32(instrument.encode()) % BUCKETS:02d}"


class Buckets:
    """Puts groups into buckets, and remembers where instruments belong: asking is a tenth of computing."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def key(self, instrument: str) -> str:
        """See ``bucket_of``."""
        key = self.known.get(instrument)
        if key is None:
            key = bucket_of(instrument)
            if len(instrument) <= _LONGEST:
                if len(self.known) >= _REMEMBERED:
                    self.known.clear()
                self.known[instrument] = key
        return key

    def lots(self, items: Iterable[Group | BookGroups]) -> list[tuple[str, Lot]]:
        """One lot for each bucket that is met, with its groups in their order; books in columns came by ``bucket_of``."""
        known, found = self.known, defaultdict[str, list[Group | BookGroups]](list)
        for item in items:
            if isinstance(item, BookGroups):
                found[item.share].append(item)
            else:
                instrument = item.instrument
                found[known.get(instrument) or self.key(instrument)].append(item)
        return [(key, Lot(some)) for key, some in found.items()]
