"""The pictures of a report, as SVG text that can stand in a page.

Owns how they look: the decay of hit rates over the horizon with their intervals, and rank correlations as a map.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from consumers.evaluation.scores import Score
from consumers.evaluation.words import horizons

_SHOWN: Final = 8
"""Curves that one can still tell apart."""


def decay(scores: Sequence[Score]) -> str:
    """Hit rate by horizon, of the features that predict best at their best; empty when there is none."""
    timed = [score for score in scores if score.horizon_s is not None and score.hit_rate is not None]
    curves = {
        name: [score for score in timed if score.feature == name] for name in dict.fromkeys(s.feature for s in timed)
    }
    best = sorted(curves, key=lambda name: -max(score.lead.value for score in curves[name] if score.lead))[:_SHOWN]
    if not best:
        return ""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    for at, name in enumerate(best):
        points = [(s.horizon_s, 100 * e.value, 50 * (e.high - e.low)) for s in curves[name] if (e := s.hit_rate)]
        x, y, reach = np.array(points, np.float64).T
        axes.errorbar(x * 1.02**at, y, reach, marker="o", markersize=3, linewidth=1, capsize=2, label=name)
    for label, value, style in (("majority side", "majority", ":"), ("last move", "last_move", "--")):
        base: dict[float, float] = {}
        for score in timed:
            base[score.horizon_s or 0.0] = max(base.get(score.horizon_s or 0.0, 0.0), getattr(score, value) or 0.0)
        axes.plot(list(base), [100 * share for share in base.values()], "k" + style, linewidth=1, label=label)
    axes.set(xscale="log", xlabel="horizon, s", ylabel="hit rate given a move, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    return _svg(figure)


def rank_map(scores: Sequence[Score]) -> str:
    """Spearman's correlation of each feature and horizon; what is supported has a star."""
    columns = horizons(scores)
    names = list(dict.fromkeys(score.feature for score in scores))
    values = np.full((len(names), len(columns)), np.nan)
    figure = Figure(figsize=(8, 0.9 + 0.24 * len(names)), layout="constrained")
    axes = figure.subplots()
    for score in scores:
        row, column = names.index(score.feature), columns.index(score.horizon)
        if score.spearman is not None:
            values[row, column] = score.spearman.value
            mark = "*" if score.verdict.startswith("supported") else ""
            axes.text(column, row, f"{score.spearman.value:+.2f}{mark}", ha="center", va="center", fontsize=7)
    image = axes.imshow(values, cmap="RdBu", vmin=-0.6, vmax=0.6, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    figure.colorbar(image, label="rank correlation with the return")
    return _svg(figure)


def _svg(figure: Figure) -> str:
    """Equal figures give equal text: ids come from the content, and no date is written."""
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "obi", "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return text[text.index("<svg") :]
