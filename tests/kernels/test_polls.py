"""The kernel that reads polls: what it remembers, what it refuses, and that it keeps within its memory."""

from __future__ import annotations

import gc
import resource
import sys
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from kernels import compiled
from tests.corpus import case as base

KERNEL = compiled("polls")

pytestmark = pytest.mark.skipif(KERNEL is None, reason="the kernel `polls` was not compiled, or is not wanted")


class Book(NamedTuple):
    """A partial book's fields, under names of this test's own."""

    a: int
    b: int
    c: int | None
    d: int | None
    e: int | None
    f: int | None
    g: int


class Asked:
    """Answers that everything is a book of one instrument, and counts how often it is asked."""

    def __init__(self, kernel: ModuleType) -> None:
        self.kernel = kernel
        self.identities: list[Any] = []

    def __call__(self, identity: Any) -> tuple[str, int, type, str]:
        self.identities.append(identity)
        return "venue:SYMBOL", self.kernel.BOOK, Book, ""


@pytest.fixture
def kernel() -> ModuleType:
    assert KERNEL is not None
    return KERNEL


def read(scan: Any, values: list[bytes], keys: list[bytes] | None = None) -> tuple[list[int], list[Any]]:
    """(what was left, groups) of a poll of one partition."""
    size = len(values)
    slots = [-1] * size
    rest = scan.read(values, keys or [b"k"] * size, [None] * size, [0] * size, [*range(size)], [7] * size, slots)
    lined_up, _, _ = scan.finish(slots, [None] * size, {}, scan.names, 20, Book)
    return rest, lined_up


def test_an_identity_is_asked_for_once_in_many_polls(kernel: ModuleType) -> None:
    asked = Asked(kernel)
    scan = kernel.Scan(1000, 100, asked)

    for _ in range(3):
        read(scan, [base.PARTIAL, base.SPOT_PARTIAL, base.PARTIAL])

    assert [told for told, *_ in asked.identities] == [
        (b"k", "btcusdt@depth20@100ms", None, "BTCUSDT", None),
        (b"k", "btcusdt@depth20", None, None, None),
    ]
    assert [event for _, event, _ in asked.identities] == ["depthUpdate", None]
    assert [set(kernel.names_of(fields)) for *_, fields in asked.identities] == [
        {"e", "E", "T", "s", "U", "u", "pu", "b", "a"},
        {"lastUpdateId", "bids", "asks"},
    ]


def test_long_names_are_left_and_many_are_forgotten(kernel: ModuleType) -> None:
    asked = Asked(kernel)
    scan = kernel.Scan(1000, 100, asked)

    rest, _ = read(scan, [base.PARTIAL] * 2, [b"x" * 128, b"x" * 129])
    assert rest == [1]

    read(scan, [base.PARTIAL] * 40_000, [b"%d" % number for number in range(40_000)])
    read(scan, [base.PARTIAL], [b"x" * 128])
    assert len(asked.identities) == 1 + 40_000 + 1


def test_a_small_poll_after_a_large_one_is_read_as_ever(kernel: ModuleType) -> None:
    scan = kernel.Scan(10**9, 10**6, Asked(kernel))
    levels = b",".join(b'["%d","1"]' % price for price in range(900_000, 100_000, -1))
    large = base.envelope("btcusdt@depth20", b'{"lastUpdateId":1,"bids":[%b],"asks":[]}' % levels)
    before = read(scan, [base.PARTIAL])

    _, ((_, books, block),) = read(scan, [large] * 3)
    assert len(books) == 3
    assert block[:, 0, :2].tolist() == [[[900_000.0, 1.0], [899_999.0, 1.0]]] * 3

    assert repr(read(scan, [base.PARTIAL])) == repr(before)


def test_a_poll_that_does_not_fit_together_is_refused(kernel: ModuleType) -> None:
    scan = kernel.Scan(1000, 100, Asked(kernel))

    with pytest.raises(ValueError, match="columns of one length"):
        scan.read([b"{}"], [], [None], [0], [0], [0], [-1])
    with pytest.raises(ValueError, match="a slot and an event for each message"):
        scan.finish([0], [None], {}, [("", 0)], 20, Book)

    scan.read([base.PARTIAL], [None], [None], [0], [0], [0], [-1])
    with pytest.raises(ValueError, match="slots below the number of groups"):
        scan.finish([5], [None], {}, [("", 0)], 20, Book)


def test_events_are_plain_named_tuples(kernel: ModuleType) -> None:
    heavy = type("Heavy", (tuple,), {})  # it has a dictionary, and so another size
    scan = kernel.Scan(1000, 100, lambda _: ("venue:SYMBOL", kernel.BOOK, heavy, ""))

    with pytest.raises(TypeError, match="plain subclass of tuple"):
        read(scan, [base.PARTIAL])


def test_nothing_stays_behind(kernel: ModuleType) -> None:
    """All kinds of messages, good and bad, a hundred thousand times: memory does not grow."""
    scan = kernel.Scan(1000, 100, Asked(kernel))
    values = [case.value for case in base.BASES if case.value] + [
        base.PARTIAL[:cut] for cut in range(len(base.PARTIAL))
    ]

    def run(times: int) -> None:
        for _ in range(times):
            read(scan, values)

    run(50)
    gc.collect()
    before, blocks = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, sys.getallocatedblocks()
    run(100_000 // len(values))

    gc.collect()
    assert sys.getallocatedblocks() - blocks < 200
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_000
