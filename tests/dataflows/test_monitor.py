"""The metrics endpoint tells what the counts hold, under the names that operators were told."""

from __future__ import annotations

import re
from urllib.request import urlopen

import pytest

from connectors.broker import BrokerError
from dataflows.counts import Counts
from dataflows.monitor import DOCUMENTED, Monitor


def _served(monitor: Monitor) -> str:
    server, thread = monitor.serve("127.0.0.1:0")
    try:
        with urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            text: str = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    return text


def test_counts_and_reports_are_served_as_they_are_at_the_moment() -> None:
    counts = Counts(messages=9, records=5)
    counts.faults["not_json"] += 2
    counts.ignored["trade"] += 2
    counts.notices["gap"] += 1
    counts.seconds["decode"] += 1.5
    monitor = Monitor(counts)
    monitor.batch(9, 900)
    monitor.lag(3, 17)

    text = _served(monitor)

    for line in (
        "obi_messages_total 9.0",
        "obi_bytes_total 900.0",
        "obi_records_total 5.0",
        'obi_faults_total{reason="not_json"} 2.0',
        'obi_ignored_total{reason="trade"} 2.0',
        'obi_notices_total{kind="gap"} 1.0',
        'obi_lag_messages{partition="3"} 17.0',
        'obi_stage_seconds_total{stage="decode"} 1.5',
        'obi_batch_messages_bucket{le="10.0"} 1.0',
    ):
        assert line in text.splitlines()
    assert re.search(r'^obi_build_info\{bytewax="0\.21\.1",.*\} 1\.0$', text, re.MULTILINE)


def test_every_documented_metric_is_served_with_its_kind_and_no_other() -> None:
    text = _served(Monitor(Counts()))

    served = dict(re.findall(r"^# TYPE (obi_\w+) (\w+)$", text, re.MULTILINE))
    assert {name: kind for name, kind, _ in DOCUMENTED} == {
        name: kind for name, kind in served.items() if not name.endswith("_created")
    }


def test_a_recovery_point_makes_the_epoch_young_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("dataflows.monitor.time.monotonic", lambda: now[0])
    monitor = Monitor(Counts())
    ages = []
    for step in (5.0, 0.0):
        now[0] += step
        ages += [
            sample.value
            for metric in monitor.collect()
            if metric.name == "obi_epoch_age_seconds"
            for sample in metric.samples
        ]
        monitor.recovery_point()

    assert ages == [5.0, 0.0]


def test_a_taken_address_is_told_with_what_to_do() -> None:
    server, thread = Monitor(Counts()).serve("127.0.0.1:0")
    try:
        with pytest.raises(BrokerError, match="choose another --metrics-addr"):
            Monitor(Counts()).serve(f"127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
