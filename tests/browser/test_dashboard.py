"""The dashboard as a viewer has it: in a real browser, without a network, while a market goes on."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from matplotlib.image import imread
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from tests.browser.conftest import INSTRUMENTS, LiveMarket, dashboard

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPOT = "binance-spot:BTCUSDT"
USDM = "binance-usdm:BTCUSDT"
PATIENCE_S = 30.0


class Viewer:
    """Somebody who looks at the page."""

    def __init__(self, browser: WebDriver, market: LiveMarket) -> None:
        self.browser, self.market = browser, market

    def open(self, address: str, *, width: int = 1280, height: int = 900, mobile: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": mobile})
        for kind in ("browser", "performance"):
            self.log(kind)  # what came before is not of this page
        self.browser.get(address)
        self.wait(lambda: self.text("#status") == "live" and self.shown > 0)

    def wait(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, (self.text("body"), self.log("browser"))
            time.sleep(0.1)

    def js(self, script: str) -> Any:
        return self.browser.execute_script(
            "const doc = (window.Bokeh?.documents ?? [])[0]; const view = doc?.get_model_by_name('view');"
            "const heat = doc?.get_model_by_name('heat');"
            "const data = (type) => heat.renderers.find((r) => r.glyph.type === type).data_source.data;" + script
        )

    def text(self, selector: str) -> str:
        return self.browser.find_element(By.CSS_SELECTOR, selector).text

    def click(self, selector: str) -> None:
        self.browser.find_element(By.CSS_SELECTOR, selector).click()

    def choose(self, selector: str, value: str) -> None:
        Select(self.browser.find_element(By.CSS_SELECTOR, selector)).select_by_value(value)

    def row(self, instrument: str) -> list[str]:
        cells = self.browser.find_elements(By.CSS_SELECTOR, f'#instruments tr[data-name="{instrument}"] td')
        return [cell.text for cell in cells]

    def pixels(self, selector: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        png = self.browser.find_element(By.CSS_SELECTOR, selector).screenshot_as_png
        return (imread(io.BytesIO(png))[:, :, :3] * 255).astype(np.uint8)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What the browser has written since it was last asked."""
        entries: list[dict[str, Any]] = self.browser.get_log(kind)  # type: ignore[no-untyped-call]
        return entries

    def problems(self) -> list[str]:
        """What the browser's console says that is no mere information."""
        return [entry["message"] for entry in self.log("browser") if entry["level"] in {"WARNING", "SEVERE"}]

    @property
    def shown(self) -> int:
        return int(self.js("return view ? view.shown : 0"))

    @property
    def ticks(self) -> int:
        return int(self.js("return view.ticks"))

    @property
    def instrument(self) -> str:
        return str(self.js("return view.instrument"))

    def heat_end_ms(self) -> float:
        return float(self.js("const image = data('Image'); return image.x[0] + image.dw[0];"))


@pytest.fixture
def viewer(chromium: WebDriver, market: tuple[str, LiveMarket]) -> Iterator[Viewer]:
    """One who has no page open yet; the market has been on for a while."""
    someone = Viewer(chromium, market[1])
    while market[1].seconds < 5.0:
        time.sleep(0.1)
    yield someone
    chromium.get("about:blank")


def test_it_loads_without_a_network_and_without_a_word_of_complaint(viewer: Viewer, address: str) -> None:
    viewer.open(address)
    viewer.wait(lambda: viewer.shown > 5)

    assert viewer.problems() == []
    events = [json.loads(entry["message"])["message"] for entry in viewer.log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith((address, "data:"))} == set()
    assert any(url.endswith(".js") or ".js?" in url for url in asked)


def test_table_and_plots_move_with_the_stream(viewer: Viewer, address: str) -> None:
    viewer.open(address)
    rows = viewer.browser.find_elements(By.CSS_SELECTOR, "#instruments tbody tr")
    assert len(rows) == INSTRUMENTS
    before = viewer.row(SPOT), viewer.heat_end_ms(), viewer.pixels("#book .plot"), viewer.pixels("#curves")
    viewer.wait(lambda: viewer.heat_end_ms() > before[1] + 2000 and viewer.row(SPOT) != before[0])

    assert not np.array_equal(viewer.pixels("#book .plot"), before[2])
    assert not np.array_equal(viewer.pixels("#curves"), before[3])
    assert viewer.text("#health").count("\n") >= 5
    assert float(viewer.row(SPOT)[8]) > 0.0


def test_the_heatmap_is_not_empty_and_its_best_line_is_that_of_the_records(viewer: Viewer, address: str) -> None:
    viewer.open(address)
    resting = viewer.js("return Array.from(data('Image').image[0]).filter((quantity) => quantity > 0).length")
    best = viewer.js(
        "const best = data('Step'); return ['offset', 'bid', 'ask'].map((name) => Array.from(best[name]).map((v) => Number.isNaN(v) ? null : v))"
    )

    assert resting > 500
    shown = [(int(offset), bid, ask) for offset, bid, ask in zip(*best, strict=True) if offset >= 0]
    assert len(shown) > 5
    for offset, bid, ask in shown:
        record = viewer.market.records[viewer.instrument, offset]
        assert (bid, ask) == (record["best_bid"], record["best_ask"])
    colours = np.unique(viewer.pixels("#book .plot").reshape(-1, 3), axis=0)
    assert len(colours) > 60  # drawn, not only held
    ladder = viewer.text("#ladder")
    assert ladder.count("\n") > 20
    assert "spread" in ladder


