"""The web page beside a command: ``obi dashboard`` as a child process, and a browser opened where there is one.

Owns when that is: never without a terminal or without a display. The command goes on whatever becomes of the page.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from obi.children import Child

_ADDRESS: Final = re.compile(r"the dashboard is at (http://\S+)")
_PATIENCE_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.2
MISSING: Final = "no web page: it needs  pip install 'orderbook-imbalance[dashboard]'"


def has_display(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether a browser could show itself here."""
    return platform in {"darwin", "win32"} or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def open_in_browser(address: str) -> None:
    """Open an address where somebody can see it; elsewhere nothing happens (a text browser would take the terminal)."""
    if has_display():
        webbrowser.open(address)


class WebPage:
    """The page of a running command.

    Args:
        arguments: Of ``obi dashboard``, without the port.
        folder: Where its log goes.

    Attributes:
        told: What to show beside the work: the address once it is known, or why there is none.
    """

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        self.told = ""
        self._child: Child | None = None
        if find_spec("bokeh") is None:
            self.told = MISSING
            return
        self._child = Child(["dashboard", *arguments, "--port", "0"], folder, "dashboard")
        threading.Thread(target=self._open, args=(self._child,), name="web-page", daemon=True).start()

    def close(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop()

    def _open(self, child: Child) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and child.exit_code is None:
            found = _ADDRESS.search(child.last_words())
            if found is not None:
                self.told = f"web page: {found[1]}"
                open_in_browser(found[1])
                return
            time.sleep(_LOOK_EVERY_S)
        self.told = "no web page: obi dashboard did not start"
