"""What travels between one open page and its session here: what the viewer wishes, and what is told.

Owns the names on both sides: ``page.js`` finds the model by its name and reads and writes these properties.
"""

from __future__ import annotations

from typing import Any

from bokeh.core import properties as to
from bokeh.model import DataModel


class View(DataModel):
    """Wishes (written by the page) and answers (written here)."""

    instrument: Any = to.String(default="")
    compared: Any = to.List(to.String)
    metrics: Any = to.List(to.String)
    window_s: Any = to.Int(default=120)
    large_share: Any = to.Float(default=0.2)
    paused: Any = to.Bool(default=False)
    hidden: Any = to.Bool(default=False)

    table: Any = to.List(to.Any)
    ladder: Any = to.Dict(to.String, to.Any)
    events: Any = to.Dict(to.String, to.Any)
    health: Any = to.Dict(to.String, to.Any)
    lines: Any = to.List(to.Any)
    ticks: Any = to.Int(default=0)
    shown: Any = to.Int(default=0)
