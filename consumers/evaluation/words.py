"""What a report says in words: the same on the terminal and on the page.

Owns the sentences and the form of the numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from consumers.evaluation.bootstrap import Estimate
from consumers.evaluation.quality import Quality
from consumers.evaluation.report import Report
from consumers.evaluation.scores import CONSTANT, INVERSE, SUPPORTED, TOO_LITTLE, Score

MARKS: Final = {SUPPORTED: "*", INVERSE: "~"}
LEGEND: Final = (
    "* supported: above both baselines, after adjusting for all tests;  ~ the same, read the other way round;"
    "  no mark: not supported;  - too little data"
)


def percent(estimate: Estimate | None) -> str:
    """``71.6 ±4.1`` of a share, in per cent."""
    return "-" if estimate is None else f"{100 * estimate.value:.1f} ±{50 * (estimate.high - estimate.low):.1f}"


def signed(estimate: Estimate | None, digits: int = 2) -> str:
    """``+0.31 ±0.05``."""
    if estimate is None:
        return "-"
    return f"{estimate.value:+.{digits}f} ±{(estimate.high - estimate.low) / 2:.{digits}f}"


def hit_cell(score: Score) -> str:
    """Hit rate and mark."""
    return f"{percent(score.hit_rate)}{MARKS.get(score.verdict, '')}"


def rank_cell(score: Score) -> str:
    """Rank correlation; marked where it is what was tested."""
    return f"{signed(score.spearman)}{MARKS.get(score.verdict, '') if score.hit_rate is None else ''}"


def linear_cell(score: Score) -> str:
    """Pearson's correlation and, in brackets, R2 in per cent."""
    return "-" if score.r2 is None else f"{signed(score.pearson)} ({100 * score.r2:.1f})"


def coverage_line(scores: Iterable[Score]) -> str:
    """The features that are not defined in every record, least covered first, and in how many they are; nothing if all are."""
    shares = sorted({(score.coverage, score.feature) for score in scores if score.coverage < 1.0})
    told = ", ".join(f"{feature} {100 * share:.1f} %" for share, feature in shares)
    return f"coverage below 100 % of the records: {told}" if told else ""


def quality_lines(quality: Quality) -> Iterator[str]:
    """How the records came."""
    states = ", ".join(f"{name} {count:,}" for name, count in quality.states.items())
    yield (
        f"{quality.records:,} records in {quality.span_s:,.1f} s ({quality.per_second:.1f}/s), interval median"
        f" {quality.interval_median_ms:.0f} ms, p99 {quality.interval_p99_ms:.0f} ms, longest {quality.interval_max_ms:.0f} ms"
    )
    yield (
        f"silences over {quality.silence_ms:.0f} ms: {quality.silences}; records missing by seq: {quality.missing:,};"
        f" breaks of the feed: {quality.breaks}; duplicates left out: {quality.duplicates:,}; states: {states}"
    )


def needs_lines(scores: Iterable[Score], quality: Quality) -> Iterator[str]:
    """For each horizon with too little data, of which features, and how much it would take for them."""
    everything = list(scores)
    for horizon in horizons(everything):
        here = [score for score in everything if score.horizon == horizon]
        poor = [score for score in here if score.verdict == TOO_LITTLE and score.needs_s is not None]
        if poor:
            seconds = max(score.needs_s or 0.0 for score in poor)
            of_whom = "all" if len(poor) == len(here) else ", ".join(score.feature for score in poor)
            yield (
                f"too little data at {horizon} for {of_whom}: expected about {seconds:,.0f} s of records, received"
                f" {quality.span_s:,.0f} s"
            )


def constant_line(scores: Iterable[Score]) -> str | None:
    """Features that never change, and tell nothing."""
    names = list(dict.fromkeys(score.feature for score in scores if score.verdict == CONSTANT))
    return f"constant here: {', '.join(names)}" if names else None


def summary_lines(report: Report) -> Iterator[str]:
    """What the whole comes to."""
    every = [*report.scores, *(each.score for each in report.combinations), *report.windows]
    supported = [score for score in every if score.verdict in MARKS]
    level = report.question.level
    if report.question.placebo:
        yield "PLACEBO: every feature was moved in time, so that it can't predict; what is supported here is an error."
    yield (
        f"{report.tests} tests at level {level:g}, adjusted for their number (Benjamini-Hochberg): {len(supported)} supported."
        f" Intervals cover {100 * (1 - level):g} % each, by block bootstrap."
    )
    for horizon in dict.fromkeys(score.horizon for score in every):
        names = Counter(_named(score) for score in supported if score.horizon == horizon)
        if names:
            yield f"  {horizon}: {', '.join(_of(names, name, len(report.qualities)) for name in sorted(names))}"
    paying = sorted({f"{each.feature} at {each.horizon}" for each in report.costs if each.pays})
    cost = f"the spread and two taker's fees of {report.question.fee_bps:g} bps"
    yield f"edge above {cost}: {', '.join(paying) if paying else 'not supported for any'}"


def _named(score: Score) -> str:
    return f"{score.feature}{' (inverse)' if score.verdict == INVERSE else ''}"


def _of(names: Counter[str], name: str, instruments: int) -> str:
    return name if instruments == 1 else f"{name} {names[name]}/{instruments}"


def horizons(scores: Sequence[Score]) -> list[str]:
    """The horizons in their order."""
    return list(dict.fromkeys(score.horizon for score in scores))
