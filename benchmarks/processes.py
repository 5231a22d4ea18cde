"""What running processes use, as Linux tells it in /proc; None on other systems."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_MB: Final = os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_s(pid: int) -> float | None:
    """User and system time of a process so far."""
    with suppress(OSError):
        # The name in parentheses may hold anything; utime and stime are fields 14 and 15 of the line.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S
    return None


def rss_mb(pid: int) -> float | None:
    """Resident memory of a process and all below it, in MiB."""
    with suppress(OSError):
        own = int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_MB
        children = (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split()
        return own + sum(rss_mb(int(child)) or 0.0 for child in children)
    return None
