"""Which partitions a process works on: a shard is every N-th partition, for good.

Owns the way from ``I/N`` to partitions and to the name that folders, logs and errors call a shard by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = re.compile(r"([0-9]{1,5})/([0-9]{1,5})")


@dataclass(frozen=True)
class Shard:
    """Shard ``index`` (from 0) of ``count``."""

    index: int = 0
    count: int = 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def folder(self) -> str:
        """Name of its folder in the state directory."""
        return f"shard-{self.index}-of-{self.count}"

    def partitions(self, total: int) -> tuple[int, ...]:
        """Its partitions of ``total``: each one whose number leaves ``index`` when divided by ``count``.

        >>> Shard(1, 2).partitions(5)
        (1, 3)
        """
        return tuple(range(self.index, total, self.count))


def parse_shard(text: str) -> Shard:
    """``I/N`` as a shard.

    Raises:
        ValueError: it is none; the message says what was expected.

    >>> parse_shard("0/4")
    Shard(index=0, count=4)
    """
    match = _TEXT.fullmatch(text.strip())
    shard = Shard(int(match[1]), int(match[2])) if match else Shard(0, 0)
    if not 0 <= shard.index < shard.count:
        raise ValueError(f"expected I/N with I from 0 to N-1, as in 0/4, received {text!r}")
    return shard
