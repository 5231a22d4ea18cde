"""The ways in which a poll can be decoded; all must give the same."""

from __future__ import annotations

from types import ModuleType

import pytest

from kernels import compiled

COMPILED = compiled("polls")

KERNELS = [
    pytest.param(
        COMPILED,
        marks=pytest.mark.skipif(COMPILED is None, reason="the kernel `polls` was not compiled, or is not wanted"),
        id="compiled",
    ),
    pytest.param(None, id="columns"),
]
"""Values of `Decoder(kernel=...)`."""

Kernel = ModuleType | None
