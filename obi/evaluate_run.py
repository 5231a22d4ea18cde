"""An evaluation from what was typed to what is shown. Imported only when it runs: its libraries are an extra.

Owns the three forms of the answer: tables, a page, JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
from rich.console import Console

from consumers.evaluation.fields import choose
from consumers.evaluation.page import page
from consumers.evaluation.report import Question, evaluate
from obi.evaluate_inputs import Source
from obi.evaluate_view import show
from obi.screen import number, progress, stderr

__all__ = ["Source", "question", "tell"]

_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def question(
    names: str | None, horizons_s: list[float], *, level: float, fee_bps: float, seed: int, placebo: bool
) -> Question:
    """What is asked; ``names`` are features with commas between them.

    Raises:
        EvaluationError: it makes no sense.
    """
    features = choose([name.strip() for name in (names or "").split(",") if name.strip()])
    return Question(features, tuple(sorted(set(horizons_s))), level, fee_bps, seed, placebo)


def tell(source: Source, asked: Question, html: Path | None, json: Path | None) -> None:
    """Read, evaluate, and show, or write, what was found."""
    material = source.read()
    with progress("evaluating", None) as advance:
        report = evaluate(
            material.series,
            asked,
            windows=material.windows,
            executions=material.executions,
            notes=material.notes,
            on_progress=lambda done, total: advance(done, f"{number(done)} of {number(total)} tests"),
        )
    if html is not None:
        html.write_text(page(report), encoding="utf-8")
        stderr().print(f"wrote {html}", soft_wrap=True, markup=False)
    answer = orjson.dumps(report, option=_JSON)
    if json is not None and str(json) == "-":
        sys.stdout.buffer.write(answer)
        return
    if json is not None:
        json.write_bytes(answer)
    show(Console(highlight=False), report)
