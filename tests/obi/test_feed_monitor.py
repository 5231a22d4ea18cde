"""What Prometheus and a person can see of a feed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from io import StringIO

import pytest
from rich.console import Console

from connectors.binance.feed_core import FeedCore
from connectors.binance.options import FeedOptions
from connectors.binance.status import FeedStatus
from connectors.binance.venue import VENUES
from connectors.broker import Broker
from connectors.embedded import EmbeddedBroker
from connectors.live.feed import LiveFeed
from connectors.live.outflow import Outflow
from connectors.live.rest import Rest
from connectors.raw_topic import RawTopicWriter
from obi.feed_monitor import FeedMonitor
from obi.feed_view import FeedView


def status() -> FeedStatus:
    return FeedStatus(
        frames=10, frames_bad=1, gaps=2, snapshots=Counter({"gap": 2, "audit": 1}), sockets=3, sockets_up=2, lag_ms=-4,
        reconnects=Counter({"cut": 5}), weight_used=7, weight_limit=1920, streams=6, streams_up=6, streams_silent=1,
    )  # fmt: skip


def test_every_figure_of_the_core_can_be_read() -> None:
    registry = FeedMonitor(status(), None).registry

    assert registry.get_sample_value("obi_feed_frames_total") == 10
    assert registry.get_sample_value("obi_feed_gaps_total") == 2
    assert registry.get_sample_value("obi_feed_snapshots_total", {"purpose": "gap"}) == 2
    assert registry.get_sample_value("obi_feed_reconnects_total", {"cause": "cut"}) == 5
    assert registry.get_sample_value("obi_feed_sockets_up") == 2
    assert registry.get_sample_value("obi_feed_lag_ms") == -4
    assert registry.get_sample_value("obi_feed_down_seconds") == 0
    assert registry.get_sample_value("obi_feed_written_total") == 0


def test_an_unknown_lag_is_no_value_and_a_time_without_connection_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = FeedMonitor(FeedStatus(down_since_s=time.monotonic() - 5), None).registry

    assert registry.get_sample_value("obi_feed_lag_ms") is None
    assert 5 <= (registry.get_sample_value("obi_feed_down_seconds") or 0) < 60


def test_all_of_the_status_is_shown() -> None:
    shown = {
        name.removeprefix("obi_feed_") for name in (metric.name for metric in FeedMonitor(status(), None).collect())
    }
    # How old each symbol's last message is would be a metric a symbol; silent streams are counted instead.
    missing = {"last_frame_s", "down_since_s"}

    assert set(FeedStatus.__dataclass_fields__) - shown == missing


class Nothing:
    """No symbols."""

    async def first(self) -> Sequence[str]:
        return ()

    async def changed(self, *, asked: bool) -> Sequence[str] | None:
        return None


def test_a_person_sees_a_table_in_80_columns_and_a_total(embedded: EmbeddedBroker) -> None:
    async def view() -> FeedView:
        embedded.create("raw")
        core = FeedCore(VENUES["binance-spot"], FeedOptions(), ws_url="ws://x", rest_url="http://x", jitter=float)
        core.status = status()
        out = Outflow(RawTopicWriter(Broker(embedded.bootstrap_servers), "raw"), "binance-spot")
        async with Rest() as rest:
            return FeedView(LiveFeed(core, out, rest, Nothing()), "binance-spot", "raw", 0.0)

    shown = asyncio.run(view())
    console = Console(width=80, record=True, file=StringIO())
    console.print(shown.table())
    shown.total(console)
    text = console.export_text()

    for part in (
        "obi feed binance-spot",
        "2 of 3 up",
        "6 of 6 up, 1 silent",
        "3 (gap 2, audit 1)",
        "5 (cut 5)",
        "-4 ms",
    ):
        assert part in text
    assert "0 of 0 messages acknowledged by raw" in text
    assert max(map(len, text.split("0 of 0 messages")[0].splitlines())) <= 80
