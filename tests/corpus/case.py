"""One entry of the tables, and the good messages that they are variations of, one for each accepted form.

`BASES` are small, so that a variation is a change of a few bytes that can be seen.
"""

from __future__ import annotations

from typing import NamedTuple

from connectors.raw import Headers

KEY = b"binance-spot:BTCUSDT"
USDM_KEY = b"binance-usdm:BTCUSDT"


class Case(NamedTuple):
    """A message, and what a `Decoder()` with its default settings makes of it.

    `expected` is a fault's reason, or of a good message the event's class.
    """

    name: str
    expected: str
    value: bytes | None
    key: bytes | None = KEY
    headers: Headers | None = None


def swap(value: bytes, old: bytes, new: bytes) -> bytes:
    """`value` with its one `old` replaced; a table whose `old` is not there tests nothing, so that is an error."""
    assert value.count(old) == 1, (value, old)

    return value.replace(old, new)


def stream(name: str) -> Headers:
    return [("stream", name.encode())]


LEVELS = b'"b":[["100.5","1.25"],["100.4","2"]],"a":[["100.6","3"],["100.7","0.5"]]'
LONG_LEVELS = b'"bids":[["100.5","1.25"],["100.4","2"]],"asks":[["100.6","3"],["100.7","0.5"]]'
PAYLOAD = b'{"e":"depthUpdate","E":1700000000001,"T":1700000000000,"s":"BTCUSDT","U":10,"u":12,"pu":9,%b}' % LEVELS
SPOT_DIFF_PAYLOAD = b'{"e":"depthUpdate","E":1700000000001,"s":"BTCUSDT","U":10,"u":12,%b}' % LEVELS
SPOT_PAYLOAD = b'{"lastUpdateId":12,%b}' % LONG_LEVELS
REST_PAYLOAD = b'{"lastUpdateId":12,"E":1700000000001,"T":1700000000000,%b}' % LONG_LEVELS
TRADE_PAYLOAD = b'{"e":"trade","E":1700000000001,"T":1700000000000,"s":"BTCUSDT","t":7,"p":"100.5","q":"0.25","X":"MARKET","m":true}'
AGG_PAYLOAD = (
    b'{"e":"aggTrade","E":1700000000001,"s":"BTCUSDT","a":5,"p":"100.5","q":"0.25","nq":"0.2","f":7,"l":8,'
    b'"T":1700000000000,"m":false}'
)
TICKER_PAYLOAD = b'{"e":"bookTicker","u":12,"s":"BTCUSDT","b":"100.5","B":"1","a":"100.6","A":"2","T":1700000000000,"E":1700000000001}'
SPOT_TICKER_PAYLOAD = b'{"u":12,"s":"BTCUSDT","b":"100.5","B":"1","a":"100.6","A":"2"}'
NORMALISED = b'{"symbol":"BTCUSDT",%b,"ts_ms":1700000000001}' % LONG_LEVELS


def envelope(name: str, payload: bytes) -> bytes:
    return b'{"stream":"%b","data":%b}' % (name.encode(), payload)


PARTIAL = envelope("btcusdt@depth20@100ms", PAYLOAD)
SPOT_PARTIAL = envelope("btcusdt@depth20", SPOT_PAYLOAD)
DIFF = envelope("btcusdt@depth@100ms", PAYLOAD)
SPOT_DIFF = envelope("btcusdt@depth", SPOT_DIFF_PAYLOAD)
SNAPSHOT = envelope("btcusdt@snapshot", REST_PAYLOAD)
TRADE = envelope("btcusdt@trade", TRADE_PAYLOAD)
AGG_TRADE = envelope("btcusdt@aggTrade", AGG_PAYLOAD)
TICKER = envelope("btcusdt@bookTicker", TICKER_PAYLOAD)

BASES: tuple[Case, ...] = (
    Case("a: futures partial in an envelope", "Partial", PARTIAL, USDM_KEY),
    Case("a: spot partial in an envelope", "Partial", SPOT_PARTIAL),
    Case("a: futures difference in an envelope", "Diff", DIFF, USDM_KEY),
    Case("a: spot difference in an envelope", "Diff", SPOT_DIFF),
    Case("b: futures partial with a stream header", "Partial", PAYLOAD, USDM_KEY, stream("btcusdt@depth20")),
    Case("b: spot partial with a stream header", "Partial", SPOT_PAYLOAD, KEY, stream("btcusdt@depth20@1000ms")),
    Case("b: futures difference with a stream header", "Diff", PAYLOAD, USDM_KEY, stream("btcusdt@depth@0ms")),
    Case("c: bare spot partial, symbol in the key", "Partial", SPOT_PAYLOAD),
    Case("c: bare futures REST book", "Partial", REST_PAYLOAD, USDM_KEY),
    Case("e: snapshot", "Snapshot", SNAPSHOT),
    Case("e: polled book", "Partial", envelope("btcusdt@restdepth20", REST_PAYLOAD), USDM_KEY),
    Case("f: trade", "Trade", TRADE, USDM_KEY),
    Case("f: aggregate trade", "Trade", AGG_TRADE, USDM_KEY),
    Case("f: bare trade", "Trade", TRADE_PAYLOAD, USDM_KEY),
    Case("f: bare aggregate trade", "Trade", AGG_PAYLOAD, USDM_KEY),
    Case("g: best prices", "Quote", TICKER, USDM_KEY),
    Case("g: bare best prices", "Quote", TICKER_PAYLOAD, USDM_KEY),
    Case("g: bare spot best prices", "Quote", SPOT_TICKER_PAYLOAD),
    Case("h: normalised", "Partial", NORMALISED, b"kraken:BTCUSDT"),
)
