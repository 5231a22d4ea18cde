"""The web page beside the demo: started as a child, opened only where somebody can see it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from connectors.embedded import EmbeddedBroker
from obi import web_page
from obi.web_page import MISSING, WebPage, has_display, open_in_browser


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was given."""
    addresses: list[str] = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    return addresses


@pytest.mark.parametrize(
    ("environ", "platform", "display"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
    ],
)
def test_a_display_is_what_a_browser_can_show_itself_on(environ: dict[str, str], platform: str, display: bool) -> None:
    assert has_display(environ, platform) is display


@pytest.mark.parametrize("display", [True, False])
def test_a_browser_is_opened_only_on_a_display(
    display: bool, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_page, "has_display", lambda: display)
    open_in_browser("http://127.0.0.1:1/")

    assert opened == (["http://127.0.0.1:1/"] if display else [])


def test_without_the_library_it_is_told_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_page, "find_spec", lambda _: None)
    page = WebPage([], tmp_path)
    page.close()

    assert page.told == MISSING
    assert "orderbook-imbalance[dashboard]" in MISSING


@pytest.mark.slow
def test_the_page_is_served_opened_and_ended(
    embedded: EmbeddedBroker, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_page, "has_display", lambda: True)
    embedded.create("depth.raw", "depth.metrics", "depth.faults")
    page = WebPage(["--bootstrap-servers", embedded.bootstrap_servers], tmp_path)
    wait_for_words(page)
    page.close()

    assert page.told.startswith("web page: http://127.0.0.1:")
    assert opened == [page.told.removeprefix("web page: ")]


@pytest.mark.slow
def test_a_page_that_does_not_start_is_told(embedded: EmbeddedBroker, tmp_path: Path, opened: list[str]) -> None:
    page = WebPage(["--bootstrap-servers", embedded.bootstrap_servers], tmp_path)  # without a metrics topic
    wait_for_words(page)
    page.close()

    assert page.told == "no web page: obi dashboard did not start"
    assert opened == []


def wait_for_words(page: WebPage) -> None:
    deadline = time.monotonic() + 40
    while not page.told:
        assert time.monotonic() < deadline
        time.sleep(0.05)
