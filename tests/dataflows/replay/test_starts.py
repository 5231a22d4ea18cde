"""Which settings a state is bound to, and which not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dataflows.job import numbers_settings
from dataflows.replay.starts import settings_differences
from dataflows.settings import Settings

SAME: tuple[Mapping[str, object], ...] = (
    {},
    {"delta_volume_window": 99},  # a window keeps its newest events
    {"delta_volume_window": 1},
    {"large_order_threshold_pct": 0.5},
    {"contract_sizes": {"A": 3.0}},
)
OTHER: tuple[Mapping[str, object], ...] = (
    {"delta_volume_window": 101},
    {"delta_estimator": "price_gap"},
    {"depth_levels": 10},
    {"depth_levels": 30},
    {"book_levels": 100},
    {"default_venue": "dex"},
    {"bare_depth": "diff"},
    {"max_levels": 10},
    {"max_message_bytes": 10},
)


def numbers(changes: Mapping[str, object]) -> dict[str, object]:
    return numbers_settings(Settings(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", SAME)
def test_a_state_serves_for_these(changes: Mapping[str, object]) -> None:
    assert settings_differences(numbers({}), numbers(changes)) == []


@pytest.mark.parametrize("changes", OTHER)
def test_a_state_is_another_one_for_these(changes: Mapping[str, object]) -> None:
    [(name, value)] = changes.items()

    assert settings_differences(numbers({}), numbers(changes)) == [(name, numbers({})[name], value)]


def test_every_setting_that_numbers_depend_on_was_thought_of() -> None:
    assert {name for changes in (*SAME, *OTHER) for name in changes} == set(numbers({}))


def test_a_setting_that_this_version_does_not_know_is_a_difference() -> None:
    assert settings_differences({**numbers({}), "smoothing": 3}, numbers({})) == [("smoothing", 3, None)]
