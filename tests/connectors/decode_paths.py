"""The ways in which a poll can be decoded; all must give the same."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from connectors.decode import Decoder
from connectors.decoded import Decoded, Group
from connectors.raw import RawBatch
from kernels import compiled

COMPILED = compiled("polls")

_BUILT = pytest.mark.skipif(COMPILED is None, reason="the kernel `polls` was not compiled, or is not wanted")

WAYS = [
    pytest.param((COMPILED, False), marks=_BUILT, id="compiled"),
    pytest.param((COMPILED, True), marks=_BUILT, id="in_columns"),
    pytest.param((None, False), id="plain"),
]

Way = tuple[ModuleType | None, bool]
"""The kernel, and whether books may be in columns."""


def decoder(way: Way, **settings: Any) -> Decoder:
    """A decoder that goes this way."""
    kernel, books_in_columns = way
    return Decoder(**settings, kernel=kernel, books_by=(lambda name: name[:4]) if books_in_columns else None)


def groups_of(decoded: Decoded, raw: RawBatch) -> list[Group]:
    """All groups with events, in the order in which their first messages arrived."""
    groups = decoded.groups + [group for books in decoded.books for group in books.groups()]
    return sorted(groups, key=lambda group: raw.find(group.partition, group.events[0].offset))
