"""The metric record, schema 1: the one definition of its fields, in their order.

The encoder, the JSON Schema, the documentation's table and the typed readers are all made from ``FIELDS``. New fields
are added at the end; a changed meaning is a new schema number.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

SCHEMA: Final = 1

Kind: TypeAlias = Literal["int", "float", "text", "source"]

LIVE, ONE_SIDED, EMPTY, CROSSED, RESYNCING, THIN = range(6)
"""Codes of the states, indices into STATES."""

STATES: Final = ("live", "one_sided", "empty", "crossed", "resyncing", "thin")


SNAPSHOT, DIFF = OFI_SOURCES = ("snapshot", "diff")
"""What order flow is computed from: partial books, between which much nets out, or each change of a full book."""


class Field(NamedTuple):
    """One field of the record.

    ``null_when`` says when the value is not defined (empty: never); ``unit`` and ``doc`` are for people.
    """

    name: str
    kind: Kind
    unit: str
    null_when: str
    doc: str
    minimum: float | None = None
    maximum: float | None = None


_OFF = "crossed, resyncing"
_NO_MID = "one_sided, empty, crossed, resyncing"

FIELDS: Final[tuple[Field, ...]] = (
    Field("schema", "int", "", "", "Version of this record's meaning.", SCHEMA, SCHEMA),
    Field("venue", "text", "", "", "binance-spot, binance-usdm, binance-coinm or another lower-case name."),
    Field("symbol", "text", "", "", "The exchange's symbol, upper case."),
    Field("seq", "int", "", "", "1, 2, 3 ... per instrument and output generation.", 1),
    Field("event_time_ms", "int", "ms", "the message has none", "When the exchange sent the message, its clock."),
    Field("transaction_time_ms", "int", "ms", "the message has none", "When the book changed, the exchange's clock."),
    Field("receive_time_ns", "int", "ns", "not known", "When the feed received it, else the Kafka timestamp."),
    Field("update_id", "int", "", "the venue has none", "Last update id that the book contains."),
    Field(
        "orderflow_imbalance",
        "float",
        "1",
        f"both sides empty; {_OFF}",
        "(B - A) / (B + A) of the best levels' quantities; > 0 bids are heavier.",
        -1,
        1,
    ),
    Field(
        "delta_volume",
        "float",
        "base units (swept), price (price_gap)",
        _OFF,
        "Sum of the last delta_volume_window aggressive events; > 0 buyers took.",
    ),
    Field("bid_ask_spread_pct", "float", "%", _NO_MID, "(best ask - best bid) / mid * 100.", 0),
    Field(
        "order_book_depth_ratio",
        "float",
        "1",
        f"both sides empty; {_OFF}",
        "min(bid_notional / ask_notional, 2); 2 when only bids.",
        0,
        2,
    ),
    Field(
        "large_order_presence",
        "float",
        "1",
        f"both sides empty; {_OFF}",
        "min(n / 5, 1); n levels hold more than large_order_threshold_pct of B + A.",
        0,
        1,
    ),
    Field("bid_notional", "float", "quote currency", _OFF, "Sum of price * quantity of the bids.", 0),
    Field("ask_notional", "float", "quote currency", _OFF, "Sum of price * quantity of the asks.", 0),
    Field("total_depth", "float", "quote currency", _OFF, "bid_notional + ask_notional.", 0),
    Field("best_bid", "float", "price", "no bid; resyncing", "Highest bid.", 0),
    Field("best_bid_quantity", "float", "base units", "no bid; resyncing", "Quantity there.", 0),
    Field("best_ask", "float", "price", "no ask; resyncing", "Lowest ask.", 0),
    Field("best_ask_quantity", "float", "base units", "no ask; resyncing", "Quantity there.", 0),
    Field("mid_price", "float", "price", _NO_MID, "(best ask + best bid) / 2.", 0),
    Field("micro_price", "float", "price", _NO_MID, "(a1 qb1 + b1 qa1) / (qb1 + qa1).", 0),
    Field("bid_volume", "float", "base units", "resyncing", "B, sum of the bids' quantities.", 0),
    Field("ask_volume", "float", "base units", "resyncing", "A, sum of the asks' quantities.", 0),
    Field(
        "trade_delta",
        "float",
        "base units",
        "no trade seen yet",
        "Signed aggressor volume of the last delta_volume_window trades.",
    ),
    Field("delta_events", "int", "", "", "Events that the delta_volume window holds now.", 0),
    Field("state", "text", "", "", "live, one_sided, empty, crossed, resyncing or thin."),
    Field("gaps", "int", "", "", "Breaks in the instrument's update ids so far.", 0),
    Field("source", "source", "", "", "Topic, partition and offset of the message that caused the record."),
    Field(
        "imbalance_l1",
        "float",
        "1",
        f"both sides empty; {_OFF}",
        "(B - A) / (B + A) of the best level of each side.",
        -1,
        1,
    ),
    Field(
        "imbalance_l5",
        "float",
        "1",
        f"both sides empty; {_OFF}",
        "(B - A) / (B + A) of the best 5 levels of each side.",
        -1,
        1,
    ),
    Field(
        "ofi_l1",
        "float",
        "base units",
        f"no predecessor; {_OFF}",
        "Order-flow imbalance of the best levels against the predecessor; > 0 bids came or asks went.",
    ),
    Field(
        "ofi_ml",
        "float",
        "base units",
        f"no predecessor; {_OFF}",
        "The same over the best 10 levels, compared by price where both books show it.",
    ),
    Field("ofi_ew_500ms", "float", "base units", _OFF, "Sum of ofi_l1, each decayed by exp(-age / 500 ms)."),
    Field("ofi_ew_2s", "float", "base units", _OFF, "Sum of ofi_l1, each decayed by exp(-age / 2 s)."),
    Field(
        "delta_volume_1s",
        "float",
        "base units (swept), price (price_gap)",
        _OFF,
        "Sum of the aggressive events of the last second.",
    ),
    Field(
        "trade_delta_1s",
        "float",
        "base units",
        "no trade seen yet",
        "Signed aggressor volume of the last second's trades.",
    ),
    Field("trade_count_1s", "int", "", "", "Trades of the last second.", 0),
    Field("delta_window_ms", "int", "ms", "no event yet", "Age of the oldest event in the delta_volume window.", 0),
    Field(
        "delta_truncated",
        "int",
        "",
        "",
        "Events in the delta_volume window that reached beyond the last known level: more may have been taken.",
        0,
    ),
    Field("depth_span_bid_bps", "float", "basis points", _NO_MID, "Distance of the last bid that counts from mid.", 0),
    Field("depth_span_ask_bps", "float", "basis points", _NO_MID, "Distance of the last ask that counts from mid.", 0),
    Field(
        "bid_notional_5bps",
        "float",
        "quote currency",
        f"not known so far; {_NO_MID}",
        "Notional of the bids within 5 basis points of mid.",
        0,
    ),
    Field(
        "ask_notional_5bps",
        "float",
        "quote currency",
        f"not known so far; {_NO_MID}",
        "Notional of the asks within 5 basis points of mid.",
        0,
    ),
    Field(
        "bid_notional_10bps",
        "float",
        "quote currency",
        f"not known so far; {_NO_MID}",
        "Notional of the bids within 10 basis points of mid.",
        0,
    ),
    Field(
        "ask_notional_10bps",
        "float",
        "quote currency",
        f"not known so far; {_NO_MID}",
        "Notional of the asks within 10 basis points of mid.",
        0,
    ),
    Field(
        "bid_notional_25bps",
        "float",
        "quote currency",
        f"not known so far; {_NO_MID}",
        "Notional of the bids within 25 basis points of mid.",
        0,
    ),
    Field(
        "ask_notional_25bps",
        "float",
        "quote currency",
        f"not known so far; {_NO_MID}",
        "Notional of the asks within 25 basis points of mid.",
        0,
    ),
    Field(
        "ofi_source", "text", "", "", "What order flow is computed from: snapshot (partial books) or diff (full books)."
    ),
)

NAMES: Final = tuple(f.name for f in FIELDS)

CORE_FEATURES: Final = (
    "orderflow_imbalance",
    "delta_volume",
    "bid_ask_spread_pct",
    "order_book_depth_ratio",
    "large_order_presence",
)
"""The five features that models take first."""

EIGHT_METRICS: Final = (*CORE_FEATURES, "bid_notional", "ask_notional", "total_depth")
"""What a crossed or resyncing book makes meaningless."""
