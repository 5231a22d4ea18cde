from __future__ import annotations

import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dataflows.counts import Counts
from dataflows.endpoint import MonitorError, served
from dataflows.monitor import Monitor

BTC = "binance-usdm:BTCUSDT"


def fetch(address: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_all_that_is_counted_can_be_read() -> None:
    counts = Counts(messages=10, records=6)
    counts.faults["not_json"] += 3
    counts.ignored["trade"] += 1
    counts.notices["id_reset"] += 2
    counts.seconds["decode"] += 0.5
    counts.evidence.quote_checks[BTC] += 7
    counts.evidence.quote_mismatches[BTC] += 0
    counts.evidence.audits[BTC] += 2
    counts.evidence.audit_match_pct[BTC] = 99.5
    monitor = Monitor(counts)
    monitor.batch(7, 700)
    monitor.batch(3, 300)
    monitor.lag(2, 55)
    with served(monitor.registry, "127.0.0.1:0") as address:
        assert address is not None
        found = fetch(address)
        counts.records += 1
        assert fetch(address)["obi_records_total", ()] == 7
    assert found["obi_messages_total", ()] == 10
    assert found["obi_read_bytes_total", ()] == 1000
    assert found["obi_records_total", ()] == 6
    assert found["obi_faults_total", (("reason", "not_json"),)] == 3
    assert found["obi_ignored_total", (("reason", "trade"),)] == 1
    assert found["obi_notices_total", (("kind", "id_reset"),)] == 2
    assert found["obi_stage_seconds_total", (("stage", "decode"),)] == 0.5
    assert found["obi_lag_messages", (("partition", "2"),)] == 55
    assert found["obi_quote_checks_total", (("instrument", BTC),)] == 7
    assert found["obi_quote_mismatches_total", (("instrument", BTC),)] == 0
    assert found["obi_audits_total", (("instrument", BTC),)] == 2
    assert found["obi_audit_match_pct", (("instrument", BTC),)] == 99.5
    assert found["obi_batch_messages_count", ()] == 2
    assert found["obi_batch_messages_sum", ()] == 10
    assert [value for (name, _), value in found.items() if name == "obi_build_info"] == [1.0]


def test_the_epoch_is_as_old_as_the_last_recovery_point(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("dataflows.monitor.time.monotonic", lambda: now)
    monitor = Monitor(Counts())
    now = 104.0
    assert monitor.registry.get_sample_value("obi_epoch_age_seconds") == 4.0
    monitor.recovery_point()
    now = 105.0
    assert monitor.registry.get_sample_value("obi_epoch_age_seconds") == 1.0


def test_a_port_that_is_taken_is_an_error_with_a_way_out() -> None:
    with (
        served(Monitor(Counts()).registry, "127.0.0.1:0") as address,
        pytest.raises(MonitorError, match=f"expected to listen on {address}.*in use.*--metrics-addr"),
    ):
        served(Monitor(Counts()).registry, address).__enter__()


def test_no_address_is_no_server() -> None:
    with served(Monitor(Counts()).registry, None) as address:
        assert address is None


def test_the_port_is_free_again_afterwards() -> None:
    with served(Monitor(Counts()).registry, "127.0.0.1:0") as first:
        pass
    with served(Monitor(Counts()).registry, first) as second:
        assert first == second


def test_a_flush_is_what_outputs_took_since_the_epoch_before() -> None:
    total_s = 3.0
    monitor = Monitor(Counts())
    monitor.flushes(lambda: total_s)
    total_s = 3.004
    monitor.epoch_pause(0.2)
    monitor.epoch_pause(0.3)
    value = monitor.registry.get_sample_value
    assert value("obi_flush_seconds_count") == 2
    assert value("obi_flush_seconds_sum") == pytest.approx(0.004)
    assert value("obi_flush_seconds_bucket", {"le": "0.005"}) == 2
    assert value("obi_flush_seconds_bucket", {"le": "0.002"}) == 1