def test_pause_holds_everything_and_goes_on_with_what_is_new(viewer: Viewer, address: str) -> None:
    viewer.open(address)
    viewer.click("#pause")
    viewer.wait(lambda: viewer.text("#status") == "paused")
    time.sleep(1.0)  # what was on the way
    held = viewer.row(SPOT), viewer.heat_end_ms(), viewer.shown
    ticks = viewer.ticks
    viewer.wait(lambda: viewer.ticks >= ticks + 4)
    assert (viewer.row(SPOT), viewer.heat_end_ms(), viewer.shown) == held

    viewer.click("#pause")
    viewer.wait(lambda: viewer.heat_end_ms() > held[1])
    assert viewer.text("#status") == "live"


def test_instrument_window_and_metric_can_be_chosen(viewer: Viewer, address: str) -> None:
    viewer.open(address)
    viewer.click(f'#instruments tr[data-name="{USDM}"] button')
    viewer.wait(lambda: viewer.text("#book-name") == USDM)
    viewer.choose("#window", "30")
    viewer.wait(lambda: viewer.js("return data('Image').dw[0]") <= 31_000)
    viewer.choose('select.metric[data-at="0"]', "micro_price")
    viewer.click(f'#instruments tr[data-name="{SPOT}"] input')
    viewer.wait(lambda: viewer.text("#legend").split() == [USDM, SPOT])
    viewer.wait(
        lambda: viewer.js(
            "return doc.get_model_by_name('curve0').renderers[0].data_source.data.values[0].at(-1) > 10_000"
        )
    )
    assert viewer.problems() == []


def test_a_zoom_stays_while_data_comes_and_a_double_click_follows_again(viewer: Viewer, address: str) -> None:
    viewer.open(address)
    width = viewer.js("return heat.x_range.end - heat.x_range.start")
    plot = viewer.browser.find_element(By.CSS_SELECTOR, "#book .plot")
    mouse = ActionChains(viewer.browser).move_to_element(plot).click_and_hold()
    mouse.move_by_offset(60, 20).move_by_offset(90, 40).release().perform()
    viewer.wait(lambda: viewer.js("return heat.x_range.end - heat.x_range.start") < 0.5 * width)
    zoomed = viewer.js("return [heat.x_range.start, heat.x_range.end]")
    shown = viewer.shown
    viewer.wait(lambda: viewer.shown > shown + 3)
    assert viewer.js("return [heat.x_range.start, heat.x_range.end]") == zoomed
    assert viewer.js("return doc.get_model_by_name('curve0').x_range.start") == zoomed[0]  # all plots zoom at once

    ActionChains(viewer.browser).double_click(plot).perform()
    viewer.wait(lambda: viewer.js("return heat.x_range.end") > zoomed[1] + 1000)


def test_faults_are_told_as_text(viewer: Viewer, address: str) -> None:
    viewer.open(address)
    viewer.market.fault("not_json")
    viewer.wait(lambda: "not_json: expected <b>JSON</b>" in viewer.text("#events"))

    assert viewer.text("#totals").startswith("faults 1 (not_json 1)")


def test_it_is_usable_at_a_phones_width(viewer: Viewer, address: str) -> None:
    viewer.open(address, width=390, height=844, mobile=True)

    assert viewer.js("return document.documentElement.scrollWidth") <= 390
    for selector in ("#book .plot", "#ladder", "#curves .plot", "#events", "#pause"):
        box = viewer.browser.find_element(By.CSS_SELECTOR, selector).rect
        assert box["x"] >= 0 < box["width"]
        assert box["x"] + box["width"] <= 390
    assert viewer.browser.find_element(By.CSS_SELECTOR, "#book .plot").rect["width"] > 330
    viewer.click(f'#instruments tr[data-name="{USDM}"] button')
    viewer.wait(lambda: viewer.text("#book-name") == USDM)
    viewer.click("#pause")
    viewer.wait(lambda: viewer.text("#status") == "paused")
    assert viewer.problems() == []


def test_light_and_dark_are_a_click_apart_and_remembered(viewer: Viewer, address: str) -> None:
    viewer.open(f"{address}?theme=light")
    assert viewer.pixels("#page")[3, 3].mean() > 200
    viewer.click("#theme")
    viewer.wait(lambda: "theme=dark" in viewer.browser.current_url and viewer.shown > 0)
    assert viewer.pixels("#page")[3, 3].mean() < 60

    viewer.open(address)
    assert "theme=dark" in viewer.browser.current_url
    viewer.js("localStorage.clear()")


def test_from_elsewhere_it_asks_for_the_token_and_opens_with_it(
    viewer: Viewer, market: tuple[str, LiveMarket], tmp_path: Path
) -> None:
    with dashboard(market[0], tmp_path, "--host", "0.0.0.0", "--token", "open sesame") as there:
        here = f"http://127.0.0.1:{urlsplit(there).port}/"
        viewer.browser.get(here)
        assert viewer.browser.current_url.startswith(f"{here}login")
        field = viewer.browser.find_element(By.NAME, "token")
        field.send_keys("open sesame\n")
        viewer.wait(lambda: viewer.text("#status") == "live" and viewer.shown > 0)
        viewer.browser.get("about:blank")


def test_a_server_that_has_ended_is_told(viewer: Viewer, market: tuple[str, LiveMarket], tmp_path: Path) -> None:
    with dashboard(market[0], tmp_path) as there:
        viewer.open(there)
    viewer.wait(lambda: "does not answer" in viewer.text("#status"))
