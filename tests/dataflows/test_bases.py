"""When levels are written: as soon as the states in between are as many bytes, and not all at once."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.bases import LEAST_BYTES, Bases, levels_key
from dataflows.buckets import bucket_of
from dataflows.shelf import InstrumentState, Shelf

NAME = "binance-usdm:BTCUSDT"


def test_a_small_state_is_written_whole_and_a_large_one_asks_for_a_base() -> None:
    bases = Bases()
    bases.wrote(NAME, LEAST_BYTES - 1, relative=False)
    assert not bases.due(NAME)
    bases.wrote(NAME, LEAST_BYTES, relative=False)
    assert bases.due(NAME)
    assert not bases.due(NAME), "told once"


def epochs_until_due(bases: Bases, name: str, sizes: Iterable[int]) -> int:
    """In how many epochs states of these sizes are written before levels are due."""
    for number, size in enumerate(sizes, 1):
        bases.wrote(name, size, relative=True)
        if bases.due(name):
            return number
    return 0


def test_a_base_is_due_when_states_have_said_about_as_much_of_what_changed() -> None:
    """Changes of 100 bytes in each epoch: n (n - 1) / 2 * 100 bytes of them in n states."""
    written = []
    for number in range(200):
        name, bases = f"binance-usdm:S{number}", Bases()
        bases.put(name, b"x" * 20_000)
        written.append(epochs_until_due(bases, name, range(2_000, 20_000, 100)))

    assert 15 <= min(written) < 17
    assert 27 < max(written) <= 29
    assert len(set(written)) > 12, "books take turns"


def test_what_states_say_anyway_makes_no_base_due() -> None:
    bases = Bases()
    bases.put(NAME, b"x" * 20_000)
    assert not epochs_until_due(bases, NAME, [9_000] * 200)
    bases.put(NAME, b"x" * 20_000)
    assert epochs_until_due(bases, NAME, [2_000, *[9_000] * 10]) in range(3, 8), (
        "the first one behind the base says what is usual"
    )


def test_a_state_that_is_longer_than_the_levels_makes_them_due() -> None:
    """As after restarts: what the first state says may be long since the base."""
    bases = Bases()
    bases.put(NAME, b"x" * 20_000)
    assert epochs_until_due(bases, NAME, [19_000, 19_500, 20_001]) == 3


def test_the_epoch_that_writes_the_levels_is_told_once() -> None:
    bases = Bases()
    bases.ask(NAME)
    assert [bases.asked(NAME), bases.asked(NAME)] == [True, False]


def test_the_levels_come_behind_every_bucket() -> None:
    """Bytewax asks for states in the order of keys; the epoch that writes levels must know it when it asks for the bucket."""
    assert min(map(levels_key, ["0:B", "a:B", "z:B"])) > max(bucket_of(f"a:{number}") for number in range(1_000))


def test_a_relative_state_is_whole_with_its_base_behind_it() -> None:
    shelf = Shelf([InstrumentState("a:W", 0, b"whole")], Bases())
    shelf.bases.put("a:W", b"old")
    shelf.put(InstrumentState("a:R", 0, b"changes+", relative=True))
    shelf.bases.put("a:R", b"base")

    assert shelf.of_partition(0) == {"a:R": b"changes+base", "a:W": b"whole"}
    assert shelf.size_of(0) == len(b"changes+base" + b"whole")
