"""The evaluation in the terminal: a block of tables for each instrument.

Owns the layout; the numbers and the words are ``consumers.evaluation``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumers.evaluation.report import Report
from consumers.evaluation.scores import Score
from consumers.evaluation.words import (
    LEGEND,
    MARKS,
    constant_line,
    coverage_line,
    hit_cell,
    horizons,
    linear_cell,
    needs_lines,
    quality_lines,
    rank_cell,
    signed,
    summary_lines,
)

_BEST = 8


def show(console: Console, report: Report) -> None:
    """Print the report."""
    for quality in report.qualities:
        name = quality.instrument
        scores = [score for score in report.scores if score.instrument == name]
        console.print(Text(f"\n{name}", "bold"))
        _lines(console, quality_lines(quality))
        for table in _tables(report, name, scores):
            console.print(table)
        _lines(console, needs_lines(scores, quality))
        _lines(console, filter(None, [constant_line(scores), coverage_line(scores)]))
    console.print(Text(f"\n{LEGEND}", "dim"), soft_wrap=True)
    _lines(console, report.notes)
    _lines(console, summary_lines(report))


def _lines(console: Console, lines: Iterator[str] | Sequence[str]) -> None:
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _tables(report: Report, name: str, scores: Sequence[Score]) -> Iterator[Table]:
    fitted = [each.score for each in report.combinations if each.score.instrument == name]
    windows = [score for score in report.windows if score.instrument == name]
    directed = [score for score in [*scores, *fitted, *windows] if _has_direction(score, scores)]
    yield _hits(directed)
    yield _grid("Rank correlation with the return (Spearman)", scores, rank_cell)
    yield _grid("Correlation with the return (Pearson), and R2 in %", scores, linear_cell)
    yield _grid("Rank correlation with the size of the return", scores, lambda score: signed(score.volatility))
    yield _costs(report, name)
    if any(part.instrument == name for part in report.slippages):
        yield _slippage(report, name)


def _has_direction(score: Score, scores: Sequence[Score]) -> bool:
    return any(other.hit_rate is not None for other in scores if other.feature == score.feature) or score not in scores


def _hits(scores: Sequence[Score]) -> Table:
    table = _grid("Hit rate given a move, %", scores, hit_cell)
    columns = horizons(scores)
    for name, value in (("majority side", "majority"), ("last move", "last_move")):
        told = [
            max((getattr(s, value) for s in scores if s.horizon == each and s.hit_rate), default=None)
            for each in columns
        ]
        table.add_row(name, *("-" if share is None else f"{100 * share:.1f}" for share in told), style="dim")
    effective = [[s.effective for s in scores if s.horizon == each and s.effective is not None] for each in columns]
    spans = [f"{min(each):.0f}-{max(each):.0f}" if each else "-" for each in effective]
    table.add_row("independent calls", *spans, style="dim")
    return table


def _grid(title: str, scores: Sequence[Score], cell: Callable[[Score], str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    by_place = {(score.feature, score.horizon): score for score in scores}
    columns = horizons(scores)
    for horizon in columns:
        table.add_column(horizon, justify="right")
    for feature in dict.fromkeys(score.feature for score in scores):
        row = [by_place[feature, horizon] for horizon in columns]
        table.add_row(feature, *(Text(cell(score), "bold green" if score.verdict in MARKS else "") for score in row))
    return table


def _costs(report: Report, name: str) -> Table:
    """The calls that come nearest to paying."""
    fee = report.question.fee_bps
    title = f"Edge against cost, basis points (best {_BEST}; cost = spread + 2 x {fee:g})"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    told = [cost for cost in report.costs if cost.instrument == name and cost.net_bps is not None]
    best = sorted(told, key=lambda each: -(each.net_bps or 0.0))[:_BEST]
    table.add_column("", min_width=max((len(cost.feature) for cost in best), default=0))
    for column in ("horizon", "all calls", "strongest\ntenth", "calls", "cost", "net"):
        table.add_column(column, justify="left" if column == "horizon" else "right")
    for cost in best:
        numbers = (signed(cost.edge), signed(cost.strongest), f"{cost.strongest_calls:,}", f"{cost.cost_bps:.2f}")
        table.add_row(cost.feature, cost.horizon, *numbers, f"{cost.net_bps:+.2f}{'*' if cost.pays else ''}")
    return table


def _slippage(report: Report, name: str) -> Table:
    title = "What takers paid, basis points from the mid of the newest record before (by size of the order)"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in (
        "orders",
        "number",
        "quantity",
        "half spread",
        "slippage",
        "of it after 5 s",
        "more than half spread",
    ):
        table.add_column(column, justify="left" if column == "orders" else "right")
    for part in report.slippages:
        if part.instrument == name:
            kept = "-" if part.realised_bps is None else f"{part.realised_bps:+.3f}"
            more = signed(part.difference, 3) if part.difference is not None else ""
            table.add_row(
                part.sizes,
                f"{part.orders:,}",
                f"{part.quantity:,.3f}",
                f"{part.half_spread_bps:.3f}",
                f"{part.slippage_bps:+.3f}",
                kept,
                more,
            )
    return table
