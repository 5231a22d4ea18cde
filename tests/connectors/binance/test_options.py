"""Choices are checked, and streams are those that a venue has."""

from __future__ import annotations

import math
from typing import Any

import pytest

from connectors.binance.feed_core import FeedCore
from connectors.binance.options import FeedOptions, known_streams, stream_kind, stream_problems
from connectors.binance.plan import messages_per_second
from connectors.binance.venue import VENUES
from connectors.streams import Kind

SPOT, USDM = VENUES["binance-spot"], VENUES["binance-usdm"]


@pytest.mark.parametrize(
    ("suffix", "spot", "usdm"),
    [
        ("depth", Kind.DIFF, Kind.DIFF),
        ("depth@100ms", Kind.DIFF, Kind.DIFF),
        ("depth@500ms", None, Kind.DIFF),
        ("depth@1000ms", Kind.DIFF, None),
        ("depth20@100ms", Kind.PARTIAL, Kind.PARTIAL),
        ("depth7@100ms", None, None),
        ("trade", Kind.TRADE, Kind.TRADE),
        ("aggTrade", Kind.AGG_TRADE, Kind.AGG_TRADE),
        ("bookTicker", Kind.BOOK_TICKER, Kind.BOOK_TICKER),
        ("snapshot", None, None),
        ("restdepth20", None, None),
        ("kline_1m", None, None),
        ("", None, None),
    ],
)
def test_which_streams_a_venue_has(suffix: str, spot: Kind | None, usdm: Kind | None) -> None:
    assert stream_kind(suffix, SPOT) is spot
    assert stream_kind(suffix, USDM) is usdm


@pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES)
def test_every_known_stream_is_taken_and_has_a_path_and_a_rate(venue: Any) -> None:
    for suffix in known_streams(venue):
        kind = stream_kind(suffix, venue)

        assert kind is not None
        assert venue.ws_paths[kind].endswith("/stream")
        assert 1 <= messages_per_second(suffix, kind) <= 50


def test_all_wrong_streams_are_told_at_once() -> None:
    problems = stream_problems(("depth20@100ms", "depth5", "tarde", "depth@10ms"), SPOT)

    assert [problem.partition(", received ")[2] for problem in problems] == [
        "'depth20@100ms' and 'depth5'",
        "'tarde'; did you mean trade, aggTrade?",
        "'depth@10ms'; did you mean depth@100ms, depth@1000ms, depth5@100ms?",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"silence_s": 0.0}, "expected silence_s above 0, received 0.0"),
        ({"rest_interval_s": -1.0}, "expected rest_interval_s above 0"),
        ({"lifetime_s": math.inf}, "expected lifetime_s above 0"),
        ({"lag_s": math.nan}, "expected lag_s above 0"),
        ({"weight_share": 1.5}, "expected weight_share of at most 1"),
        ({"connect_share": 2.0}, "expected connect_share of at most 1"),
        ({"streams": ()}, "expected at least one stream"),
        ({"streams_per_connection": 1}, "expected streams_per_connection of at least 2"),
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        FeedOptions(**options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"snapshot_limit": 6000}, "expected at most 5000 levels on binance-spot, received 6000"),
        ({"weight_share": 0.001, "streams": ("depth",)}, "expected a weight_share that pays for a snapshot"),
    ],
)
def test_what_the_venue_does_not_allow_is_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        FeedCore(SPOT, FeedOptions(**options), ws_url="", rest_url="", jitter=lambda: 0.5)


@pytest.mark.parametrize(
    ("venue", "limit", "weight"),
    [
        ("binance-spot", 20, 5),
        ("binance-spot", 100, 5),
        ("binance-spot", 500, 25),
        ("binance-spot", 1000, 50),
        ("binance-spot", 5000, 250),
        ("binance-usdm", 20, 2),
        ("binance-usdm", 1000, 20),
        ("binance-coinm", 500, 10),
    ],
)
def test_what_a_book_costs(venue: str, limit: int, weight: int) -> None:
    assert VENUES[venue].depth_weight(limit) == weight
