"""A wait for the broker is seen and ends; the newer one of two writers goes on."""

from __future__ import annotations

import logging
import threading

import pytest

from connectors import terms
from connectors.broker import DeliveryError, SecondWriterError
from connectors.terms import Claim, Patience, Waiting


def test_a_request_to_stop_shortens_the_patience() -> None:
    stop = threading.Event()
    patience = Patience(3600.0, stop)
    assert patience.limit_s() == 3600.0
    stop.set()
    assert patience.limit_s() == terms.STOP_WAIT_S


def test_a_request_to_stop_does_not_lengthen_a_short_patience() -> None:
    stop = threading.Event()
    stop.set()
    assert Patience(1.5, stop).limit_s() == 1.5


def test_a_wait_is_seen_every_ten_seconds_and_ends_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    monkeypatch.setattr("connectors.terms.time.monotonic", lambda: now[0])
    waiting = Waiting(Patience(25.0))
    with caplog.at_level(logging.WARNING, "obi.kafka"):
        for second in range(1, 26):
            now[0] = 1000.0 + second
            waiting.go_on(f"why {second}")
    now[0] = 1026.0
    with pytest.raises(DeliveryError, match=r"within 25 s, but why 26"):
        waiting.go_on("why 26")
    assert "waiting for the broker since 11 s: why 11" in caplog.text


def test_without_anybody_to_ask_every_second_writer_ends_us() -> None:
    with pytest.raises(SecondWriterError, match=r"partition 3 of topic t, .* this job is already being run"):
        Claim().defend("t", 3)


def test_the_older_writer_ends_and_the_newer_one_is_told() -> None:
    rivals: list[int] = []
    Claim(superseded=lambda _: False, on_rival=rivals.append).defend("t", 3)
    assert rivals == [3]
    with pytest.raises(SecondWriterError):
        Claim(superseded=lambda partition: partition == 3, on_rival=rivals.append).defend("t", 3)
    assert rivals == [3]
