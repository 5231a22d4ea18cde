"""The doctor's checks one by one."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from connectors.topics import TopicFacts
from obi import checks

CREATE = "obi topics create"


def facts(*counts: int, config: dict[str, str] | None = None) -> tuple[TopicFacts, ...]:
    names = ("raw", "metrics", "faults", "checkpoints")
    return tuple(
        TopicFacts(name, exists=count > 0, offsets=dict.fromkeys(range(count), (0, 0)), config=config or {})
        for name, count in zip(names, counts, strict=True)
    )


def verdicts(*counts: int, config: dict[str, str] | None = None) -> list[tuple[str, str]]:
    return [(finding.verdict, finding.what) for finding in checks.topics(facts(*counts, config=config), CREATE)]


def test_equal_partitions_and_arrival_time_are_right() -> None:
    config = {"message.timestamp.type": "LogAppendTime"}

    assert verdicts(4, 4, 4, 4, config=config) == [("OK", "partitions"), ("OK", "raw time")]


@pytest.mark.parametrize("counts", [(4, 3, 4, 4), (4, 5, 4, 4), (4, 4, 4, 3), (4, 3, 4, 0)])
def test_unequal_partitions_fail(counts: tuple[int, ...]) -> None:
    assert verdicts(*counts)[0] == ("FAIL", "partitions")


def test_a_missing_topic_for_checkpoints_is_a_warning() -> None:
    assert verdicts(4, 4, 4, 0)[:2] == [("OK", "partitions"), ("warn", "checkpoints")]


def test_a_raw_topic_with_the_producers_time_is_a_warning_with_its_cure() -> None:
    *_, finding = checks.topics(facts(4, 4, 4, 4, config={"message.timestamp.type": "CreateTime"}), CREATE)

    assert finding.verdict == "warn"
    assert "LogAppendTime" in finding.do


def test_missing_topics_fail_with_the_line_to_type() -> None:
    (finding,) = checks.topics(facts(4, 0, 0, 0), CREATE)

    assert finding == ("FAIL", "topics", "missing: metrics, faults", f"type: {CREATE}")


def test_a_state_directory_that_is_not_there_will_be_made(tmp_path: Path) -> None:
    finding, _ = checks.state_dir(tmp_path / "a" / "b")

    assert finding.verdict == "OK"
    assert "will be made" in finding.found
    assert list(tmp_path.iterdir()) == [], "a doctor changes nothing"


def test_a_state_directory_in_use_is_told(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finding, _ = checks.state_dir(tmp_path)

    assert "a job runs on it now" in finding.found
    assert "no job runs" in next(iter(checks.state_dir(tmp_path))).found


def test_what_a_crash_left_is_told_and_left(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)  # type: ignore[no-untyped-call]
    (store,) = tmp_path.glob("*.sqlite3")
    with closing(sqlite3.connect(store)) as database:
        database.execute("INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES ('s', 'k', 7, NULL)")
        database.commit()
    before = store.read_bytes()

    assert "a crash left 1 snapshots" in next(iter(checks.state_dir(tmp_path))).found
    assert store.read_bytes() == before


def test_a_store_that_is_none_fails(tmp_path: Path) -> None:
    (tmp_path / "part-0.sqlite3").write_bytes(b"rubbish" * 1000)

    assert next(iter(checks.state_dir(tmp_path))).verdict == "FAIL"


def test_a_state_directory_that_is_a_file_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    (finding,) = checks.state_dir(path)

    assert finding.verdict == "FAIL"


def test_little_room_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_LOW_DISK_BYTES", 1 << 62)
    _, finding = checks.state_dir(tmp_path)

    assert (finding.verdict, finding.what) == ("warn", "disk")


def test_an_unknown_bytewax_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "version", lambda _name: "9.9")

    assert [finding.verdict for finding in checks.versions()] == ["OK", "FAIL"]
