"""The live table of instruments, as ``watch`` and ``demo`` show it; and the same as plain lines.

Owns what is shown at which width (80 columns: the features; 100 and more: mid price and its history as well), the short
forms of numbers, and the strips.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from math import log10
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from consumers.board import Board, Line

_BARS: Final = "▁▂▃▄▅▆▇█"
_WIDE: Final = 104
_SHORT_STATES: Final = {"one_sided": "1-sided", "resyncing": "resync"}
_STATE_STYLES: Final = {
    "live": "green",
    "one_sided": "yellow",
    "empty": "yellow",
    "crossed": "red",
    "thin": "cyan",
    "resyncing": "yellow",
}
_STALE_S: Final = 5.0


class LiveTable:
    """The board as rich draws it, anew at each look.

    Args:
        board: What to show; None: only what stands above and below.

    Attributes:
        title: What stands above; read at each look.
        footer: What stands below, likewise.
        reserved: Lines of a terminal that are not for instruments.
    """

    def __init__(self, board: Board | None) -> None:
        self._board = board
        self.title: RenderableType = ""
        self.footer: RenderableType = ""
        self.reserved = 5

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw."""
        if self._board is None:
            yield Group(self.title, self.footer)
            return
        lines = self._board.lines()
        height = max(1, options.max_height - self.reserved) if options.max_height else len(lines)
        body: RenderableType = (
            table(lines[:height], options.max_width) if lines else Text("waiting for records ...", "dim")
        )
        more = Text(f"... and {len(lines) - height} more", "dim") if len(lines) > height else ""
        yield Group(*(part for part in (self.title, body, more, self.footer) if part != ""))


def table(lines: Sequence[Line], width: int) -> Table:
    """The lines as a table for a terminal of ``width`` columns."""
    wide = width >= _WIDE
    strip = 14 if wide else 9
    drawn = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold dim", collapse_padding=True)
    drawn.add_column("instrument", width=20 if wide else 13, no_wrap=True, overflow="ellipsis")
    for name, columns in (("imbal.", 6), ("delta", 8), ("spread %", 8), ("ratio", 5), ("large", 5)):
        drawn.add_column(name, width=columns, justify="right", no_wrap=True)
    if wide:
        drawn.add_column("mid price", width=11, justify="right", no_wrap=True)
    drawn.add_column("state", width=7, no_wrap=True)
    drawn.add_column("rec/s", width=5, justify="right", no_wrap=True)
    drawn.add_column("age", width=4, justify="right", no_wrap=True)
    drawn.add_column("imbalance", width=strip, no_wrap=True)
    if wide:
        drawn.add_column("mid", width=strip, no_wrap=True)
    now = time.monotonic()
    for line in lines:
        drawn.add_row(*_cells(line, now, strip, wide=wide))
    return drawn


def _cells(line: Line, now: float, strip: int, *, wide: bool) -> list[Text]:
    record = line.record
    name = line.instrument if wide else line.instrument.removeprefix("binance-")
    cells = [
        Text(name, "bold"),
        _signed(record.get("orderflow_imbalance"), "+.3f"),
        _signed(record.get("delta_volume"), None),
        Text(_spread(record.get("bid_ask_spread_pct"))),
        Text(_fixed(record.get("order_book_depth_ratio"), 2)),
        Text(_fixed(record.get("large_order_presence"), 2)),
    ]
    if wide:
        cells.append(Text(price(record.get("mid_price"))))
    age = age_s(line)
    state = str(record.get("state"))
    cells += [
        Text(_SHORT_STATES.get(state, state), _STATE_STYLES.get(state, "")),
        Text(compact(line.rate(now)), "" if line.arrivals else "dim"),
        Text(duration(age), "yellow" if age > _STALE_S else "dim"),
        Text(sparkline(list(line.imbalance)[-strip:], -1.0, 1.0), "cyan"),
    ]
    if wide:
        cells.append(Text(sparkline(list(line.mid)[-strip:]), "magenta"))
    return cells


def plain_lines(lines: Iterable[Line]) -> Iterable[str]:
    """One line an instrument, for where there is no terminal."""
    names = (
        "orderflow_imbalance",
        "delta_volume",
        "bid_ask_spread_pct",
        "order_book_depth_ratio",
        "large_order_presence",
    )
    for line in lines:
        record = line.record
        features = " ".join(f"{name}={_number(record.get(name))}" for name in names)
        yield (
            f"{line.instrument} state={record.get('state')} {features} mid_price={_number(record.get('mid_price'))}"
            f" seq={record['seq']} rate={line.rate(time.monotonic()):.1f}/s age={duration(age_s(line))}"
        )


def age_s(line: Line) -> float:
    """Seconds since the raw message of the newest record was written to Kafka."""
    return max(0.0, time.time() - line.timestamp_ms / 1000)


def sparkline(values: Sequence[float | None], low: float | None = None, high: float | None = None) -> str:
    """The values as bars; between their own extremes unless told. An undefined value is a gap.

    >>> sparkline([0.0, 0.5, None, 1.0])
    '▁▅ █'
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    bottom, top = (min(known) if low is None else low), (max(known) if high is None else high)
    scale = (len(_BARS) - 1) / (top - bottom) if top > bottom else 0.0
    middle = len(_BARS) // 2 - 1
    return "".join(
        " " if value is None else _BARS[int((value - bottom) * scale + 0.5) if scale else middle] for value in values
    )


def compact(value: float) -> str:
    """At most five characters: 0.3, 42, 1.2k, 3.4M."""
    for limit, divisor, unit in ((1e3, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M")):
        if abs(value) < limit * 0.9995:
            scaled = value / divisor
            return (
                f"{scaled:.0f}{unit}"
                if abs(scaled) >= 99.95 or (not unit and abs(scaled) >= 9.95)
                else f"{scaled:.1f}{unit}"
            )
    return f"{value:.0e}"


def duration(seconds: float) -> str:
    """At most four characters: 0.3s, 12s, 5m, 3h, 9d."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    for limit, divisor, unit in ((99.5, 1, "s"), (99.5 * 60, 60, "m"), (99.5 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f}{unit}"
    return f"{min(seconds / 86_400, 999):.0f}d"


def price(value: float | None) -> str:
    """A price with about seven digits."""
    if value is None:
        return "-"
    digits = max(0, 6 - max(0, int(log10(abs(value))) if value else 0))
    return f"{value:,.{min(digits, 6)}f}"


def _signed(value: float | None, form: str | None) -> Text:
    if value is None:
        return Text("-", "dim")
    style = "green" if value > 0 else "red" if value < 0 else "dim"
    return Text(format(value, form) if form else f"{'+' if value > 0 else ''}{_short(value)}", style)


def _short(value: float) -> str:
    size = abs(value)
    if size >= 10_000:
        return compact(value)
    return f"{value:.{3 if size < 10 else 2 if size < 1000 else 1}f}"


def _fixed(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _spread(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1e}" if 0 < value < 0.001 else f"{value:.4f}" if value < 1 else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "null" if value is None else f"{value:.8g}"
