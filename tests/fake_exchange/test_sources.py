"""Tapes: recordings as they are and again and again, and a few simulated ones under many symbols."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from connectors.recordings import RecordingError, write_recording
from fake_exchange.markets import prepared_market, recorded_market
from fake_exchange.messages import RESTART, SNAPSHOT, Message
from fake_exchange.sources import looped, recorded, simulated
from fake_exchange.templates import Shift, Template
from simulator import simulate
from simulator.presets import instruments_of


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "usdm_sim.gz"
    events = simulate(instruments_of("binance-usdm", 2), seconds=2, seed=4)
    write_recording(path, ((event.recv_ns, event.payload) for event in events))
    return path


def data(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.data)
    return found


def test_a_recording_comes_as_it_is(recording: Path) -> None:
    events = list(simulate(instruments_of("binance-usdm", 2), seconds=2, seed=4))
    messages = list(recorded([recording], "binance-usdm"))

    assert [message.time_ns for message in messages] == [event.recv_ns for event in events]
    assert [message.payload or message.data for message in messages] == [
        event.payload
        if not event.stream.endswith(SNAPSHOT)
        else event.payload[event.payload.index(b'"data":') + 7 : -1]
        for event in events
    ]


def test_a_bare_snapshot_is_the_instruments_own(tmp_path: Path) -> None:
    lines = [(10**18, b'{"stream":"abc@depth","data":{}}'), (10**18 + 1, b'{"lastUpdateId":1,"bids":[],"asks":[]}')]
    write_recording(tmp_path / "spot_abc.gz", lines)

    assert [(one.symbol, one.stream, one.data) for one in recorded([tmp_path / "spot_abc.gz"], "binance-spot")] == [
        ("ABC", "depth", b"{}"),
        ("ABC", SNAPSHOT, b'{"lastUpdateId":1,"bids":[],"asks":[]}'),
    ]


def test_a_recording_of_another_venue_is_refused(recording: Path) -> None:
    with pytest.raises(RecordingError, match="binance-usdm"):
        next(recorded([recording], "binance-spot"))


def test_the_symbols_of_a_recording_are_known_before_it_plays(recording: Path) -> None:
    market = recorded_market([recording], "binance-usdm", loop=False)

    assert sorted(market.symbols) == ["BTCUSDT", "ETHUSDT"]
    assert market.is_recorded


def test_a_loop_goes_on_with_later_ids_and_clocks_after_a_restart(recording: Path) -> None:
    once = list(recorded([recording], "binance-usdm"))
    twice = list(islice(looped(lambda: recorded([recording], "binance-usdm")), 2 * len(once) + 2))
    first, restarts, second = twice[: len(once)], twice[len(once) : len(once) + 2], twice[len(once) + 2 :]

    assert first == once
    assert {message.symbol for message in restarts if message.stream == RESTART} == {"BTCUSDT", "ETHUSDT"}
    assert [(one.symbol, one.stream) for one in second] == [(one.symbol, one.stream) for one in once]
    assert second[0].time_ns > once[-1].time_ns
    for symbol in ("BTCUSDT", "ETHUSDT"):
        for trades in (False, True):
            ids = [
                [
                    one.id or 0
                    for one in part
                    if one.symbol == symbol and one.is_trade == trades and one.stream != SNAPSHOT
                ]
                for part in (once, second)
            ]
            assert min(ids[1]) > max(ids[0])
    for before, after in zip(once, second, strict=True):
        old, new = data(before), data(after)
        ms = (second[0].time_ns - once[0].time_ns) // 1_000_000
        assert new.get("E", 0) - old.get("E", 0) in ({ms} if "E" in old else {0})
        assert {**new, **{name: old[name] for name in old if name in "ETUutl" or name in {"pu", "lastUpdateId"}}} == old


def test_a_template_under_another_name_changes_the_name_the_clocks_and_the_ids_only() -> None:
    text = (
        b'{"e":"depthUpdate","E":1735689600123,"T":1735689600120,"s":"AB","U":5,"u":9,"pu":4,"b":[["1%","2"]],"a":[]}'
    )
    sent = Template(Message(7, "AB", "depth20@100ms", text, b"")).sent("CDE", Shift(2_000_000, 100, 0))

    assert sent.time_ns == 2_000_007
    assert sent.data == (
        b'{"e":"depthUpdate","E":1735689600125,"T":1735689600122,"s":"CDE","U":105,"u":109,"pu":104,"b":[["1%","2"]],"a":[]}'
    )
    assert sent.payload == b'{"stream":"cde@depth20@100ms","data":' + sent.data + b"}"


def test_trades_count_in_ids_of_their_own() -> None:
    text = b'{"e":"trade","E":1735689600123,"s":"AB","t":5,"p":"1","q":"2","T":1735689600123,"m":true}'
    sent = data(Template(Message(0, "AB", "trade", text, b"")).sent("AB", Shift(0, 100, 10)))

    assert (sent["t"], sent["p"], sent["E"]) == (15, "1", 1735689600123)


def test_prepared_tapes_go_under_all_names_evenly_and_with_ids_that_go_on() -> None:
    market = prepared_market("binance-usdm", 20, tapes=2, seed=1, seconds=35.0)
    messages = list(market.tape())
    depth = [message for message in messages if message.stream == "depth20@100ms"]

    assert len(market.symbols) == 20
    assert {message.symbol for message in depth} == set(market.symbols)
    assert 0.9 * 20 * 350 < len(depth) <= 20 * 350
    assert [message.time_ns for message in messages] == sorted(message.time_ns for message in messages)
    for stream in ("depth20@100ms", "trade"):
        for symbol in (market.symbols[0], market.symbols[19]):
            own = [message for message in messages if (message.symbol, message.stream) == (symbol, stream)]
            ids = [message.id or 0 for message in own]
            assert ids == sorted(set(ids))
            assert {data(message)["s"] for message in own} == {symbol}
            clocks = [data(message)["E"] for message in own]
            assert clocks == sorted(clocks)


def test_a_simulated_market_has_whole_books_and_all_streams() -> None:
    tape = simulated("binance-spot", 1, seed=2, seconds=2.0)
    messages = list(tape)
    (snapshot,) = (data(message) for message in messages if message.stream == SNAPSHOT)

    assert {message.stream for message in messages} == {
        "depth@100ms",
        "depth20@100ms",
        "trade",
        "aggTrade",
        "bookTicker",
        SNAPSHOT,
    }
    assert len(snapshot["bids"]) > 1000


def test_symbols_of_one_tape_are_never_at_the_same_place_of_it() -> None:
    market = prepared_market("binance-usdm", 20, tapes=2, seed=1, seconds=3.0)

    trades: dict[str, list[tuple[Any, ...]]] = {}
    for message in market.tape():
        if message.stream == "trade":
            told = data(message)
            trades.setdefault(message.symbol, []).append((told["p"], told["q"]))
    seconds_of_markets = [tuple(one) for one in trades.values()]
    assert len(seconds_of_markets) == len(set(seconds_of_markets)) == 20
