"""Plots of the report, as SVG to be put into a page."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

import matplotlib as mpl
from matplotlib.figure import Figure

Spread = tuple[float, float, float]
"""(median, lowest, highest)."""


def bars(title: str, names: Sequence[str], spreads: Sequence[Spread]) -> str:
    """A bar for each median, with a line from the lowest to the highest; in the names' order from the top."""
    figure = Figure(figsize=(10, 0.9 + 0.38 * len(names)), layout="constrained")
    axes = figure.subplots()
    medians = [middle for middle, _, _ in spreads]
    below = [max(middle - lowest, 0.0) for middle, lowest, _ in spreads]
    above = [max(highest - middle, 0.0) for middle, _, highest in spreads]
    colours = ["#0b6e4f" if name.startswith("obi") else "#9aa5b1" for name in names]
    drawn = axes.barh(range(len(names)), medians, xerr=[below, above], color=colours, ecolor="#333", capsize=3)
    axes.bar_label(
        drawn, labels=[f"{middle:,.0f}" if middle >= 100 else f"{middle:.1f}" for middle in medians], padding=6
    )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_title(title, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    file = StringIO()
    with mpl.rc_context({"svg.hashsalt": "obi", "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return text[text.index("<svg") :]
