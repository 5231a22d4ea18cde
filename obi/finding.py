"""What a check of the doctor says: a verdict, what it is about, what was found, what to do.

Owns the form of a finding; the checks that make them are in ``obi.checks`` and beside it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["OK", "warn", "FAIL"]


class Finding(NamedTuple):
    """One line of the doctor; ``do`` says what to do, where there is something."""

    verdict: Verdict
    what: str
    found: str
    do: str = ""
