"""The two readers on a broker: from the end on, in the background, until they are closed."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from connectors.broker import BrokerError, TopicMissingError
from connectors.embedded import EmbeddedBroker
from consumers import features
from consumers.features import AsyncFeatureReader, FeatureReader, NewerSchemaError, SlowLoopError
from orderbook.record import SCHEMA
from tests.consumers.records import FIVE, INSTRUMENT, SYMBOL, made, write
from tests.deployment import environment

TOPIC = "depth.metrics"


@pytest.fixture
def servers(embedded: EmbeddedBroker) -> str:
    embedded.create(TOPIC)
    return embedded.bootstrap_servers


def wait_until(what: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"waited for {seconds} s"
        time.sleep(0.01)


def test_what_is_there_is_known_at_once_and_what_comes_soon(servers: str) -> None:
    write(servers, TOPIC, [made(1), made(2)])
    with FeatureReader(servers, max_age_s=60) as reader:
        assert reader.features(SYMBOL) == FIVE
        assert reader.instruments == [INSTRUMENT]

        write(servers, TOPIC, [made(3, delta_volume=7.0)])
        wait_until(lambda: (reader.features(SYMBOL) or {})["delta_volume"] == 7.0)

        assert [record.seq for record in reader.history(SYMBOL)] == [1, 2, 3]


def test_features_grow_old_when_nothing_comes(servers: str) -> None:
    write(servers, TOPIC, [made(1)])
    with FeatureReader(servers, max_age_s=0.5) as reader:
        wait_until(lambda: reader.features(SYMBOL) is None)

        assert "0.5 s are allowed" in str(reader.why_missing(SYMBOL))


def test_no_more_is_read_back_than_asked_for(servers: str) -> None:
    write(servers, TOPIC, [made(seq) for seq in range(1, 101)])
    with FeatureReader(servers, max_age_s=60, look_back=5) as reader:
        assert [record.seq for record in reader.history(SYMBOL)] == [96, 97, 98, 99, 100]


def test_a_missing_topic_is_an_error_that_says_what_to_do(servers: str) -> None:
    with pytest.raises(TopicMissingError, match="obi topics create"):
        FeatureReader(servers, "elsewhere")


def test_a_broker_that_is_away_is_an_error_in_time() -> None:
    start = time.monotonic()
    with pytest.raises(BrokerError, match=r"expected a Kafka broker at 127.0.0.1:1 within 0.5 s"):
        FeatureReader("127.0.0.1:1", start_timeout_s=0.5)

    assert time.monotonic() - start < 10


def test_an_empty_topic_is_no_error(servers: str) -> None:
    with FeatureReader(servers) as reader:
        assert reader.features(SYMBOL) is None
        assert reader.why_missing(SYMBOL) == (
            "no record of BTCUSDT has come from depth.metrics, none of any instrument"
        )


def test_what_is_no_record_is_passed_over_and_told(servers: str) -> None:
    write(servers, TOPIC, [b"no json", b"[]", b'{"seq": 1}'])
    with FeatureReader(servers) as reader:
        assert "3 messages there are no metric records" in str(reader.why_missing(SYMBOL))


def test_a_closed_reader_says_so(servers: str) -> None:
    write(servers, TOPIC, [made(1)])
    reader = FeatureReader(servers, max_age_s=0.01)
    reader.close()
    reader.close()
    time.sleep(0.02)

    assert reader.features(SYMBOL) is None
    assert str(reader.why_missing(SYMBOL)).endswith("the reader is closed")


def test_a_forgotten_reader_leaves_no_thread(servers: str) -> None:
    before = threading.active_count()
    reader = FeatureReader(servers)
    assert threading.active_count() == before + 1
    del reader
    gc.collect()

    assert threading.active_count() == before


def test_a_program_that_forgets_to_close_ends_all_the_same(servers: str) -> None:
    write(servers, TOPIC, [made(1)])
    program = (
        "import sys; from consumers.features import FeatureReader; reader = FeatureReader(sys.argv[1]); print('end')"
    )
    command = [sys.executable, "-c", program, servers]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"max_age_s": 0}, "max_age_s"),
        ({"history_size": 0}, "history_size"),
        ({"look_back": 0}, "look_back"),
        ({"features": ["imbalance"]}, "imbalance"),
        ({"kafka": {"no.such.key": "1"}}, "no.such.key"),
        ({"kafka": {"enable.auto.commit": "true"}}, "enable.auto.commit"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_opened(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        FeatureReader("127.0.0.1:1", **settings)


def test_a_loop_gets_the_newest_and_then_every_new_one(servers: str) -> None:
    write(servers, TOPIC, [made(1), made(2), made(1, symbol="ETHUSDT")])
    with FeatureReader(servers) as reader:
        loop = iter(reader)
        first = [next(loop), next(loop)]
        write(servers, TOPIC, [made(3), made(3), made(4)])
        then = [next(loop), next(loop)]

    assert [(record.symbol, record.seq) for record in first] == [("BTCUSDT", 2), ("ETHUSDT", 1)]
    assert [record.seq for record in then] == [3, 4]
    assert list(loop) == []


def test_closing_ends_the_loop_of_another_thread(servers: str) -> None:
    write(servers, TOPIC, [made(1)])
    seen: list[int] = []
    with FeatureReader(servers) as reader:
        thread = threading.Thread(target=lambda: seen.extend(record.seq for record in reader))
        thread.start()
        write(servers, TOPIC, [made(2)])
        wait_until(lambda: reader.latest(SYMBOL) is not None and reader.latest(SYMBOL).seq == 2)  # type: ignore[union-attr]
    thread.join(10)

    assert not thread.is_alive()
    assert seen == [1, 2]


def test_a_loop_that_is_too_slow_is_told_and_the_features_stay(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "LOOP_LIMIT", 10)
    write(servers, TOPIC, [made(1)])
    with FeatureReader(servers, max_age_s=60) as reader:
        loop = iter(reader)
        next(loop)
        write(servers, TOPIC, [made(seq) for seq in range(2, 50)])
        wait_until(lambda: (status := reader.status(SYMBOL)) is not None and status.seq == 49)
        with pytest.raises(SlowLoopError):
            next(loop)

        assert reader.features(SYMBOL) == FIVE
        assert next(iter(reader)).seq == 49


def test_a_newer_schema_is_an_error_in_questions_and_loops(servers: str) -> None:
    with FeatureReader(servers) as reader:
        write(servers, TOPIC, [made(1)])
        loop = iter(reader)
        assert next(loop).seq == 1
        write(servers, TOPIC, [made(2, schema=SCHEMA + 1)])
        with pytest.raises(NewerSchemaError):
            next(loop)
        with pytest.raises(NewerSchemaError):
            reader.features(SYMBOL)


def test_a_mistake_of_ours_is_an_error_everywhere(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(servers, TOPIC, [made(1)])
    with FeatureReader(servers) as reader:
        loop = iter(reader)
        next(loop)

        def break_down(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(reader._intake.instruments, "take", break_down)
        write(servers, TOPIC, [made(2)])
        with pytest.raises(ZeroDivisionError):
            next(loop)
        with pytest.raises(RuntimeError, match="broke down: ZeroDivisionError"):
            reader.features(SYMBOL)


def test_the_asyncio_twin_answers_and_loops(servers: str) -> None:
    write(servers, TOPIC, [made(1)])

    async def engine() -> list[int]:
        seen = []
        async with AsyncFeatureReader(servers, max_age_s=60) as reader:
            assert reader.features(SYMBOL) == FIVE
            async for record in reader:
                seen.append(record.seq)
                if record.seq < 3:
                    await asyncio.to_thread(write, servers, TOPIC, [made(record.seq + 1)])
                else:
                    break
        return seen

    assert asyncio.run(engine()) == [1, 2, 3]


def test_closing_ends_the_loop_of_the_asyncio_twin(servers: str) -> None:
    write(servers, TOPIC, [made(1)])

    async def engine() -> list[int]:
        reader = await AsyncFeatureReader(servers).open()
        seen = []
        async for record in reader:
            seen.append(record.seq)
            await reader.close()
        return seen

    assert asyncio.run(engine()) == [1]


def test_the_asyncio_twin_raises_what_keeps_it_from_opening(servers: str) -> None:
    async def engine() -> None:
        async with AsyncFeatureReader(servers, "elsewhere"):
            pass

    with pytest.raises(TopicMissingError):
        asyncio.run(engine())
