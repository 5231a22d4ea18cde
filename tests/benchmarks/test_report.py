"""The report: medians and spread, ratios to the loop of the same run, words for what is not a number, and no address in it."""

from __future__ import annotations

import re
from io import StringIO

from rich.console import Console

from benchmarks.contestants import BASELINE, OURS, contestants
from benchmarks.report import Findings, Result, as_markdown, as_page, on_terminal, rows
from benchmarks.throughput import Sample


def result(name: str, *rates: float, memory: float | None = 100.0) -> Result:
    (contestant,) = (each for each in contestants() if each.name == name)
    start = Sample(1_000, 500.0, 1.0, 0.5, memory, None, ())
    samples = [Sample(101_000, rate, 3.0, 0.5, memory, 0.4, (90.0, 95.0, 100.0)) for rate in rates]
    return Result(contestant, start, samples)


FINDINGS = Findings(
    "101,000 messages",
    [result(BASELINE, 60_000, 50_000, 70_000), result(OURS, 90_000, 120_000, 75_000)],
    ["<a machine>"],
)


def test_a_row_has_median_spread_ratios_and_cpu() -> None:
    assert rows(FINDINGS)[1] == [
        OURS,
        "90.0 k (75.0 .. 120.0)",
        "1.50",
        "-",  # the tuned loop did not run
        "29.7",
        "20.0 (20.0 .. 20.0)",
        "100",
        "0.40",
    ]


def test_what_the_system_does_not_tell_is_not_made_up() -> None:
    unknown = Findings("", [result(OURS, 1.0, memory=None)], [])

    assert rows(unknown)[0][6] == "-"


def test_markdown_is_a_table_with_every_contestant() -> None:
    text = as_markdown(FINDINGS)

    assert f"| {OURS} | 90.0 k (75.0 .. 120.0) | 1.50 | - |" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    assert text.endswith("<a machine>")


def test_the_page_has_plots_promises_and_nothing_to_load() -> None:
    page = as_page(FINDINGS)

    assert page.count("<svg") == 3
    assert "effectively once" in page
    assert "&lt;a machine&gt;" in page
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', page) == []


def test_the_terminal_shows_memory_over_time_and_remarks() -> None:
    out = StringIO()

    on_terminal(Console(file=out, width=200), FINDINGS)

    assert "memory of obi run at 10 %, 50 %, 100 % of the messages: 90, 95, 100 MB" in out.getvalue()
    assert "<a machine>" in out.getvalue()
