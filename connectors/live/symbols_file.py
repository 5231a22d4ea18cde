"""A file with symbols, and whether it has changed.

Owns its form: symbols separated by line ends, commas or blanks, in any case of letters; from # to the line's end a remark.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_SYMBOL: Final = re.compile(r"\w{1,64}")
_SEPARATORS: Final = re.compile(r"[\s,]+")
_WRONG_SHOWN: Final = 5


class SymbolsFile:
    """The file at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None

    def changed(self) -> bool:
        """Whether it is another one than at the last ``read``; False while there is none."""
        state = self._state()
        return state is not None and state != self._seen

    def read(self) -> tuple[str, ...]:
        """The symbols, each once, in upper case and the file's order.

        Raises:
            OSError: It can't be read.
            ValueError: It holds something else than symbols, or none.
        """
        self._seen = self._state()
        return parse_symbols(self.path.read_text(encoding="utf-8"), str(self.path))

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def parse_symbols(text: str, where: str) -> tuple[str, ...]:
    """The symbols of a text, see the head of this module.

    Raises:
        ValueError: There is something else in it, or nothing.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    words = [
        (number, word)
        for number, line in enumerate(lines, 1)
        for word in _SEPARATORS.split(line.partition("#")[0])
        if word
    ]
    at = " in line {}" if len(lines) > 1 else ""
    wrong = [f"{word!r}{at.format(number)}" for number, word in words if not _SYMBOL.fullmatch(word)]
    if wrong:
        shown = ", ".join(wrong[:_WRONG_SHOWN])
        raise ValueError(f"{where}: expected symbols such as BTCUSDT, received {shown}")
    if not words:
        raise ValueError(f"{where}: expected symbols, one a line, received none")
    return tuple(dict.fromkeys(word.upper() for _, word in words))
