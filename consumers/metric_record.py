"""One metric record, schema 1, as a typed value. Written by `make docs` from ``orderbook.record.FIELDS``: do not edit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """The raw message that caused a record."""

    topic: str
    partition: int
    offset: int


# Not frozen: that makes fifty fields ten times as dear to set. Each question makes a record of its own.
@dataclass(slots=True)
class MetricRecord:
    """One metric record; None: not defined, see docs/metrics.md. Fields behind ``source`` are None in older records too.

    Attributes:
        schema: Version of this record's meaning.
        venue: binance-spot, binance-usdm, binance-coinm or another lower-case name.
        symbol: The exchange's symbol, upper case.
        seq: 1, 2, 3 ... per instrument and output generation.
        event_time_ms: When the exchange sent the message, its clock. Unit: ms.
        transaction_time_ms: When the book changed, the exchange's clock. Unit: ms.
        receive_time_ns: When the feed received it, else the Kafka timestamp. Unit: ns.
        update_id: Last update id that the book contains.
        orderflow_imbalance: (B - A) / (B + A) of the best levels' quantities; > 0 bids are heavier. Unit: 1.
        delta_volume: Sum of the last delta_volume_window aggressive events; > 0 buyers took. Unit: base units (swept), price (price_gap).
        bid_ask_spread_pct: (best ask - best bid) / mid * 100. Unit: %.
        order_book_depth_ratio: min(bid_notional / ask_notional, 2); 2 when only bids. Unit: 1.
        large_order_presence: min(n / 5, 1); n levels hold more than large_order_threshold_pct of B + A. Unit: 1.
        bid_notional: Sum of price * quantity of the bids. Unit: quote currency.
        ask_notional: Sum of price * quantity of the asks. Unit: quote currency.
        total_depth: bid_notional + ask_notional. Unit: quote currency.
        best_bid: Highest bid. Unit: price.
        best_bid_quantity: Quantity there. Unit: base units.
        best_ask: Lowest ask. Unit: price.
        best_ask_quantity: Quantity there. Unit: base units.
        mid_price: (best ask + best bid) / 2. Unit: price.
        micro_price: (a1 qb1 + b1 qa1) / (qb1 + qa1). Unit: price.
        bid_volume: B, sum of the bids' quantities. Unit: base units.
        ask_volume: A, sum of the asks' quantities. Unit: base units.
        trade_delta: Signed aggressor volume of the last delta_volume_window trades. Unit: base units.
        delta_events: Events that the delta_volume window holds now.
        state: live, one_sided, empty, crossed, resyncing or thin.
        gaps: Breaks in the instrument's update ids so far.
        source: Topic, partition and offset of the message that caused the record.
        imbalance_l1: (B - A) / (B + A) of the best level of each side. Unit: 1.
        imbalance_l5: (B - A) / (B + A) of the best 5 levels of each side. Unit: 1.
        ofi_l1: Order-flow imbalance of the best levels against the predecessor; > 0 bids came or asks went. Unit: base units.
        ofi_ml: The same over the best 10 levels, compared by price where both books show it. Unit: base units.
        ofi_ew_500ms: Sum of ofi_l1, each decayed by exp(-age / 500 ms). Unit: base units.
        ofi_ew_2s: Sum of ofi_l1, each decayed by exp(-age / 2 s). Unit: base units.
        delta_volume_1s: Sum of the aggressive events of the last second. Unit: base units (swept), price (price_gap).
        trade_delta_1s: Signed aggressor volume of the last second's trades. Unit: base units.
        trade_count_1s: Trades of the last second.
        delta_window_ms: Age of the oldest event in the delta_volume window. Unit: ms.
        delta_truncated: Events in the delta_volume window that reached beyond the last known level: more may have been taken.
        depth_span_bid_bps: Distance of the last bid that counts from mid. Unit: basis points.
        depth_span_ask_bps: Distance of the last ask that counts from mid. Unit: basis points.
        bid_notional_5bps: Notional of the bids within 5 basis points of mid. Unit: quote currency.
        ask_notional_5bps: Notional of the asks within 5 basis points of mid. Unit: quote currency.
        bid_notional_10bps: Notional of the bids within 10 basis points of mid. Unit: quote currency.
        ask_notional_10bps: Notional of the asks within 10 basis points of mid. Unit: quote currency.
        bid_notional_25bps: Notional of the bids within 25 basis points of mid. Unit: quote currency.
        ask_notional_25bps: Notional of the asks within 25 basis points of mid. Unit: quote currency.
        ofi_source: What order flow is computed from: snapshot (partial books) or diff (full books).
    """

    schema: int
    venue: str
    symbol: str
    seq: int
    event_time_ms: int | None
    transaction_time_ms: int | None
    receive_time_ns: int | None
    update_id: int | None
    orderflow_imbalance: float | None
    delta_volume: float | None
    bid_ask_spread_pct: float | None
    order_book_depth_ratio: float | None
    large_order_presence: float | None
    bid_notional: float | None
    ask_notional: float | None
    total_depth: float | None
    best_bid: float | None
    best_bid_quantity: float | None
    best_ask: float | None
    best_ask_quantity: float | None
    mid_price: float | None
    micro_price: float | None
    bid_volume: float | None
    ask_volume: float | None
    trade_delta: float | None
    delta_events: int
    state: str
    gaps: int
    source: Source
    imbalance_l1: float | None
    imbalance_l5: float | None
    ofi_l1: float | None
    ofi_ml: float | None
    ofi_ew_500ms: float | None
    ofi_ew_2s: float | None
    delta_volume_1s: float | None
    trade_delta_1s: float | None
    trade_count_1s: int | None
    delta_window_ms: int | None
    delta_truncated: int | None
    depth_span_bid_bps: float | None
    depth_span_ask_bps: float | None
    bid_notional_5bps: float | None
    ask_notional_5bps: float | None
    bid_notional_10bps: float | None
    ask_notional_10bps: float | None
    bid_notional_25bps: float | None
    ask_notional_25bps: float | None
    ofi_source: str | None
