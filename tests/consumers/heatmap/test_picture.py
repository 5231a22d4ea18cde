"""The still picture: a file of its kind, of the size that was asked for, the same for the same input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from consumers.heatmap.grid import Marks, paint
from consumers.heatmap.picture import Picture, Theme, draw
from consumers.heatmap.timeline import Seen, Timeline

NO_MARKS = Marks(np.zeros(0), np.zeros(0), np.zeros(0))


def picture() -> Picture:
    timeline = Timeline(step_ms=100, most=100, rolling=True)
    block = np.array([[[[9.0, 1.0], [8.0, 40.0]], [[10.0, 2.0], [11.0, 3.0]]]])
    timeline.take([Seen(1_723_132_800_000 + at * 100, at, at != 5, 0) for at in range(20)], block)
    grid = paint(timeline, begin_ms=1_723_132_800_000, end_ms=1_723_132_802_000, most_rows=50, most_columns=50)
    assert grid is not None
    return Picture(grid, Marks(np.array([1_723_132_800_500.0]), np.array([9.5]), np.array([2.0])), NO_MARKS, "a", "b")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_png_has_its_size_and_shows_the_quantities(tmp_path: Path, theme: Theme) -> None:
    draw(picture(), tmp_path / "a.png", theme=theme, width=640, height=360)

    pixels = imread(tmp_path / "a.png")
    assert pixels.shape[:2] == (360, 640)
    assert len(np.unique((pixels[:, :, :3] * 255).astype(np.uint8).reshape(-1, 3), axis=0)) > 20
    paper = pixels[2, 2, :3]
    assert bool(paper.mean() > 0.9) == (theme == "light")


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_equal_input_is_an_equal_file(tmp_path: Path, ending: str) -> None:
    for name in ("a", "b"):
        draw(picture(), tmp_path / f"{name}{ending}")

    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
