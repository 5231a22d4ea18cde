"""Owns how much of the REST interface one address may use: weights by the minute, 429 above, 418 for who goes on."""

from __future__ import annotations

from math import ceil
from typing import Final

_WARNINGS: Final = 10
_BAN_S: Final = 120.0


class Budget:
    """The weight that was used in the present minute.

    Args:
        per_minute: how much may be used.

    Attributes:
        used: in this minute, also that of refused requests.
        most: the greatest of any minute.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._minute = -1
        self._warnings = 0
        self._banned_until_s = 0.0
        self.used = 0
        self.most = 0

    def take(self, weight: int, now_s: float) -> tuple[int, int]:
        """Use some of it; (200, 0), or (429 or 418, seconds until Retry-After is over)."""
        minute = int(now_s // 60)
        if minute != self._minute:
            self._minute, self.used, self._warnings = minute, 0, 0
        if now_s < self._banned_until_s:
            return 418, ceil(self._banned_until_s - now_s)
        self.used += weight
        self.most = max(self.most, self.used)
        if self.used <= self._per_minute:
            return 200, 0
        self._warnings += 1
        if self._warnings > _WARNINGS:
            self.ban(_BAN_S, now_s)
            return 418, ceil(_BAN_S)
        return 429, max(1, ceil((minute + 1) * 60 - now_s))

    def ban(self, seconds: float, now_s: float) -> None:
        """Answer everything with 418 for a while."""
        self._banned_until_s = now_s + seconds
