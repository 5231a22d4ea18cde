"""What is told in words: found in records and faults, once each."""

from __future__ import annotations

from typing import Any

from consumers.dashboard.happenings import MOST, Happenings

BTC = "binance-spot:BTCUSDT"


def record(seq: int, state: str = "live", gaps: int = 0) -> dict[str, Any]:
    return {"seq": seq, "state": state, "gaps": gaps, "event_time_ms": 1000 + seq}


def told(*records: dict[str, Any]) -> Happenings:
    happenings = Happenings()
    for one in records:
        happenings.record(BTC, one, 5000 + one["seq"])
    return happenings


def lines(happenings: Happenings) -> list[tuple[str, str]]:
    return [(line.kind, line.text) for line in happenings.newest(99)]


def test_a_quiet_stream_tells_nothing() -> None:
    assert lines(told(*(record(seq) for seq in range(1, 9)))) == []


def test_a_gap_and_the_changes_of_state_are_told_newest_first() -> None:
    happenings = told(record(1), record(2, "resyncing", 1), record(3, "live", 1))

    assert lines(happenings) == [
        ("state", "resyncing -> live"),
        ("state", "live -> resyncing"),
        ("gap", "update ids broke, gap 1: the book waits for a snapshot"),
    ]
    assert happenings.gaps == 1
    assert happenings.clocks(BTC, 1003) == [1003]
    assert happenings.clocks("binance-spot:ETHUSDT", 0) == []


def test_missing_records_are_counted_and_copies_are_not_told() -> None:
    happenings = told(record(1), record(2), record(2), record(6), record(5))

    assert lines(happenings) == [("missing", "no records with seq 3 .. 5")]
    assert happenings.missing == 3


def test_records_that_start_anew_are_another_generation() -> None:
    assert [kind for kind, _ in lines(told(record(7), record(1), record(2)))] == ["restart"]


def test_a_flood_of_equal_faults_is_one_line_that_counts() -> None:
    happenings = Happenings()
    for at in range(500):
        happenings.fault(BTC, "not_json", f"detail {at}", at)
    happenings.fault(BTC, "bad_number", "x", 501)
    happenings.fault(BTC, "not_json", "detail 502", 502)

    assert [(line.text, line.count, line.time_ms) for line in happenings.newest(9)] == [
        ("not_json: detail 502", 501, 502),
        ("bad_number: x", 1, 501),
    ]
    assert happenings.faults == {"not_json": 501, "bad_number": 1}


def test_only_the_newest_lines_are_kept() -> None:
    assert len(told(*(record(seq, "live" if seq % 2 else "empty") for seq in range(1, 3 * MOST))).newest(10**6)) == MOST
