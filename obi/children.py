"""Child processes of the demo: the same commands that a user would type, started, watched and ended.

Owns that none of them outlives us, and that what they log is kept until it is known not to be needed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PATIENCE_S: Final = 20.0
_LOG_LINES: Final = 15


class Child:
    """``obi`` with arguments, as a process of its own.

    Args:
        arguments: What comes after ``obi``.
        folder: Where it runs and logs. No settings of ours reach it but those in ``arguments``.
        name: Of its log.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, name: str) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C comes to us alone, and we end it in order.
            self._process = subprocess.Popen(  # noqa: S603  (our own command)
                [sys.executable, "-m", "obi", *arguments],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def failed(self) -> bool:
        """Whether it ended, and not well."""
        return self.exit_code not in {None, 0}

    def stop(self) -> int:
        """End it with SIGTERM, and with SIGKILL when it does not listen; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


def _environment() -> dict[str, str]:
    """Ours, without settings, and with the way to this very code."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OBI_")}
    root = str(Path(__file__).resolve().parent.parent)
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environ.get("PYTHONPATH"))))
    return environ
