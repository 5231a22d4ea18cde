"""The shell around a core: sockets, HTTP and Kafka in one loop, against a tiny exchange and the embedded broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.binance.feed_core import FeedCore
from connectors.binance.options import FeedOptions
from connectors.binance.venue import VENUES
from connectors.broker import Broker, DeliveryError
from connectors.embedded import PARTITIONS, EmbeddedBroker
from connectors.live.asking import ExchangeError
from connectors.live.feed import LiveFeed
from connectors.live.outflow import Outflow
from connectors.live.rest import Rest
from connectors.raw_topic import LIVE, RawTopicWriter, partition_of
from tests.connectors.live.tiny_exchange import TinyExchange

VENUE = VENUES["binance-usdm"]


class Fixed:
    """Symbols that change when a test says so."""

    def __init__(self, *symbols: str) -> None:
        self.symbols = symbols
        self.next: Sequence[str] | None = None
        self.asked = 0

    async def first(self) -> Sequence[str]:
        return self.symbols

    async def changed(self, *, asked: bool) -> Sequence[str] | None:
        self.asked += asked
        found, self.next = self.next, None
        return found


def trade(symbol: str, number: int) -> str:
    return f'{{"stream":"{symbol.lower()}@trade","data":{{"e":"trade","E":1,"s":"{symbol}","t":{number}}}}}'


def fed(
    embedded: EmbeddedBroker,
    test: Callable[[LiveFeed, TinyExchange], Coroutine[Any, Any, None]],
    symbols: Fixed | None = None,
    *,
    tuning: dict[str, Any] | None = None,
    give_up_after_s: float = 0.0,
    ws_url: str | None = None,
    **options: Any,
) -> LiveFeed:
    """Run a feed beside a test, and stop it when the test is done."""

    async def main() -> LiveFeed:
        out = Outflow(RawTopicWriter(Broker(embedded.bootstrap_servers), "raw", {**LIVE, **(tuning or {})}), VENUE.name)
        async with TinyExchange() as exchange, Rest() as rest:
            core = FeedCore(
                VENUE,
                FeedOptions(**{"streams": ("trade",), **options}),
                ws_url=ws_url or exchange.ws_url,
                rest_url=exchange.rest_url,
                jitter=lambda: 0.5,
            )
            feed = LiveFeed(core, out, rest, symbols or Fixed("BTCUSDT"), give_up_after_s=give_up_after_s)
            running = asyncio.ensure_future(feed.run())
            testing = asyncio.ensure_future(test(feed, exchange))
            await asyncio.wait({running, testing}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
            feed.stop()
            try:
                await running
            finally:
                testing.cancel()
            if not testing.cancelled():
                await testing
        return feed

    embedded.create("raw")
    return asyncio.run(main())


def read(embedded: EmbeddedBroker, count: int) -> list[Any]:
    consumer = Consumer({"bootstrap.servers": embedded.bootstrap_servers, "group.id": "x"})
    consumer.assign([TopicPartition("raw", partition, 0) for partition in range(PARTITIONS)])
    found: list[Any] = []
    while len(found) < count and (batch := consumer.consume(count - len(found), 5)):
        found += batch
    found += consumer.consume(100, 0.2)
    consumer.close()
    return found


async def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_messages_arrive_byte_by_byte_with_key_partition_and_receive_time(embedded: EmbeddedBroker) -> None:
    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        await exchange.until_subscribed(2)
        await exchange.send(*(trade(symbol, number) for number in range(50) for symbol in ("BTCUSDT", "ETHUSDT")))
        await until(lambda: feed.out.written >= 100)

    before_ns = time.time_ns()
    feed = fed(embedded, test, Fixed("BTCUSDT", "ETHUSDT"))
    found = read(embedded, 100)

    assert feed.out.acknowledged == len(found) == 100
    for symbol in ("BTCUSDT", "ETHUSDT"):
        key = f"binance-usdm:{symbol}".encode()
        mine = [message for message in found if message.key() == key]
        assert [message.value().decode() for message in mine] == [trade(symbol, number) for number in range(50)]
        assert {message.partition() for message in mine} == {partition_of(key, PARTITIONS)}
        times = [int(dict(message.headers())["recv_ns"]) for message in mine]
        assert times == sorted(times)
        assert before_ns < times[0] <= time.time_ns()


def test_a_frame_that_is_no_json_is_written_without_a_key_and_the_socket_stays(embedded: EmbeddedBroker) -> None:
    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        await exchange.until_subscribed(1)
        await exchange.send("{nonsense", trade("BTCUSDT", 1))
        await until(lambda: feed.out.written >= 2)
        assert len(exchange.clients) == 1

    feed = fed(embedded, test)
    found = {message.value(): message.key() for message in read(embedded, 2)}

    assert found == {b"{nonsense": None, trade("BTCUSDT", 1).encode(): b"binance-usdm:BTCUSDT"}
    assert feed.core.status.frames_bad == 1


def test_a_full_queue_slows_reading_down_and_nothing_is_dropped(embedded: EmbeddedBroker) -> None:
    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        await exchange.until_subscribed(1)
        for number in range(3000):
            await exchange.send(trade("BTCUSDT", number))
        await until(lambda: feed.out.written >= 3000)

    feed = fed(embedded, test, tuning={"queue.buffering.max.messages": 10, "linger.ms": 1})
    found = read(embedded, 3000)

    assert feed.out.pauses > 0
    assert [message.value().decode() for message in found] == [trade("BTCUSDT", number) for number in range(3000)]


def test_a_cut_connection_is_renewed(embedded: EmbeddedBroker) -> None:
    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        await exchange.until_subscribed(1)
        for client in tuple(exchange.clients):
            client.transport.abort()
        await exchange.until_subscribed(2)
        await exchange.send(trade("BTCUSDT", 7))
        await until(lambda: feed.out.written >= 1)

    fed(embedded, test)

    assert [message.value().decode() for message in read(embedded, 1)] == [trade("BTCUSDT", 7)]


def test_symbols_are_added_and_asked_for(embedded: EmbeddedBroker) -> None:
    symbols = Fixed("BTCUSDT")

    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        await exchange.until_subscribed(1)
        symbols.next = ("BTCUSDT", "ETHUSDT")
        feed.look_again()
        await until(lambda: feed.symbols == ("BTCUSDT", "ETHUSDT"))

    fed(embedded, test, symbols)

    assert symbols.asked == 1


def test_a_stop_ends_within_five_seconds_with_everything_acknowledged(embedded: EmbeddedBroker) -> None:
    stopped_s = 0.0

    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        nonlocal stopped_s
        await exchange.until_subscribed(1)
        await exchange.send(*(trade("BTCUSDT", number) for number in range(500)))
        await until(lambda: feed.out.written >= 200)
        stopped_s = time.monotonic()

    feed = fed(embedded, test)

    assert time.monotonic() - stopped_s < 5
    assert feed.out.acknowledged == feed.out.written == len(read(embedded, feed.out.written))


def test_a_broker_that_went_away_is_an_error_within_five_seconds() -> None:
    stopped_s = 0.0

    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        nonlocal stopped_s
        await exchange.until_subscribed(1)
        embedded.close()
        await exchange.send(trade("BTCUSDT", 1))
        await until(lambda: feed.out.written >= 1)
        stopped_s = time.monotonic()

    with EmbeddedBroker() as embedded, pytest.raises(DeliveryError, match="1 are left, and may be missing in raw"):
        fed(embedded, test)

    assert time.monotonic() - stopped_s < 5


def test_an_exchange_that_is_away_for_too_long_is_given_up(embedded: EmbeddedBroker) -> None:
    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ExchangeError, match=r"within 0.3 s, nothing is connected.*--give-up-after"):
        fed(embedded, test, give_up_after_s=0.3, ws_url="ws://127.0.0.1:1")


def test_an_answer_comes_back_to_the_core(embedded: EmbeddedBroker) -> None:
    async def test(feed: LiveFeed, exchange: TinyExchange) -> None:
        await until(lambda: feed.out.written >= 2)

    feed = fed(embedded, test, rest_interval_s=0.2)

    assert feed.core.status.polls >= 2
