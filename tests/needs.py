"""What a test may lack on a machine, and what then happens: a loud skip, or a failure where the lack is not allowed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parent.parent
RECORDINGS = Path(os.environ.get("OBI_RECORDINGS_DIR") or ROOT.parent / "shared" / "data")
NO_KAFKA = "no real Kafka: "


def unmet(need: str, reason: str) -> NoReturn:
    """Skip; or fail when `OBI_REQUIRE_<NEED>=1` says that this machine must be able to (it is set in CI)."""
    variable = f"OBI_REQUIRE_{need}"
    if os.environ.get(variable) == "1":
        pytest.fail(f"{variable}=1, but {reason}", pytrace=False)
    pytest.skip(reason)
