"""Which symbols are fed, and what a wrong list does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from connectors.binance.venue import VENUES
from connectors.live.asking import ExchangeError, ask
from connectors.live.rest import Rest
from connectors.live.roster import Roster, RosterError
from connectors.live.symbols_file import SymbolsFile
from tests.connectors.live.tiny_exchange import SYMBOLS, TinyExchange

VENUE = VENUES["binance-usdm"]
INFO = VENUE.exchange_info_path
T = TypeVar("T")


def with_exchange(test: Callable[[TinyExchange, Rest], Awaitable[T]]) -> T:
    async def main() -> T:
        async with TinyExchange() as exchange, Rest() as rest:
            return await test(exchange, rest)

    return asyncio.run(main())


def test_named_filed_and_busiest_symbols_are_fed_each_once(tmp_path: Path) -> None:
    file = tmp_path / "symbols"
    file.write_text("ethusdt\nXRPUSDT")

    async def test(exchange: TinyExchange, rest: Rest) -> tuple[str, ...]:
        roster = Roster(VENUE, exchange.rest_url, rest, named=("XRPUSDT",), file=SymbolsFile(file), top=2)
        return await roster.first()

    assert with_exchange(test) == ("XRPUSDT", "ETHUSDT", "BTCUSDT")


def test_all_unknown_symbols_are_told_with_near_ones(tmp_path: Path) -> None:
    async def test(exchange: TinyExchange, rest: Rest) -> None:
        file = SymbolsFile(tmp_path / "none")
        await Roster(VENUE, exchange.rest_url, rest, named=("BTCUSTD", "ETHUSDT", "NOPE"), file=file).first()

    with pytest.raises(RosterError) as caught:
        with_exchange(test)

    first, second, third = caught.value.problems
    assert first == f"--symbols-file {tmp_path / 'none'}: expected a readable file, received No such file or directory"
    assert "'BTCUSTD'" in second
    assert "BTCUSDT" in second.partition("'BTCUSTD'")[2]
    assert "'NOPE'" in third


def test_a_changed_file_changes_the_set_and_a_bad_one_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "symbols"
    path.write_text("BTCUSDT")
    changes: list[object] = []

    async def test(exchange: TinyExchange, rest: Rest) -> None:
        roster = Roster(VENUE, exchange.rest_url, rest, file=SymbolsFile(path))
        changes.append(await roster.first())
        changes.append(await roster.changed(asked=False))
        for text in ("BTCUSDT, ETHUSDT", "BTCUSDT, ETHUSTD", "BTC/USDT", "ETHUSDT BTCUSDT # same", "SOLUSDT"):
            path.write_text(text)
            changes.append(await roster.changed(asked=False))
        path.unlink()
        changes.append(await roster.changed(asked=True))
        exchange.symbols.append("NEWUSDT")
        path.write_text("NEWUSDT")
        changes.append(await roster.changed(asked=False))

    with caplog.at_level(logging.INFO):
        with_exchange(test)

    assert changes == [
        ("BTCUSDT",),
        None,
        ("BTCUSDT", "ETHUSDT"),
        None,
        None,
        None,
        ("SOLUSDT",),
        None,
        ("NEWUSDT",),
    ]
    kept = [record for record in caplog.records if record.getMessage() == "symbols kept as they were"]
    assert [record.levelname for record in kept] == ["WARNING"] * 3


def test_without_a_file_nothing_changes() -> None:
    async def test(exchange: TinyExchange, rest: Rest) -> object:
        roster = Roster(VENUE, exchange.rest_url, rest, named=SYMBOLS)
        await roster.first()
        return await roster.changed(asked=True)

    assert with_exchange(test) is None


def test_the_exchange_is_asked_until_it_answers_and_that_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    async def test(exchange: TinyExchange, rest: Rest) -> bytes:
        exchange.answers["/x"] = [(503, {}, b"busy"), (429, {"Retry-After": "0"}, b""), (200, {}, b"good")]
        return await ask(rest, f"{exchange.rest_url}/x", 0.0)

    with caplog.at_level(logging.WARNING):
        assert with_exchange(test) == b"good"

    reasons = [
        record.__dict__["reason"] for record in caplog.records if record.getMessage() == "waiting for the exchange"
    ]
    assert reasons == ["HTTP 503 busy", "HTTP 429 Too Many Requests"]


def test_no_network_is_given_up_after_the_time(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Rest() as rest:
            await ask(rest, "http://127.0.0.1:1/x", 0.6)

    with pytest.raises(ExchangeError, match=r"from http://127.0.0.1:1/x within 0.6 s, received: .*--give-up-after"):
        asyncio.run(main())


def test_an_answer_that_stays_the_same_is_not_asked_for_again() -> None:
    async def test(exchange: TinyExchange, rest: Rest) -> None:
        exchange.answers[INFO] = [(451, {}, b'{"msg":"restricted\nlocation"}')]
        await Roster(VENUE, exchange.rest_url, rest, named=("BTCUSDT",)).first()

    with pytest.raises(ExchangeError, match=r'HTTP 451 {"msg":"restricted location"}'):
        with_exchange(test)


def test_a_list_that_is_none_is_an_error_of_the_exchange() -> None:
    async def test(exchange: TinyExchange, rest: Rest) -> None:
        exchange.answers[INFO] = [(200, {}, b"<html>")]
        await Roster(VENUE, exchange.rest_url, rest, named=("BTCUSDT",)).first()

    with pytest.raises(ExchangeError, match=r"expected an answer of Binance.s from .*exchangeInfo: .*<html>"):
        with_exchange(test)


def test_more_symbols_than_can_be_fed_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "symbols"
    path.write_text("BTCUSDT")

    def too_many(count: int) -> str | None:
        return None if count < 2 else f"{count} is too many"

    async def test(exchange: TinyExchange, rest: Rest) -> object:
        roster = Roster(VENUE, exchange.rest_url, rest, file=SymbolsFile(path), too_many=too_many)
        await roster.first()
        path.write_text("BTCUSDT ETHUSDT")
        assert await roster.changed(asked=False) is None
        return await Roster(VENUE, exchange.rest_url, rest, named=SYMBOLS, too_many=too_many).first()

    with pytest.raises(RosterError, match="4 is too many"):
        with_exchange(test)
