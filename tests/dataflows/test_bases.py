"""When levels are written: as soon as the states in between are as many bytes, and not all at once."""

from __future__ import annotations

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


def test_a_base_is_due_when_what_was_written_since_is_about_as_much() -> None:
    written = []
    for number in range(200):
        name, bases = f"binance-usdm:S{number}", Bases()
        bases.put(name, b"x" * 100_000)
        epochs = 0
        while not bases.due(name):
            bases.wrote(name, 1_000, relative=True)
            epochs += 1
        written.append(epochs)

    assert 50 <= min(written) < 60
    assert 140 < max(written) <= 151
    assert len(set(written)) > 60, "books take turns"


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
