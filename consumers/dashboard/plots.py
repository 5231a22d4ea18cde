"""The plots of one open page: the book as a heatmap with what is drawn over it, and curves of metrics.

Owns the figures and the columns of data behind them. All share one time axis, so that zooming one zooms all; the axis
follows the newest data until somebody zooms, and again after a reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    DataRange1d,
    DatetimeTickFormatter,
    HoverTool,
    LogColorMapper,
    NumeralTickFormatter,
    VSpan,
)
from bokeh.plotting import figure

from consumers.dashboard.look import Look, ramp
from consumers.heatmap.grid import FloatArray, Grid, Marks

_TOOLS: Final = "xpan,xwheel_zoom,box_zoom,reset"
_DOT: Final = 15.0
_SOME_MS: Final = 1_735_689_600_000.0
"""Where the time axis stands before there is data."""


def time_range() -> DataRange1d:
    """The time axis that all plots share."""
    return DataRange1d(range_padding=0)


class HeatPlot:
    """The heatmap of one instrument.

    Attributes:
        figure: For the page.
        best: Times, best bids and asks, and offsets of the messages they are of.
    """

    def __init__(self, look: Look, times: DataRange1d) -> None:
        self._image = _source("image", "x", "y", "dw", "dh")
        self.best = _source("time", "bid", "ask", "offset")
        self._marks = {name: _source("time", "price", "quantity", "size") for name in ("bought", "sold", "large")}
        self._events = _source("time")
        self._colours = LogColorMapper(
            palette=ramp(look.heat), low=1, high=10, nan_color=look.unknown, low_color=look.heat[0]
        )
        self.figure = plot = _figure(look, times, "heat", height=430, tools=_TOOLS + ",ywheel_zoom")
        plot.background_fill_color = look.unknown
        plot.grid.visible = False
        plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[00000000]")
        image = plot.image("image", "x", "y", "dw", "dh", source=self._image, color_mapper=self._colours)
        plot.y_range.renderers = [image]  # a price beside it must not squeeze the book
        plot.add_tools(HoverTool(renderers=[image], tooltips=[("price", "$y{0,0.[00000000]}"), ("resting", "@image")]))
        plot.add_glyph(self._events, VSpan(x="time", line_color=look.mark, line_width=1, line_dash="dotted"))
        self._mark("bought", "took", marker="triangle", size="size", color=look.bought, fill_alpha=0.75)
        self._mark("sold", "took", marker="inverted_triangle", size="size", color=look.sold, fill_alpha=0.75)
        for side in ("ask", "bid"):
            plot.step("time", side, source=self.best, color=look.best, line_width=1.4, mode="after")
        self._mark("large", "large order", marker="circle", size=7, line_color=look.mark, fill_alpha=0, line_width=1.4)

    def _mark(self, name: str, words: str, **looks: Any) -> None:
        """Points over the book, and what they say under the pointer."""
        points = self.figure.scatter("time", "price", source=self._marks[name], **looks)
        told = [(words, "@quantity"), ("at", "@price{0,0.[00000000]}")]
        self.figure.add_tools(HoverTool(renderers=[points], tooltips=told))

    def show(self, grid: Grid | None, bought: Marks, sold: Marks, large: Marks, events: Sequence[int]) -> None:
        """Draw; no grid: an empty plot."""
        if grid is None:
            for source in (self.best, self._events, *self._marks.values()):
                source.data = {name: [] for name in source.data}
            nothing = np.full((1, 1), np.nan, np.float32)  # an axis of nothing at all would be an error in the browser
            self._image.data = {"image": [nothing], "x": [_SOME_MS], "y": [0.0], "dw": [1000.0], "dh": [1.0]}
            return
        self._colours.low, self._colours.high = grid.colour_range()
        height, width = grid.high - grid.low, grid.end_ms - grid.begin_ms
        quantity = grid.quantity.astype(np.float32)
        self._image.data = {"image": [quantity], "x": [grid.begin_ms], "y": [grid.low], "dw": [width], "dh": [height]}
        times = grid.begin_ms + grid.step_ms * np.arange(len(grid.offsets), dtype=np.float64)
        self.best.data = {
            "time": times,
            "bid": grid.best_bid,
            "ask": grid.best_ask,
            "offset": grid.offsets.astype(float),
        }
        most = max((float(m.quantities.max()) for m in (bought, sold) if len(m.quantities)), default=1.0)
        for name, marks in (("bought", bought), ("sold", sold), ("large", large)):
            self._marks[name].data = {
                "time": marks.times_ms,
                "price": marks.prices,
                "quantity": marks.quantities,
                "size": 3.0 + _DOT * np.sqrt(marks.quantities / most),
            }
        self._events.data = {"time": [float(time) for time in events if time >= grid.begin_ms]}


class CurvePlot:
    """One metric of some instruments over time."""

    def __init__(self, look: Look, times: DataRange1d, name: str) -> None:
        self._look = look
        self._source = _source("times", "values", "colour", "instrument")
        self.figure = _figure(look, times, name, height=190, tools=_TOOLS)
        self.figure.yaxis.formatter = NumeralTickFormatter(format="0,0.[000000]")
        lines = self.figure.multi_line(
            "times", "values", line_color="colour", source=self._source, line_width=1.4, line_join="bevel"
        )
        self.figure.add_tools(HoverTool(renderers=[lines], tooltips=[("", "@instrument"), ("", "$y{0,0.[00000000]}")]))

    def show(self, curves: Sequence[tuple[str, FloatArray, FloatArray]]) -> None:
        """Draw (instrument, times, values), in the order of the colours."""
        colours = self._look.lines
        if not any(len(times) for _, times, _ in curves):
            curves = [("", np.array([_SOME_MS, _SOME_MS + 1000.0]), np.array([0.0, 1.0]))]
            colours = ("#00000000",)
        self._source.data = {
            "times": [times for _, times, _ in curves],
            "values": [values for _, _, values in curves],
            "colour": [colours[at % len(colours)] for at in range(len(curves))],
            "instrument": [instrument for instrument, _, _ in curves],
        }


def _source(*names: str) -> ColumnDataSource:
    return ColumnDataSource(data={name: [] for name in names})


def _figure(look: Look, times: DataRange1d, name: str, *, height: int, tools: str) -> Any:
    plot: Any = figure(
        name=name,
        height=height,
        min_width=200,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        x_range=times,
        tools=tools,
        active_drag=None,
        active_scroll=None,
        toolbar_location="above",
        output_backend="canvas",
        lod_threshold=None,
    )
    plot.js_on_event("doubletap", CustomJS(args={"plot": plot}, code="plot.reset.emit()"))
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.toolbar_inner = True  # over the plot while the pointer is there, and no room for it else
    plot.border_fill_color = None
    plot.background_fill_color = look.plot
    plot.outline_line_color = None
    plot.min_border_left = 64
    plot.min_border_right = 10
    for axis in plot.axis:
        axis.axis_line_color = None
        axis.major_tick_line_color = look.grid
        axis.minor_tick_line_color = None
        axis.major_label_text_color = look.faint
    plot.grid.grid_line_color = look.grid
    plot.xaxis.ticker.desired_num_ticks = 4
    plot.xaxis.formatter = DatetimeTickFormatter(
        milliseconds="%H:%M:%S.%3N", seconds="%H:%M:%S", minsec="%H:%M:%S", minutes="%H:%M", hourmin="%H:%M"
    )
    plot.y_range.range_padding = 0.06 if name != "heat" else 0
    return plot
