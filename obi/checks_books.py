"""The doctor's look at the books of a running job: do they agree with the exchange's snapshots and quotes?

Owns the questions to the job's own ``/metrics``, and what to do about the answers. Only looked at, nothing is changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from typing import Final, TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from dataflows.settings_model import split_address
from obi.finding import Finding
from obi.screen import number

_PATIENCE_S: Final = 2.0
_SHOWN: Final = 10
"""Instruments that are told one by one."""

Samples: TypeAlias = Mapping[str, Mapping[str, float]]
"""Values by sample name and instrument (empty where a sample has none)."""


def books(address: str) -> Iterator[Finding]:
    """How the books of the job compare whose ``metrics_addr`` this is."""
    try:
        samples = _fetch(address)
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        do = "is obi run running with this --metrics-addr? of several shards each has a port of its own, from this one on"
        yield Finding("warn", "books", f"nothing answers at {address}: {reason}", do)
        return
    if "obi_messages_total" not in samples:
        do = "give the --metrics-addr of obi run"
        yield Finding("warn", "books", f"expected the metrics of obi run at {address}, received something else", do)
        return
    wrong = [*_audits(samples), *_quotes(samples)]
    yield from wrong[:_SHOWN]
    if len(wrong) > _SHOWN:
        yield Finding("warn", "books", f"and {len(wrong) - _SHOWN} more like these", f"see http://{address}/metrics")
    if not wrong:
        yield _content(samples)


def _fetch(address: str) -> Samples:
    """All samples there are; none of a page that holds no metrics."""
    host, port = split_address(address)
    connection = HTTPConnection(host or "127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode("utf-8", "replace")
    finally:
        connection.close()
    samples: defaultdict[str, dict[str, float]] = defaultdict(dict)
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples[sample.name][sample.labels.get("instrument", "")] = sample.value
    except ValueError:  # a page of somebody else's
        return {}
    return samples


def _audits(samples: Samples) -> Iterator[Finding]:
    for instrument, match_pct in samples.get("obi_audit_match_pct", {}).items():
        if match_pct < 100.0:
            do = (
                "the levels that differed were replaced; if the next audits differ too, messages are lost or changed before"
                " the raw topic: look at the feed, and let it fetch snapshots more often (obi feed --audit-interval)"
            )
            found = f"{instrument}: {match_pct:.2f} % of the levels equalled the last snapshot"
            yield Finding("warn", "books", found, do)


def _quotes(samples: Samples) -> Iterator[Finding]:
    checks = samples.get("obi_quote_checks_total", {})
    for instrument, mismatches in samples.get("obi_quote_mismatches_total", {}).items():
        if mismatches:
            do = (
                "if the number grows, the book is wrong, or quotes are lost on a connection of their own: a snapshot in the raw"
                " topic repairs a book (restarting obi feed fetches one)"
            )
            compared = checks.get(instrument, mismatches)
            found = f"{instrument}: {number(mismatches)} of {number(compared)} best prices differ from bookTicker"
            yield Finding("warn", "books", found, do)


def _content(samples: Samples) -> Finding:
    audits, checks = (sum(samples.get(f"obi_{name}_total", {}).values()) for name in ("audits", "quote_checks"))
    if not audits and not checks:
        return Finding("OK", "books", "no full book was held against a snapshot or a bookTicker yet")
    return Finding(
        "OK",
        "books",
        f"the last of {number(audits)} audits match to 100 %, {number(checks)} best prices equal bookTicker",
    )
