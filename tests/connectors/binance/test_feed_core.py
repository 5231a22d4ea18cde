"""The core as a whole, driven without a socket."""

from __future__ import annotations

from connectors.binance.actions import Open, Send, Write
from connectors.binance.feed_core import FeedCore
from connectors.binance.options import FeedOptions
from connectors.binance.venue import VENUES


def test_it_connects_subscribes_and_writes() -> None:
    venue = VENUES["binance-usdm"]
    core = FeedCore(
        venue,
        FeedOptions(streams=("depth20@100ms", "aggTrade")),
        ws_url="ws://x:1",
        rest_url="http://x:1",
        jitter=lambda: 0.5,
    )
    core.want(["BTCUSDT"], 0.0)
    opens = [core.actions.popleft() for _ in range(len(core.actions))]

    assert [each.url for each in opens if isinstance(each, Open)] == [
        "ws://x:1/public/stream",
        "ws://x:1/market/stream",
    ]

    core.opened(opens[0].socket if isinstance(opens[0], Open) else 0, 0.1)
    sent = core.actions.popleft()

    assert isinstance(sent, Send)
    assert '"btcusdt@depth20@100ms"' in sent.text

    data = b'{"stream":"btcusdt@depth20@100ms","data":{"e":"depthUpdate"}}'
    core.frame(1, data, 7, 0.2)

    assert core.actions.popleft() == Write("BTCUSDT", data, [("recv_ns", b"7")])
