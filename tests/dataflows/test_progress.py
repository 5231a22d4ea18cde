from __future__ import annotations

import time

from structlog.testing import capture_logs

from dataflows.counts import Counts
from dataflows.monitor import Monitor
from dataflows.progress import Progress, progress_logged
from dataflows.shards import Shard


def test_a_line_has_the_totals_and_the_speed_since_the_line_before() -> None:
    now = 100.0
    counts = Counts()
    monitor = Monitor(counts)
    progress = Progress(monitor, counts, Shard(1, 2), (1, 3), lambda: now)
    counts.messages, counts.records = 40, 30
    counts.faults.update({"not_json": 3, "bad_number": 2})
    now = 104.0

    assert progress.fields() == {
        "shard": "1/2",
        "partitions": [1, 3],
        "messages": 40,
        "records": 30,
        "faults": 5,
        "per_second": 10,
        "lag": None,
    }

    counts.messages = 100
    monitor.lag(1, 7)
    monitor.lag(3, 0)
    now = 106.0
    second = progress.fields()

    assert (second["messages"], second["per_second"], second["lag"]) == (100, 30, 7)


def test_lines_come_while_the_job_runs_and_the_last_one_at_its_end() -> None:
    counts = Counts()
    with capture_logs() as logs:
        with progress_logged(Monitor(counts), counts, 0.01, Shard(), (0,)):
            while len(logs) < 3:
                time.sleep(0.005)
            counts.messages = 12
        after = len(logs)
        time.sleep(0.05)

    assert {log["event"] for log in logs} == {"progress"}
    assert (logs[0]["messages"], logs[-1]["messages"]) == (0, 12)
    assert len(logs) == after


def test_an_interval_of_0_logs_nothing() -> None:
    counts = Counts()
    with capture_logs() as logs, progress_logged(Monitor(counts), counts, 0, Shard(), (0,)):
        pass

    assert logs == []
