"""Takes the README's pictures of the dashboard from a demo: ``python -m docs.take_pictures``, on a machine that is at rest.

Owns what they show: some minutes of the simulated market at four times its speed, in both themes, as a desktop sees it;
with ``--phone`` also as a phone does. Needs chromium with its driver, as the tests of the page do.
"""  # noqa: INP001  (a folder of documents, not a package)

from __future__ import annotations

import argparse
import io
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

PICTURES: Final = Path(__file__).parent / "pictures"
DEMO: Final = ("demo", "--seconds", "600", "--speed", "4")
WAIT_S: Final = 60.0
DESKTOP: Final = (1280, 900, False)
PHONE: Final = (390, 844, True)


@contextmanager
def page() -> Iterator[str]:
    """A running demo's page."""
    command = [sys.executable, "-m", "obi", *DEMO]
    with subprocess.Popen(  # noqa: S603  (our own command)
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stderr is not None
        try:
            yield next(found[1] for line in demo.stderr if (found := re.search(r"web page: (http://[^\s\"]+)", line)))
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate()


@contextmanager
def chromium() -> Iterator[WebDriver]:
    """A browser without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield browser
    finally:
        browser.quit()


def take(browser: WebDriver, address: str, theme: str, size: tuple[int, int, bool], path: Path) -> None:
    """A picture of the whole page, of two instruments' history, in few colours, since it lies in the repository."""
    width, height, mobile = size
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": mobile})
    browser.get(f"{address}?theme={theme}&instrument=binance-usdm:BTCUSDT")
    other = "#instruments tr[data-name='binance-spot:BTCUSDT'] input"
    wait = WebDriverWait(browser, WAIT_S)
    wait.until(lambda _: browser.find_elements(By.CSS_SELECTOR, other))
    browser.execute_script(f'document.querySelector("{other}").click()')
    wait.until(lambda _: "spot" in browser.find_element(By.ID, "legend").text)
    height = browser.execute_script("return document.getElementById('page').scrollHeight")
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen | {"height": height})
    time.sleep(2)
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    picture.quantize(255, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(prog="python -m docs.take_pictures", description=__doc__)
    parser.add_argument("--folder", type=Path, default=PICTURES)
    parser.add_argument("--phone", action="store_true", help="pictures of a phone's size as well")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with page() as address, chromium() as browser:
        time.sleep(WAIT_S)
        for theme in ("light", "dark"):
            take(browser, address, theme, DESKTOP, given.folder / f"dashboard-{theme}.png")
            if given.phone:
                take(browser, address, theme, PHONE, given.folder / f"phone-{theme}.png")


if __name__ == "__main__":
    main()
