"""The heatmap as a still picture: PNG, SVG or PDF, drawn by matplotlib (extra ``heatmap``).

Owns how it looks on paper; what it shows is in ``consumers.heatmap.grid``.
"""

from __future__ import annotations

from datetime import timezone
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from consumers.heatmap.grid import FloatArray, Grid, Marks

Theme: TypeAlias = Literal["light", "dark"]
FORMATS: Final = (".png", ".svg", ".pdf")

_DPI: Final = 100
_DAY_MS: Final = 86_400_000.0
"""matplotlib counts days since 1970."""


class _Look(NamedTuple):
    paper: str
    unknown: str
    ink: str
    faint: str
    best: str
    bought: str
    sold: str
    colours: str


_LOOKS: Final[dict[Theme, _Look]] = {
    "light": _Look("#ffffff", "#ebebe8", "#1d1d1b", "#6e6e69", "#1d1d1b", "#0b8a4b", "#d1372c", "Blues"),
    "dark": _Look("#141417", "#26262b", "#ececea", "#9c9c96", "#f4f4f2", "#35d07f", "#ff6b5e", "mako"),
}
_DARK_RAMP: Final = ("#141417", "#122a4f", "#17508f", "#2f86c9", "#7cc4ee", "#e3f5ff")


class Picture(NamedTuple):
    """What is drawn: the grid, the trades over it by the side that took, and the words."""

    grid: Grid
    bought: Marks
    sold: Marks
    title: str
    source: str


def draw(picture: Picture, path: Path, *, theme: Theme = "light", width: int = 1280, height: int = 720) -> None:
    """Write the picture; the ending of ``path`` is one of FORMATS.

    Args:
        picture: What to draw.
        path: Where to.
        theme: Light or dark.
        width: Pixels of a PNG; with ``height`` the proportions of the others.
        height: Pixels.
    """
    look, grid = _LOOKS[theme], picture.grid
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=look.paper, layout="constrained")
    axes: Axes = figure.add_subplot()
    axes.set_facecolor(look.unknown)
    image = axes.imshow(
        np.ma.masked_invalid(np.where(grid.quantity == 0.0, grid.colour_range()[0] / 1e6, grid.quantity)),
        cmap=_colours(theme),
        norm=LogNorm(*grid.colour_range(), clip=True),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(_day(grid.begin_ms), _day(grid.end_ms), grid.low, grid.high),
    )
    _lines(axes, grid, look)
    _dots(axes, picture, look)
    _axes(axes, picture, look)
    bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03)
    bar.set_label("resting quantity, base units", color=look.faint)
    bar.ax.tick_params(colors=look.faint, which="both")
    bar.outline.set_visible(False)
    with mpl.rc_context({"svg.hashsalt": "obi"}):  # equal input, equal file
        figure.savefig(path, metadata=_no_date(path))


def _colours(theme: Theme) -> Colormap:
    if theme == "light":
        return mpl.colormaps["Blues"]
    return mpl.colors.LinearSegmentedColormap.from_list("obi-dark", _DARK_RAMP)


def _lines(axes: Axes, grid: Grid, look: _Look) -> None:
    edges = _days(grid.begin_ms + grid.step_ms * np.arange(len(grid.best_bid) + 1.0))
    for values, name in ((grid.best_ask, "best ask"), (grid.best_bid, "best bid")):
        style = "-" if name == "best ask" else (0, (3, 1))
        axes.step(
            edges,
            np.append(values, values[-1]),
            where="post",
            color=look.best,
            linewidth=1.1,
            label=name,
            linestyle=style,
        )


def _dots(axes: Axes, picture: Picture, look: _Look) -> None:
    most = max(
        (float(marks.quantities.max()) for marks in (picture.bought, picture.sold) if len(marks.times_ms)), default=1.0
    )
    for marks, colour, shape, name in (
        (picture.bought, look.bought, "^", "buyers took"),
        (picture.sold, look.sold, "v", "sellers took"),
    ):
        if len(marks.times_ms):
            sizes = 2.0 + 90.0 * np.sqrt(marks.quantities / most)  # the large ones are very large
            axes.scatter(
                _days(marks.times_ms),
                marks.prices,
                s=sizes,
                c=colour,
                marker=shape,
                alpha=0.75,
                linewidths=0,
                label=name,
            )


def _axes(axes: Axes, picture: Picture, look: _Look) -> None:
    grid = picture.grid
    axes.set_xlim(_day(grid.begin_ms), _day(grid.end_ms))
    axes.set_ylim(grid.low, grid.high)
    locator = AutoDateLocator(tz=timezone.utc)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=timezone.utc))  # type: ignore[no-untyped-call]
    axes.xaxis.get_offset_text().set_color(look.faint)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes.set_ylabel("price", color=look.faint)
    axes.set_xlabel("exchange time, UTC", color=look.faint)
    axes.tick_params(colors=look.faint)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(picture.title, loc="left", color=look.ink, fontweight="bold")
    axes.set_title(picture.source, loc="right", color=look.faint, fontsize="small")
    axes.legend(
        loc="upper left",
        ncols=4,
        fontsize="small",
        labelcolor=look.ink,
        facecolor=look.paper,
        edgecolor="none",
        framealpha=0.8,
    )


def _day(time_ms: float) -> float:
    return time_ms / _DAY_MS


def _days(times_ms: FloatArray) -> FloatArray:
    return times_ms / _DAY_MS


def _no_date(path: Path) -> dict[str, Any]:
    return {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower(), {})
