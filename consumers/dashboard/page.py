"""One open page: its plots and its view, brought up to date a few times a second while somebody looks.

Owns what is sent when: words and figures with each tick, plots as well, nothing while the viewer has paused or hidden
the page (but the sign of life), and at once what a wish changes.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from bokeh.core.templates import get_env
from bokeh.document import Document

from consumers.dashboard import told
from consumers.dashboard.history import METRICS
from consumers.dashboard.look import LOOKS, Theme
from consumers.dashboard.plots import CurvePlot, HeatPlot, time_range
from consumers.dashboard.scene import Scene
from consumers.dashboard.view import View
from consumers.heatmap.grid import Grid, Marks, large_orders, paint, trades

TICK_MS: Final = 500
FIRST_METRICS: Final = (
    "orderflow_imbalance",
    "delta_volume",
    "bid_ask_spread_pct",
    "order_book_depth_ratio",
    "large_order_presence",
    "mid_price",
)
WINDOWS_S: Final = (30, 60, 120, 300, 600)
_ROWS: Final = 140
_COLUMNS: Final = 240
_POINTS: Final = 300
_DEPTH: Final = 20
_FOLDER: Final = Path(__file__).parent


class Page:
    """The page of one session.

    Args:
        document: Of the session; the page is put into it.
        scene: What is shown.
        theme: Light or dark.
        keep_s: Longest window that there is data for.
        instrument: Shown first, if it is there.
    """

    def __init__(self, document: Document, scene: Scene, *, theme: Theme, keep_s: int, instrument: str = "") -> None:
        self._scene, self._busy = scene, False
        self.view = View(name="view", instrument=instrument, metrics=list(FIRST_METRICS))
        look, times = LOOKS[theme], time_range()
        self.heat = HeatPlot(look, times)
        self.curves = [CurvePlot(look, times, f"curve{at}") for at in range(len(FIRST_METRICS))]
        self.heat.figure.tags = [self.view]  # a model is sent when something that is shown refers to it
        for wish in ("instrument", "compared", "metrics", "window_s", "large_share", "paused", "hidden"):
            self.view.on_change(wish, self._wished)
        document.title = "obi dashboard"
        for plot in (self.heat.figure, *(curve.figure for curve in self.curves)):
            document.add_root(plot)
        text = (_FOLDER / "page.html").read_text(encoding="utf-8")
        document.template = get_env().from_string("{% extends base %}\n" + text)
        self._windows = [window for window in WINDOWS_S if window <= keep_s] or [keep_s]
        self.view.window_s = min(self._windows, key=lambda window: abs(window - 120))
        document.template_variables.update(
            theme=theme,
            css=(_FOLDER / "page.css").read_text(encoding="utf-8"),
            js=(_FOLDER / "page.js").read_text(encoding="utf-8"),
            setup={
                "columns": told.COLUMNS,
                "metrics": METRICS,
                "windows": self._windows,
                "colours": look.lines,
                "tick_ms": TICK_MS,
            },
        )
        document.add_periodic_callback(self.tick, TICK_MS)
        self._refresh()

    def tick(self) -> None:
        """Send what is new; while nobody looks, that we are there."""
        self.view.ticks += 1
        if not (self.view.paused or self.view.hidden):
            self._refresh()

    def _wished(self, _attribute: str, _old: Any, _new: Any) -> None:
        # Choosing the first instrument is a change of the same property: no wish, and the lock is held.
        if not (self.view.hidden or self._busy):
            self._refresh()

    def _refresh(self) -> None:
        view, scene = self.view, self._scene
        self._busy = True
        with scene.lock:
            view.table = told.table(scene, time.monotonic(), time.time() * 1000)
            view.events = told.events(scene.happenings)
            view.health = told.health(scene)
            if not view.instrument and view.table:
                view.instrument = view.table[0][0]
            self._draw_book()
            self._draw_curves()
        self._busy = False
        view.shown += 1

    @property
    def _window_ms(self) -> int:
        """What the page asks for, if it is one of those on offer."""
        window = self.view.window_s
        return 1000 * (window if window in self._windows else self._windows[0])

    def _draw_book(self) -> None:
        view, scene = self.view, self._scene
        timeline = scene.books.timeline(view.instrument)
        nothing = Marks.none()
        if timeline is None or not len(timeline):
            view.ladder = told.ladder(None, share=view.large_share, depth=_DEPTH)
            self.heat.show(None, nothing, nothing, nothing, [])
            return
        end_ms = max(timeline.newest_ms, scene.newest_ms(view.instrument)) + 1
        begin_ms = end_ms - self._window_ms
        grid: Grid | None = paint(timeline, begin_ms=begin_ms, end_ms=end_ms, most_rows=_ROWS, most_columns=_COLUMNS)
        columns = timeline.columns(begin_ms)
        view.ladder = told.ladder(columns[-1] if columns else None, share=view.large_share, depth=_DEPTH)
        if grid is None:
            self.heat.show(None, nothing, nothing, nothing, [])
            return
        bought, sold = trades(timeline.prints(grid.begin_ms), timeline.step_ms)
        large = large_orders(timeline, grid, view.large_share, _DEPTH)
        self.heat.show(grid, bought, sold, large, scene.happenings.clocks(view.instrument, grid.begin_ms))

    def _draw_curves(self) -> None:
        view, scene = self.view, self._scene
        names = list(dict.fromkeys([view.instrument, *view.compared])) if view.instrument else []
        since_ms = scene.newest_ms(view.instrument) + 1 - self._window_ms
        for plot, metric in zip(self.curves, view.metrics, strict=False):
            if metric in METRICS:
                plot.show([(name, *scene.curve(name, metric, since_ms, _POINTS)) for name in names])
        view.lines = names
