"""The result of ``make bench`` as a table: on the terminal, as Markdown and as a page of HTML with plots.

Owns what is told of a contestant: medians with the lowest and the highest, ratios to the loop of the same run, and in words
what each promises and leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from statistics import median
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.contestants import BASELINE, TUNED, Contestant
from benchmarks.pictures import bars
from benchmarks.throughput import Sample

_HEAD: Final = (
    "",
    "messages/s",
    "x loop",
    "x tuned loop",
    "CPU us/message",
    "without start-up",
    "peak RSS MB",
    "broker, cores",
)
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --dim: #888 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top }
th:first-child, td:first-child, table.words :is(td, th) { text-align: left }
figure { margin: 1.5rem 0; background: #fff; overflow-x: auto }
svg { max-width: 100%; height: auto }
p.dim, ul.dim { color: var(--dim) }
"""


class Result(NamedTuple):
    """One contestant's runs, and the one over few messages that tells what its start costs."""

    contestant: Contestant
    start: Sample
    samples: Sequence[Sample]

    def spread(self, of: Callable[[Sample], float]) -> tuple[float, float, float]:
        """(median, lowest, highest)."""
        values = [of(sample) for sample in self.samples]
        return median(values), min(values), max(values)

    def rate(self) -> tuple[float, float, float]:
        """Messages a second."""
        return self.spread(lambda sample: sample.per_second)

    def cpu_us(self) -> tuple[float, float, float]:
        """CPU a message without start-up."""
        return self.spread(lambda sample: sample.cpu_us_beyond(self.start))

    def memory(self) -> tuple[float, float, float]:
        """Peak memory in MB; zeros where the OS does not tell."""
        return self.spread(lambda sample: sample.peak_rss_mb or 0.0)


class Findings(NamedTuple):
    """All of a run: what was compared, the results in order, and remarks (what was skipped, agreement, the machine)."""

    title: str
    results: Sequence[Result]
    remarks: Sequence[str]


def rows(findings: Findings) -> list[list[str]]:
    """The table's cells, without its head."""
    base = {name: _rate_of(findings, name) for name in (BASELINE, TUNED)}
    return [_row(result, base) for result in findings.results]


def _rate_of(findings: Findings, name: str) -> float | None:
    return next((result.rate()[0] for result in findings.results if result.contestant.name == name), None)


def _row(result: Result, base: dict[str, float | None]) -> list[str]:
    rate, lowest, highest = result.rate()
    cpu_us = result.spread(lambda sample: sample.cpu_us)[0]
    beyond, least, most = result.cpu_us()
    cores = [sample.broker_cores for sample in result.samples if sample.broker_cores is not None]
    return [
        result.contestant.name,
        f"{rate / 1000:.1f} k ({lowest / 1000:.1f} .. {highest / 1000:.1f})",
        *(f"{rate / ratio:.2f}" if (ratio := base[name]) else "-" for name in (BASELINE, TUNED)),
        f"{cpu_us:.1f}",
        f"{beyond:.1f} ({least:.1f} .. {most:.1f})",
        f"{result.memory()[0]:.0f}" if result.memory()[2] else "-",
        f"{median(cores):.2f}" if cores else "-",
    ]


def on_terminal(console: Console, findings: Findings) -> None:
    """Print the table and all remarks."""
    table = Table(title=findings.title)
    for column in _HEAD:
        table.add_column(column, justify="right" if column else "left", no_wrap=not column)
    for row in rows(findings):
        table.add_row(*row)
    console.print(table)
    for line in [*memory_lines(findings), *findings.remarks]:
        console.print(line, markup=False, highlight=False)


def memory_lines(findings: Findings) -> list[str]:
    """How each one's memory went, where the OS tells."""
    lines = []
    for result in findings.results:
        parts = [sample.rss_mb for sample in result.samples if len(sample.rss_mb) == 3]
        if parts:
            shown = ", ".join(f"{median(part):.0f}" for part in zip(*parts, strict=True))
            lines.append(f"memory of {result.contestant.name} at 10 %, 50 %, 100 % of the messages: {shown} MB")
    return lines


def as_markdown(findings: Findings) -> str:
    """The table for the README, with the medians in front and the spread behind."""
    head = ["| " + " | ".join(_HEAD) + " |", "|---" * len(_HEAD) + "|"]
    body = ["| " + " | ".join(row) + " |" for row in rows(findings)]
    return "\n".join([findings.title, "", *head, *body, "", *findings.remarks])


def as_page(findings: Findings) -> str:
    """The whole report as one file that loads nothing."""
    names = [result.contestant.name for result in findings.results]
    pictures = [
        bars("messages a second (more is better)", names, [result.rate() for result in findings.results]),
        bars("CPU us a message, without start-up (less is better)", names, [r.cpu_us() for r in findings.results]),
        bars("peak memory, MB (less is better)", names, [result.memory() for result in findings.results]),
    ]
    promises = [[r.contestant.name, r.contestant.delivery, r.contestant.differs] for r in findings.results]
    parts = [
        f"<h1>{escape(findings.title)}</h1>",
        _html_table(_HEAD, rows(findings)),
        *(f"<figure>{picture}</figure>" for picture in pictures),
        "<h2>What each of them promises, and leaves out</h2>",
        _html_table(("", "when it is killed and started again", "else"), promises, "words"),
        '<h2>Where and how</h2><ul class="dim">',
        *(f"<li>{escape(line)}</li>" for line in [*memory_lines(findings), *findings.remarks]),
        "</ul>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>make bench</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _html_table(head: Sequence[str], cells: Sequence[Sequence[str]], kind: str = "") -> str:
    def line(tag: str, row: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"

    return f'<table class="{kind}">{line("th", head)}{"".join(line("td", row) for row in cells)}</table>'
