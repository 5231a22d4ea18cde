"""What the doctor says of the books of a running job."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dataflows.counts import Counts
from dataflows.endpoint import served
from dataflows.monitor import Monitor
from obi.checks_books import books
from obi.finding import Finding

BTC, ETH = "binance-usdm:BTCUSDT", "binance-usdm:ETHUSDT"


def looked_at(counts: Counts) -> list[Finding]:
    """What is said of a job that has counted this."""
    with served(Monitor(counts).registry, "127.0.0.1:0") as address:
        assert address is not None
        return list(books(address))


def counted(*, checks: int = 0, mismatches: int = 0, audits: int = 0, match_pct: float = 100.0) -> Counts:
    counts = Counts()
    for instrument in (BTC, ETH):
        counts.evidence.quote_checks[instrument] = 50
        counts.evidence.quote_mismatches[instrument] = 0
    counts.evidence.quote_checks[BTC] = checks
    counts.evidence.quote_mismatches[BTC] = mismatches
    if audits:
        counts.evidence.audits[BTC] = audits
        counts.evidence.audit_match_pct[BTC] = match_pct
    return counts


def test_books_that_agree_are_right() -> None:
    (finding,) = looked_at(counted(checks=1_200, audits=3))

    told = "the last of 3 audits match to 100 %, 1,250 best prices equal bookTicker"
    assert finding == ("OK", "books", told, "")


def test_a_job_without_evidence_says_so() -> None:
    (finding,) = looked_at(Counts())

    assert finding == ("OK", "books", "no full book was held against a snapshot or a bookTicker yet", "")


def test_an_audit_that_differed_is_told_with_its_instrument_and_a_cure() -> None:
    (finding,) = looked_at(counted(audits=3, match_pct=99.125))

    assert finding[:3] == ("warn", "books", f"{BTC}: 99.12 % of the levels equalled the last snapshot")
    assert "--audit-interval" in finding.do


def test_quotes_that_differ_are_told_with_their_instrument_and_a_cure() -> None:
    (finding,) = looked_at(counted(checks=1_200, mismatches=3))

    assert finding[:3] == ("warn", "books", f"{BTC}: 3 of 1,200 best prices differ from bookTicker")
    assert "snapshot" in finding.do


def test_of_many_the_first_are_told_and_the_others_counted() -> None:
    counts = Counts()
    for n in range(30):
        counts.evidence.quote_checks[f"v:{n}"] = counts.evidence.quote_mismatches[f"v:{n}"] = 1
    findings = looked_at(counts)

    assert len(findings) == 11
    assert findings[-1].found == "and 20 more like these"


def test_where_nobody_listens_that_is_said_with_what_to_do() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (finding,) = books(address)

    assert (finding.verdict, finding.what) == ("warn", "books")
    assert finding.found.startswith(f"nothing answers at {address}: Connection refused")
    assert "is obi run running" in finding.do


def test_a_listener_that_never_answers_does_not_hold_the_doctor_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obi.checks_books._PATIENCE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (finding,) = books(f":{silent.getsockname()[1]}")

    assert "timed out" in finding.found


@pytest.mark.parametrize("page", [b"<html>hello</html>", b"", b"up 1\n", b"\xff\xfe"])
def test_a_page_of_something_else_is_told_as_such(page: bytes) -> None:
    with somebody_else(page) as address:
        (finding,) = books(address)

    assert finding.verdict == "warn"
    assert finding.found == f"expected the metrics of obi run at {address}, received something else"


@contextmanager
def somebody_else(page: bytes) -> Iterator[str]:
    """A server that is not ours."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
