"""The report as one HTML file: tables, plots and words, nothing loaded from anywhere.

Owns the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Final

from consumers.evaluation import words
from consumers.evaluation.plots import decay, rank_map
from consumers.evaluation.quality import Quality
from consumers.evaluation.report import Report
from consumers.evaluation.scores import Score

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --dim: #888; --good: #1a7f37 }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px }
div.wide { overflow-x: auto }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left }
td.good { color: var(--good); font-weight: 600 }
figure { margin: 1rem 0; background: #fff; overflow-x: auto }
svg { max-width: 100%; height: auto }
p.dim { color: var(--dim) }
"""


def page(report: Report) -> str:
    """The whole page."""
    parts = ["<h1>Do the features predict?</h1>", *_paragraphs(words.summary_lines(report)), *_paragraphs(report.notes)]
    parts.append(f'<p class="dim">{escape(words.LEGEND)}</p>')
    for quality in report.qualities:
        parts += _instrument(report, quality)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>obi evaluate</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _instrument(report: Report, quality: Quality) -> Iterator[str]:
    name = quality.instrument
    scores = [score for score in report.scores if score.instrument == name]
    fitted = [each.score for each in report.combinations if each.score.instrument == name]
    windows = [score for score in report.windows if score.instrument == name]
    yield f"<h2>{escape(name)}</h2>"
    yield from _paragraphs(words.quality_lines(quality))
    hits = [score for score in [*scores, *fitted, *windows] if score.hit_rate is not None]
    if picture := decay(hits):
        yield f"<figure>{picture}</figure>"
    yield f"<figure>{rank_map(scores)}</figure>"
    yield "<h3>Hit rate given a move, %</h3>"
    yield _grid(hits, words.hit_cell)
    yield "<h3>All tests</h3>"
    yield _table(_HEAD, map(_row, [*scores, *fitted, *windows]))
    yield "<h3>Edge against cost, basis points</h3>"
    costs = [cost for cost in report.costs if cost.instrument == name]
    head = ("feature", "horizon", "all calls", "strongest tenth", "its calls", "spread", "cost", "net", "")
    rows = (
        (cost.feature, cost.horizon, words.signed(cost.edge, 3), words.signed(cost.strongest, 3), f"{cost.strongest_calls:,}",
         f"{cost.spread_bps:.3f}", f"{cost.cost_bps:.3f}", _number(cost.net_bps, "+.3f"), "pays" if cost.pays else "not supported")
        for cost in costs
    )  # fmt: skip
    yield _table(head, rows)
    yield from _slippage(report, name)
    yield from _paragraphs(words.needs_lines(scores, quality))
    yield from _paragraphs(filter(None, [words.constant_line(scores), words.coverage_line(scores)]))


_HEAD: Final = (
    "feature", "horizon", "records", "coverage", "moved", "calls", "independent", "hit rate %", "majority %", "last move %",
    "lead", "Pearson", "Spearman", "R2", "with size", "p", "adjusted p", "verdict",
)  # fmt: skip


def _row(score: Score) -> tuple[str, ...]:
    return (
        score.feature, score.horizon, f"{score.records:,}", f"{100 * score.coverage:.0f} %", f"{100 * score.moved:.0f} %",
        f"{score.calls:,}", _number(score.effective, ",.0f"), words.percent(score.hit_rate), _share(score.majority),
        _share(score.last_move), words.signed(score.lead, 3), words.signed(score.pearson, 3), words.signed(score.spearman, 3),
        _number(score.r2, ".4f"), words.signed(score.volatility), _number(score.p, ".4f"), _number(score.q, ".4f"), score.verdict,
    )  # fmt: skip


def _slippage(report: Report, name: str) -> Iterator[str]:
    parts = [part for part in report.slippages if part.instrument == name]
    if not parts:
        return
    yield "<h3>What takers paid, basis points from the mid of the newest record before</h3>"
    head = (
        "orders by size",
        "number",
        "quantity",
        "half spread",
        "slippage",
        "of it after 5 s",
        "more than half spread",
    )
    rows = (
        (part.sizes, f"{part.orders:,}", f"{part.quantity:,.3f}", f"{part.half_spread_bps:.3f}", f"{part.slippage_bps:+.3f}",
         _number(part.realised_bps, "+.3f"), words.signed(part.difference, 3))
        for part in parts
    )  # fmt: skip
    yield _table(head, rows)


def _grid(scores: Sequence[Score], cell: Callable[[Score], str]) -> str:
    columns = words.horizons(scores)
    by_place = {(score.feature, score.horizon): cell(score) for score in scores}
    names = dict.fromkeys(score.feature for score in scores)
    rows = ((name, *(by_place.get((name, column), "-") for column in columns)) for name in names)
    return _table(("", *columns), rows)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [f"<tr>{''.join(f'<th>{escape(text)}</th>' for text in head)}</tr>"]
    lines += [f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows]
    return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _cell(text: str) -> str:
    good = text == "pays" or text.startswith("supported") or text[-1:] in words.MARKS.values()
    kind = ' class="good"' if good else ""
    return f"<td{kind}>{escape(text)}</td>"


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    return (f"<p>{escape(line.strip())}</p>" for line in lines)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _share(value: float | None) -> str:
    return _number(None if value is None else 100 * value, ".1f")
