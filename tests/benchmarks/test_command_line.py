"""Wrong use of the benchmarks is told before anything is started."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import chosen, parser, turns
from benchmarks.arguments import kafka_wanted
from benchmarks.contestants import BASELINE, OURS, contestants
from tests.kafka_dist import KafkaUnavailableError


def names(*arguments: str) -> list[str]:
    return [contestant.name for contestant in chosen(parser().parse_args(arguments))]


def test_all_take_part_by_default_and_shards_when_they_are_asked_for() -> None:
    assert names() == [contestant.name for contestant in contestants()]
    assert names("--shards", "2")[-1] == f"{OURS}, 2 shards"


def test_only_those_that_are_named_run() -> None:
    assert names("--only", OURS, "--only", BASELINE) == [BASELINE, OURS]


def test_full_books_are_for_loops_and_the_job() -> None:
    assert {name.split(",")[0] for name in names("--workload", "diff")} == {"loop", OURS}


@pytest.mark.parametrize("wrong", [["--only", "obi"], ["--workload", "diff", "--only", "Kafka Streams"]])
def test_a_name_that_is_none_is_told_with_those_that_are(wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match=rf'expected some of .*"{OURS}".*received'):
        names(*wrong)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_counts_are_whole_and_positive(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([f"--messages={text}"])

    assert f"expected a whole number of 1 or more, received '{text}'" in capsys.readouterr().err


def test_a_machine_without_java_is_told_so() -> None:
    with pytest.raises(SystemExit, match=r"Java 17\+ and Maven.*there is no java"), kafka_wanted():
        raise KafkaUnavailableError("there is no java")


def test_everyone_runs_once_a_round_and_none_is_always_first() -> None:
    three = list(contestants()[:3])
    order = turns(three, 3)

    assert [order[place] for place in (0, 3, 6)] == three
    assert all(sorted(order[start : start + 3], key=three.index) == three for start in (0, 3, 6))
