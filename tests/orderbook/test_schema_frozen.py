"""Schema 1 is frozen: what it says today, it says for ever. New fields come behind these; a changed meaning is schema 2."""

from __future__ import annotations

from typing import Final

from orderbook.record import FIELDS, SCHEMA, STATES

SCHEMA_1: Final = """
schema int never
venue text never
symbol text never
seq int never
event_time_ms int null
transaction_time_ms int null
receive_time_ns int null
update_id int null
orderflow_imbalance float null
delta_volume float null
bid_ask_spread_pct float null
order_book_depth_ratio float null
large_order_presence float null
bid_notional float null
ask_notional float null
total_depth float null
best_bid float null
best_bid_quantity float null
best_ask float null
best_ask_quantity float null
mid_price float null
micro_price float null
bid_volume float null
ask_volume float null
trade_delta float null
delta_events int never
state text never
gaps int never
source source never
imbalance_l1 float null
imbalance_l5 float null
ofi_l1 float null
ofi_ml float null
ofi_ew_500ms float null
ofi_ew_2s float null
delta_volume_1s float null
trade_delta_1s float null
trade_count_1s int never
delta_window_ms int null
delta_truncated int never
depth_span_bid_bps float null
depth_span_ask_bps float null
bid_notional_5bps float null
ask_notional_5bps float null
bid_notional_10bps float null
ask_notional_10bps float null
bid_notional_25bps float null
ask_notional_25bps float null
ofi_source text never
"""
"""Name, kind, and whether it can be null, in their order."""

STATES_1: Final = ("live", "one_sided", "empty", "crossed", "resyncing", "thin")


def test_schema_1_begins_with_the_fields_that_it_was_frozen_with() -> None:
    frozen = [tuple(line.split()) for line in SCHEMA_1.strip().splitlines()]
    now = [(field.name, field.kind, "null" if field.null_when else "never") for field in FIELDS]

    assert SCHEMA == 1
    assert now[: len(frozen)] == frozen


def test_states_keep_their_codes() -> None:
    assert STATES[: len(STATES_1)] == STATES_1
