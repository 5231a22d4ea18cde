"""The door: paths, subscriptions, limits, and REST, as a client of the real one would find them."""

from __future__ import annotations

import asyncio
import json
import time

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fake_exchange import VENUES, Options, serving
from fake_exchange.server import read_path
from tests.fake_exchange.client import Client, document, stream, talk

USDM = Options(venue="binance-usdm", symbols=2, seconds=3.0, speed=None)
SPOT = Options(venue="binance-spot", symbols=1, seconds=2.0, speed=None)
COINM = Options(venue="binance-coinm", symbols=1, seconds=2.0, speed=None)


@pytest.mark.parametrize(
    ("path", "venue", "found"),
    [
        ("/stream", "binance-spot", ("", True, ())),
        ("/stream?streams=a@depth/b@trade", "binance-coinm", ("", True, ("a@depth", "b@trade"))),
        ("/ws/a@trade/b@trade", "binance-spot", ("", False, ("a@trade", "b@trade"))),
        ("/ws", "binance-spot", ("", False, ())),
        ("/market/ws/a@aggTrade", "binance-usdm", ("/market", False, ("a@aggTrade",))),
        ("/public/stream", "binance-spot", None),
        ("/streams", "binance-usdm", None),
        ("/", "binance-usdm", None),
    ],
)
def test_paths_of_the_venues(path: str, venue: str, found: tuple[str, bool, tuple[str, ...]] | None) -> None:
    assert read_path(path, VENUES[venue]) == found


@pytest.mark.parametrize("options", [USDM, SPOT, COINM], ids=lambda options: options.venue)
def test_what_is_subscribed_to_comes_under_its_own_name_and_nothing_else(options: Options) -> None:
    symbol = "btcusd_perp" if options.venue == "binance-coinm" else "btcusdt"
    names = {f"{symbol}@{name}" for name in ("depth@100ms", "depth20@100ms", "trade", "bookTicker")}

    async def story(client: Client) -> tuple[object, list[bytes]]:
        answer = await client.subscribe(*sorted(names))
        return answer, await client.finished()

    answer, frames = talk(options, story)

    assert answer == {"result": None, "id": 1}
    assert {stream(frame) for frame in frames} == names
    assert all("lastUpdateId" in document(frame) or document(frame)["s"] == symbol.upper() for frame in frames)


def test_any_speed_of_depth_is_served_under_the_name_that_was_asked_for() -> None:
    async def story(client: Client) -> list[bytes]:
        await client.subscribe("btcusdt@depth", "btcusdt@depth20")
        return await client.finished()

    frames = talk(SPOT, story)

    assert {stream(frame) for frame in frames} == {"btcusdt@depth", "btcusdt@depth20"}


def test_without_the_combined_path_there_are_no_envelopes() -> None:
    async def story(client: Client) -> list[bytes]:
        return await client.finished()

    frames = talk(SPOT, story, "/ws/btcusdt@trade")

    assert {json.loads(frame)["e"] for frame in frames} == {"trade"}


@pytest.mark.parametrize(
    ("path", "come"),
    [
        ("/stream", {"btcusdt@depth@100ms", "btcusdt@trade"}),
        ("/public/stream", {"btcusdt@depth@100ms", "btcusdt@trade"}),
        ("/market/stream", {"btcusdt@aggTrade"}),
    ],
)
def test_a_usdm_address_delivers_its_families_and_is_silent_about_the_others(path: str, come: set[str]) -> None:
    async def story(client: Client) -> tuple[object, list[bytes]]:
        answer = await client.subscribe("btcusdt@depth@100ms", "btcusdt@trade", "btcusdt@aggTrade")
        return answer, await client.finished()

    answer, frames = talk(USDM, story, path)

    assert answer == {"result": None, "id": 1}
    assert {stream(frame) for frame in frames} == come


