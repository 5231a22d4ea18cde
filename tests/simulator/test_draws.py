"""Draws are integers of stated laws, independent by purpose and by name."""

from __future__ import annotations

from itertools import islice
from statistics import median

import pytest

from simulator.draws import TABLE_SIZE, Draws, exponential, lognormal, odds, pareto, uniform


def test_a_stream_depends_on_seed_name_and_purpose_only() -> None:
    def first(seed: int, name: str, purpose: str) -> list[int]:
        return list(islice(Draws(seed, name).rolls(purpose), 5_000))

    assert first(1, "a", "x") == first(1, "a", "x")
    assert len({tuple(first(*case)) for case in [(1, "a", "x"), (2, "a", "x"), (1, "b", "x"), (1, "a", "y")]}) == 4


def test_raw_words_are_what_numpy_promises() -> None:
    # Literal numbers: a change here means that every recorded run changes.
    assert list(islice(Draws(7, "binance-spot:BTCUSDT").rolls("kind"), 6)) == [2433, 3515, 603, 3907, 2120, 2510]


def test_draws_are_plain_integers() -> None:
    assert {type(draw) for draw in islice(Draws(1, "a").rolls("x"), 10)} == {int}


def test_a_table_has_one_row_for_each_roll() -> None:
    with pytest.raises(ValueError, match="expected a table of 4096 rows, received 3"):
        Draws(1, "a").stream("x", [1, 2, 3])


@pytest.mark.parametrize(
    ("table", "middle"),
    [
        (exponential(1000.0), 693),
        (lognormal(500.0, 2.0), 500),
        (odds(80.0), 81),
        (odds(80.0, 0.8), 81),
        (odds(80.0, highest=90), 81),
        (pareto(1.3, highest=60), 1),
        (uniform(0, 99), 49.5),
    ],
)
def test_a_table_has_its_law_s_median(table: list[int], middle: float) -> None:
    assert len(table) == TABLE_SIZE
    assert median(table) == pytest.approx(middle, abs=1)
    assert table == sorted(table)


def test_the_mean_of_an_exponential_table_is_its_mean() -> None:
    assert sum(exponential(1000.0)) / TABLE_SIZE == pytest.approx(1000, rel=1e-3)


def test_caps_hold() -> None:
    assert max(odds(80.0, highest=90)) == 90
    assert max(pareto(1.3, highest=60)) == 60
