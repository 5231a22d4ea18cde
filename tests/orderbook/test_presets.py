"""What may be configured, and how a wrong value is told."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from orderbook import PRESETS, MeasureConfig


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert MeasureConfig() == MeasureConfig(20, 5_000, 100, "swept", 0.01, {})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hft", MeasureConfig(depth_levels=10, delta_volume_window=50)),
        ("swing", MeasureConfig(depth_levels=50, delta_volume_window=200)),
        ("illiquid", MeasureConfig(large_order_threshold_pct=0.005)),
    ],
)
def test_a_preset_changes_what_it_says_and_nothing_else(name: str, expected: MeasureConfig) -> None:
    values: dict[str, Any] = dict(PRESETS[name])

    assert MeasureConfig(**values) == expected
    assert set(values) <= {field.name for field in fields(MeasureConfig)}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("depth_levels", (1, 5_000), (0, 5_001, -1)),
        ("book_levels", (20, 20_000), (19, 20_001)),
        ("delta_volume_window", (1, 100_000), (0, 100_001)),
        ("delta_estimator", ("swept", "price_gap"), ("", "Swept")),
        ("large_order_threshold_pct", (0.0, 1.0), (-0.01, 1.01, float("nan"))),
    ],
)
def test_a_value_outside_of_its_limits_is_refused_by_name(name: str, good: Any, bad: Any) -> None:
    for value in good:
        values: dict[str, Any] = {name: value}
        assert getattr(MeasureConfig(**values), name) == value
    for value in bad:
        values = {name: value}
        with pytest.raises(ValueError, match=f"{name}: expected"):
            MeasureConfig(**values)
