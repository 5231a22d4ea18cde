"""Faults: how they are written, plans of many, and what each does to messages, connections and requests."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from websockets.exceptions import ConnectionClosed

from fake_exchange import KINDS, Fault, FaultError, Options, parse_fault
from fake_exchange.disturbance import Disturbance
from fake_exchange.faults import make_fault, plan
from fake_exchange.messages import Message
from tests.fake_exchange.client import Client, document, stream, talk

MARKET = Options(venue="binance-usdm", symbols=1, seed=5)
DEPTH, TRADE = "btcusdt@depth@100ms", "btcusdt@trade"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cut", Fault("cut")),
        ("gap:btcusdt@12.5", Fault("gap", "BTCUSDT", 12.5)),
        ("silence:BTCUSDT@5/10", Fault("silence", "BTCUSDT", 5.0, 10.0)),
        ("slow/2", Fault("slow", None, 0.0, 2.0)),
        ("ban:BTCUSDT", Fault("ban", "BTCUSDT", 0.0, 3.0)),
    ],
)
def test_a_fault_is_written_in_one_word(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["", "nosuch", "gap:", "gap@x", "gap:BTC USDT", "gap@1@2"])
def test_what_is_no_fault_is_refused_with_an_example_or_the_kinds(text: str) -> None:
    with pytest.raises(FaultError, match=r"expected (kind\[:SYMBOL\]|a kind of cut, gap)"):
        parse_fault(text)


def test_a_plan_has_all_kinds_evenly_and_is_the_same_for_one_seed() -> None:
    symbols = ("A", "B", "C")
    planned = plan(50, 7, symbols, 120.0)
    kinds = Counter(fault.kind for fault in planned)

    assert planned == plan(50, 7, symbols, 120.0) != plan(50, 8, symbols, 120.0)
    assert set(kinds) == set(KINDS)
    assert set(kinds.values()) == {3, 4}
    times = [fault.at_s for fault in planned]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < 120
    assert plan(0, 7, symbols, 120.0) == []


def message(number: int, stream_name: str = "depth@100ms", symbol: str = "A") -> Message:
    return Message(number, symbol, stream_name, b'{"u":%d}' % number, b"")


def sent(fault: Fault, messages: list[Message]) -> list[int]:
    """Numbers of the messages that pass, one a second."""
    way = Disturbance(seed=1)
    way.begin(fault, 0.0)
    return [passing.time_ns for number, one in enumerate(messages) for passing in way.passed(one, float(number))]


def test_a_gap_leaves_differences_out_and_nothing_else() -> None:
    messages = [message(n, name) for n in range(0, 40, 2) for name in ("depth@100ms", "trade")]
    passed = sent(make_fault("gap", "A"), messages)

    assert 1 <= len(messages) - len(passed) <= 5
    assert passed.count(0) == 1
    assert sent(make_fault("gap", "B"), messages) == [one.time_ns for one in messages]


def test_twice_late_and_silent() -> None:
    messages = [message(n) for n in range(6)]

    assert sent(make_fault("duplicate", "A"), messages) == [0, 0, 1, 2, 3, 4, 5]
    assert sent(make_fault("reorder", "A"), messages) == [1, 0, 2, 3, 4, 5]
    assert sent(make_fault("silence", "A"), messages) == [3, 4, 5]
    assert sent(make_fault("silent_trades", seconds=2), messages) == [0, 1, 2, 3, 4, 5]
    trades = [message(n, "trade") for n in range(6)]
    assert sent(make_fault("silent_trades", seconds=2), trades) == [2, 3, 4, 5]
    assert sent(make_fault("silent_trades", "B"), trades) == [0, 1, 2, 3, 4, 5]


def inject(client: Client, text: str) -> None:
    client.served.exchange.hub.inject(parse_fault(text))


def test_a_cut_connection_ends_without_a_word_and_an_old_one_with_1001() -> None:
    async def story(client: Client, fault: str) -> int | None:
        await client.subscribe(DEPTH)
        await client.take(2)
        inject(client, fault)
        with pytest.raises(ConnectionClosed):
            await client.take(1000)
        return client.socket.close_code

    assert talk(MARKET, lambda client: story(client, "cut:BTCUSDT")) == 1006
    assert talk(MARKET, lambda client: story(client, "expiry")) == 1001


def test_a_shutdown_is_announced_on_both_kinds_of_connections() -> None:
    async def story(client: Client) -> bytes:
        await client.take(2)
        inject(client, "shutdown:BTCUSDT/0.2")
        event = await client.until(lambda frame: b"serverShutdown" in frame)
        with pytest.raises(ConnectionClosed):
            await client.take(1000)
        return event

    combined = json.loads(talk(MARKET, story, f"/stream?streams={DEPTH}"))
    bare = json.loads(talk(MARKET, story, f"/ws/{DEPTH}"))

    assert combined["stream"] == "!serverShutdown"
    assert combined["data"]["e"] == bare["e"] == "serverShutdown"


def test_garbage_is_no_json_of_a_stream() -> None:
    async def story(client: Client) -> bytes:
        await client.subscribe(DEPTH)
        await client.take(2)
        inject(client, "garbage:BTCUSDT")
        return await client.until(lambda frame: DEPTH.encode() not in frame)

    with pytest.raises(json.JSONDecodeError):
        json.loads(talk(MARKET, story))


def test_a_silent_connection_loses_and_a_slow_one_keeps() -> None:
    async def story(client: Client, fault: str) -> tuple[float, list[int], list[int]]:
        await client.subscribe(DEPTH)
        await client.take(3)
        inject(client, fault)
        await client.drain(0.05)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await client.take(5)
        documents = [document(frame) for frame in client.frames]
        return loop.time() - begun, [one["pu"] for one in documents[1:]], [one["u"] for one in documents[:-1]]

    took_s, previous, finals = talk(MARKET, lambda client: story(client, "silent_socket/0.8"))
    assert took_s > 0.7
    assert previous != finals

    took_s, previous, finals = talk(MARKET, lambda client: story(client, "slow/0.8"))
    assert 0.7 < took_s < 1.2
    assert previous == finals


@pytest.mark.parametrize(
    ("fault", "statuses", "retry_after"),
    [("rate_limit", [429, 429, 200], "1"), ("server_error", [503, 503, 200], None), ("ban/60", [418] * 3, "60")],
)
def test_requests_are_refused_for_a_while(fault: str, statuses: list[int], retry_after: str | None) -> None:
    async def story(client: Client) -> tuple[list[int], str | None]:
        inject(client, fault)
        answers = [await client.get("/fapi/v1/time") for _ in statuses]
        return [answer.status_code for answer in answers], answers[0].headers.get("Retry-After")

    assert talk(MARKET, story) == (statuses, retry_after)


def test_a_stale_snapshot_is_older_than_the_difference_after_the_gap() -> None:
    async def story(client: Client) -> tuple[int, int, int]:
        await client.subscribe(DEPTH)
        await client.take(3)
        inject(client, "stale_snapshot:BTCUSDT")
        await client.until(lambda frame: document(frame)["pu"] != document(client.frames[-2])["u"])
        query = {"symbol": "BTCUSDT", "limit": "5"}
        answers = [(await client.get("/fapi/v1/depth", **query)).json()["lastUpdateId"] for _ in range(2)]
        return answers[0], document(client.frames[-1])["U"], answers[1]

    stale, first, fresh = talk(MARKET, story)

    assert stale < first <= fresh


def test_trades_fall_silent_while_depth_goes_on() -> None:
    async def story(client: Client) -> Counter[str]:
        await client.subscribe(DEPTH, TRADE)
        await client.until(lambda frame: TRADE.encode() in frame)
        inject(client, "silent_trades/30")
        client.frames.clear()
        await client.drain(0.01)
        client.frames.clear()
        return Counter(map(stream, await client.take(15)))

    assert talk(MARKET, story) == {DEPTH: 15}


def test_planned_faults_happen_in_their_time_and_are_written_down() -> None:
    options = Options(venue="binance-usdm", symbols=1, faults=(parse_fault("gap:BTCUSDT@0.2"),), random_faults=0)

    async def story(client: Client) -> tuple[int, list[str]]:
        await client.subscribe(DEPTH)
        planned = (await client.state())["faults_planned"]
        await client.take(5)
        return planned, [row["kind"] for row in (await client.state())["faults"]]

    assert talk(options, story) == (1, ["gap"])
