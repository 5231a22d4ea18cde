"""One open page without a browser: what its models hold after a tick, a wish, a pause."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.document import Document

from consumers.dashboard.page import FIRST_METRICS, Page
from consumers.dashboard.scene import Scene
from tests.consumers.dashboard.markets import BTC, market, records_of, scene_of


def page_of(scene: Scene, **more: Any) -> Page:
    return Page(Document(), scene, theme="light", keep_s=600, **more)


def curve(page: Page, at: int) -> dict[str, Any]:
    data: dict[str, Any] = page.curves[at].figure.renderers[0].data_source.data
    return data


def test_the_best_line_over_the_heatmap_is_that_of_the_records() -> None:
    raw = market()
    page = page_of(scene_of(raw))
    by_offset = {item.record["source"]["offset"]: item.record for item in records_of(raw)}
    best = page.heat.best.data

    known = [at for at, offset in enumerate(best["offset"]) if offset >= 0]
    assert len(known) > 5
    for at in known:
        record = by_offset[int(best["offset"][at])]
        assert (best["bid"][at], best["ask"][at]) == (record["best_bid"], record["best_ask"])
    image = page.heat.figure.renderers[0].data_source.data["image"][0]
    assert np.nansum(image) > 0.0


def test_the_curves_are_those_of_the_metrics_that_are_wished() -> None:
    raw = market()
    newest = list(records_of(raw))[-1].record
    page = page_of(scene_of(raw))
    assert [curve(page, at)["values"][0][-1] for at in range(6)] == [newest[name] for name in FIRST_METRICS]

    page.view.metrics = ["micro_price", *FIRST_METRICS[1:]]
    assert curve(page, 0)["values"][0][-1] == newest["micro_price"]

    page.view.metrics = ["no such metric", *FIRST_METRICS[1:]]  # whatever a browser says
    assert curve(page, 0)["values"][0][-1] == newest["micro_price"]


def test_instruments_can_be_compared_and_unknown_ones_have_no_curve() -> None:
    page = page_of(scene_of(market()))
    page.view.compared = [BTC, "binance-spot:NOPE"]

    assert page.view.lines == [BTC, "binance-spot:NOPE"]
    assert [len(values) > 0 for values in curve(page, 0)["values"]] == [True, False]


def test_while_paused_or_hidden_only_the_sign_of_life_is_sent() -> None:
    raw = market()
    scene = scene_of(raw)
    page = page_of(scene)
    for wish in ("paused", "hidden"):
        setattr(page.view, wish, True)
        shown, ticks = page.view.shown, page.view.ticks
        page.tick()
        assert (page.view.shown, page.view.ticks) == (shown, ticks + 1)
        setattr(page.view, wish, False)
        assert page.view.shown == shown + 1


def test_a_page_before_the_first_message_is_empty_and_asks_for_the_first_instrument_that_comes() -> None:
    raw = market()
    scene = scene_of(raw, wanted=["NOPE"])
    page = page_of(scene)
    assert (page.view.table, page.view.instrument, page.view.ladder["bids"]) == ([], "", [])

    full = page_of(scene_of(raw))
    assert full.view.instrument == BTC


def test_an_instrument_may_be_named_and_need_not_be_there() -> None:
    page = page_of(scene_of(market()), instrument="binance-usdm:NOPE")

    assert page.view.instrument == "binance-usdm:NOPE"
    assert page.view.ladder["bids"] == []
    assert len(page.heat.best.data["time"]) == 0


def test_a_window_that_is_not_on_offer_is_the_shortest() -> None:
    page = page_of(scene_of(market()))
    page.view.window_s = -5

    image = page.heat.figure.renderers[0].data_source.data
    assert image["dw"][0] <= 31_000