def test_unknown_and_upper_case_streams_are_silent_and_lists_tell_all() -> None:
    async def story(client: Client) -> tuple[object, list[bytes]]:
        await client.subscribe("btcusdt@trade", "BTCUSDT@depth", "nosuch@trade")
        listed = await client.say({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        return sorted(listed["result"]), await client.finished()

    listed, frames = talk(SPOT, story)

    assert listed == ["BTCUSDT@depth", "btcusdt@trade", "nosuch@trade"]
    assert {stream(frame) for frame in frames} == {"btcusdt@trade"}


def test_an_unsubscribed_stream_stops() -> None:
    async def story(client: Client) -> list[bytes]:
        await client.subscribe("btcusdt@depth20@100ms", "btcusdt@depth@100ms")
        await client.take(5)
        await client.say({"method": "UNSUBSCRIBE", "params": ["btcusdt@depth20@100ms"], "id": 3})
        client.frames.clear()
        return await client.take(5)

    frames = talk(Options(venue="binance-spot", symbols=1, seed=3), story)

    assert {stream(frame) for frame in frames} == {"btcusdt@depth@100ms"}


@pytest.mark.parametrize(("options", "most"), [(SPOT, 5), (USDM, 10)], ids=["spot", "usdm"])
def test_who_says_too_much_is_closed_with_1008(options: Options, most: int) -> None:
    async def story(client: Client) -> tuple[int | None, int]:
        for number in range(most + 1):
            await client.socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        with pytest.raises(ConnectionClosed):
            await client.take(most + 1)
        return client.socket.close_code, len(client.frames)

    assert talk(options, story) == (1008, most)


def test_who_connects_too_often_is_refused() -> None:
    async def run() -> int:
        async with serving(SPOT) as served:
            door = served.exchange.hub
            assert all(door.may_connect() for _ in range(300))
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://{served.address}/stream")
            return refused.value.response.status_code

    assert asyncio.run(run()) == 429


def test_the_tape_begins_when_all_wanted_streams_are_subscribed_to() -> None:
    async def story(client: Client) -> tuple[int, bytes]:
        await client.subscribe("btcusdt@depth@100ms")
        before = len(await client.drain(0.3))
        await client.subscribe("btcusdt@trade", "btcusdt@bookTicker")
        return before, await client.receive()

    before, frame = talk(Options(venue="binance-spot", symbols=1, wait_for=3), story)

    assert before == 0
    assert frame


@pytest.mark.parametrize(
    ("options", "root", "bad"),
    [(SPOT, "/api/v3", "5001"), (USDM, "/fapi/v1", "21"), (COINM, "/dapi/v1", "21")],
    ids=["spot", "usdm", "coinm"],
)
def test_rest_answers_as_the_venue_does(options: Options, root: str, bad: str) -> None:
    symbol = "BTCUSD_PERP" if options.venue == "binance-coinm" else "BTCUSDT"

    async def story(client: Client) -> list[httpx2.Response]:
        await client.subscribe(f"{symbol.lower()}@depth@100ms")
        await client.finished()
        paths: list[tuple[str, dict[str, str]]] = [
            ("ping", {}),
            ("time", {}),
            ("exchangeInfo", {}),
            ("ticker/24hr", {}),
            ("depth", {"symbol": symbol, "limit": "1000"}),
            ("depth", {"symbol": symbol, "limit": bad}),
            ("depth", {"symbol": "NOSUCH"}),
            ("depth", {}),
            ("nosuch", {}),
        ]
        return [await client.get(f"{root}/{path}", **query) for path, query in paths]

    ping, clock, info, ticker, depth, *errors = talk(options, story)

    assert ping.json() == {}
    assert clock.json()["serverTime"] > 1_700_000_000_000
    trading = [row["symbol"] for row in info.json()["symbols"] if "TRADING" in row.values()]
    assert trading == [row["symbol"] for row in ticker.json()]
    assert symbol in trading
    assert len(info.json()["symbols"]) == len(trading) + 1
    body = depth.json()
    assert len(body["bids"]) == len(body["asks"]) == 1000
    assert ("symbol" in body) == (options.venue == "binance-coinm")
    assert ("E" in body) == (options.venue != "binance-spot")
    assert [error.status_code for error in errors] == [400, 400, 400, 404]
    assert [error.json()["code"] for error in errors[:3]] == [-1130, -1121, -1102]
    rules = VENUES[options.venue]
    used = 2 + rules.info_weight + rules.tickers_weight + (rules.depth_weight(1000) or 0)
    assert depth.headers["X-MBX-USED-WEIGHT-1M"] == str(used)


def test_above_the_weight_of_a_minute_there_is_429_and_for_those_who_go_on_418() -> None:
    async def story(client: Client) -> tuple[list[int], list[int]]:
        budget = client.served.exchange.rest.budget
        budget.take(0, time.time())
        budget.used = 2400
        answers = [await client.get("/fapi/v1/ping") for _ in range(12)]
        return [answer.status_code for answer in answers], [int(answer.headers["Retry-After"]) for answer in answers]

    statuses, waits = talk(USDM, story)

    assert statuses == [429] * 10 + [418] * 2
    assert all(1 <= wait <= 60 for wait in waits[:10])
    assert waits[10:] == [120, 120]


def test_faults_by_hand_are_read_and_wrong_ones_refused() -> None:
    async def story(client: Client) -> tuple[list[int], list[str]]:
        paths = [{"spec": "gap:BTCUSDT"}, {"kind": "silence", "symbol": "btcusdt", "seconds": "2"}, {"spec": "no"}, {}]
        answers = [await client.get("/control/fault", **query) for query in paths]
        answers.append(await client.get("/control/nosuch"))
        faults = (await client.state())["faults"]
        return [answer.status_code for answer in answers], [f"{row['kind']} {row['seconds']}" for row in faults]

    assert talk(SPOT, story) == ([200, 200, 400, 400, 404], ["gap 0.0", "silence 2.0"])


def test_a_client_may_ask_for_the_end() -> None:
    async def story(client: Client) -> None:
        await client.get("/control/stop")
        await asyncio.wait_for(client.served.until_ended(), 5)

    talk(SPOT, story)


def test_clients_that_leave_in_the_middle_do_not_stop_the_market() -> None:
    options = Options(venue="binance-usdm", symbols=1, speed=5.0)

    async def story(client: Client) -> bool:
        url = f"ws://{client.served.address}/stream?streams=btcusdt@bookTicker/btcusdt@trade"
        for _ in range(30):
            async with connect(url) as leaving:
                await leaving.recv()
        return client.served.playing.done()

    assert talk(options, story) is False
