"""The innermost loops, compiled. Each has a twin in plain Python that gives the same bytes and is used where it is missing.

Owns the choice between the two: the compiled one, if it was built at the installation (a C compiler was there) and the
environment does not say ``ORDERBOOK_PURE=1``. Here are loops over numbers and text, nothing that knows a venue or a topic;
what a number means is said at its twin. Nothing here imports anything of ours.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Final

PURE: Final = os.environ.get("ORDERBOOK_PURE", "") not in {"", "0"}
"""Whether the environment wants plain Python."""

_BUILT: Final = frozenset(
    path.name.partition(".")[0] for suffix in EXTENSION_SUFFIXES for path in Path(__file__).parent.glob(f"*{suffix}")
)


def kind() -> str:
    """``compiled`` or ``plain``: which loops this process runs."""
    return "plain" if PURE or not _BUILT else "compiled"


def compiled(name: str) -> ModuleType | None:
    """The compiled module ``kernels.name``; None: it was not built, or is not wanted, or would write bytes in another order."""
    if PURE or name not in _BUILT or sys.byteorder != "little":
        return None
    return import_module(f"{__name__}.{name}")
