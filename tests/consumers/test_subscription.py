"""Rows for a loop: all of them, or a word that it was too slow."""

from __future__ import annotations

import pytest

from consumers.subscription import SlowLoopError, Subscription


def test_rows_are_fetched_once_and_in_order() -> None:
    woken: list[int] = []
    loop = Subscription(10, lambda: woken.append(1))
    loop.put([(1,), (2,)])
    loop.put([(3,)])

    assert loop.fetch() == [(1,), (2,), (3,)]
    assert loop.fetch() == []
    assert len(woken) == 2


def test_the_end_comes_after_what_waits() -> None:
    loop = Subscription(10, int)
    loop.put([(1,)])
    loop.end()
    loop.put([(2,)])

    assert loop.fetch() == [(1,)]
    assert loop.fetch() is None
    assert loop.fetch() is None


def test_an_error_is_raised_after_what_waits() -> None:
    loop = Subscription(10, int)
    loop.put([(1,)])
    loop.end(KeyError("x"))
    loop.end()

    assert loop.fetch() == [(1,)]
    with pytest.raises(KeyError):
        loop.fetch()


def test_a_loop_that_is_too_slow_is_told() -> None:
    loop = Subscription(2, int)
    loop.put([(1,), (2,)])
    loop.put([(3,)])

    with pytest.raises(SlowLoopError, match="expected the loop over the records to keep up, received: 2 records"):
        loop.fetch()
