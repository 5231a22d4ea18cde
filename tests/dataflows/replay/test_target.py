"""Where a replay may write, before any broker is asked."""

from __future__ import annotations

from dataflows.replay.target import refuse_target
from dataflows.settings import Settings


def test_another_topic_than_the_jobs_may_be_written_to() -> None:
    settings = Settings(metrics_topic="mine")

    assert refuse_target(settings, "exp.w200") == refuse_target(settings, "depth.metrics") == []
    assert [bool(refuse_target(settings, topic)) for topic in ("depth.raw", "mine", "mine.checkpoints")] == [True] * 3


def test_what_kafka_takes_for_no_name_is_refused() -> None:
    for topic in ("", "..", "a b", "x" * 250):
        [problem] = refuse_target(Settings(), topic)
        assert problem.endswith(f"of the characters a-z A-Z 0-9 . _ -, received {topic!r}")
