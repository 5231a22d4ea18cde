"""Which symbols are wanted: those that were named, those of a file, and the busiest ones; all checked against the exchange's list.

Owns that a wrong list never replaces a good one: at the start it is an error, later a warning, and the feed goes on as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from connectors.binance.symbols import Listed, parse_exchange_info, symbol_problems, top_symbols
from connectors.binance.venue import Venue
from connectors.live.asking import ExchangeError, ask
from connectors.live.rest import Rest
from connectors.live.symbols_file import SymbolsFile

LOG: Final = logging.getLogger("obi.feed")

_LATER_PATIENCE_S: Final = 10.0

T = TypeVar("T")


class RosterError(ValueError):
    """Symbols that the exchange does not have, or a file that can't be used; ``problems`` has a line for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Roster:
    """The wanted symbols.

    Args:
        venue: whose.
        rest_url: where its list is.
        rest: asks for it.
        named: in upper case.
        file: with more of them; looked at again when it changes.
        top: so many with the largest turnover, as of the start.
        give_up_after_s: how long to wait for the exchange at the start; 0: for ever.
        too_many: why so many symbols can't be fed; None: they can.
    """

    def __init__(
        self,
        venue: Venue,
        rest_url: str,
        rest: Rest,
        *,
        named: Sequence[str] = (),
        file: SymbolsFile | None = None,
        top: int = 0,
        give_up_after_s: float = 0.0,
        too_many: Callable[[int], str | None] = lambda _: None,
    ) -> None:
        self._venue = venue
        self._rest_url = rest_url
        self._rest = rest
        self._named = tuple(named)
        self._file = file
        self._top = top
        self._give_up_after_s = give_up_after_s
        self._too_many = too_many
        self._busiest: tuple[str, ...] = ()
        self._now: tuple[str, ...] = ()

    async def first(self) -> tuple[str, ...]:
        """The symbols to begin with.

        Raises:
            RosterError: Some are wrong; all of them at once.
            ExchangeError: The exchange did not answer.
        """
        problems = []
        filed: tuple[str, ...] = ()
        try:
            filed = self._file.read() if self._file else ()
        except (OSError, ValueError) as error:
            problems.append(self._file_problem(error))
        listed = await self._listed(self._give_up_after_s)
        if self._top:
            self._busiest = await self._most_traded(listed)
        self._now = self._all(filed)
        problems += symbol_problems(self._now, listed, self._venue.name)
        problems += filter(None, [self._too_many(len(self._now))])
        if problems:
            raise RosterError(problems)
        return self._now

    async def changed(self, *, asked: bool) -> tuple[str, ...] | None:
        """Another set of symbols, once the file has changed or somebody asked; None: the old one holds."""
        if self._file is None or not (asked or self._file.changed()):
            return None
        try:
            wanted = self._all(self._file.read())
            problems = await self._problems(wanted)
        except (OSError, ValueError) as error:
            problems = [self._file_problem(error)]
        if problems:
            LOG.warning("symbols kept as they were", extra={"file": str(self._file.path), "problems": problems})
            return None
        if set(wanted) == set(self._now):
            return None
        added, removed = sorted(set(wanted) - set(self._now)), sorted(set(self._now) - set(wanted))
        LOG.info("symbols changed", extra={"symbols": len(wanted), "added": added, "removed": removed})
        self._now = wanted
        return wanted

    def _all(self, filed: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._named, *filed, *self._busiest)))

    async def _problems(self, wanted: Sequence[str]) -> list[str]:
        """What is wrong with symbols that are new; the list is asked for anew, because new ones may be just listed."""
        new = [symbol for symbol in wanted if symbol not in self._now]
        problem = self._too_many(len(wanted))
        if not new or problem is not None:
            return [problem] if problem is not None else []
        try:
            return symbol_problems(new, await self._listed(_LATER_PATIENCE_S), self._venue.name)
        except ExchangeError as error:
            return [str(error)]

    async def _listed(self, give_up_after_s: float) -> dict[str, Listed]:
        url = self._rest_url + self._venue.exchange_info_path
        body = await ask(self._rest, url, give_up_after_s)
        return _understood(url, lambda: parse_exchange_info(body))

    async def _most_traded(self, listed: dict[str, Listed]) -> tuple[str, ...]:
        url = self._rest_url + self._venue.ticker_path
        body = await ask(self._rest, url, self._give_up_after_s)
        return tuple(_understood(url, lambda: top_symbols(body, listed, self._top)))

    def _file_problem(self, error: OSError | ValueError) -> str:
        if isinstance(error, OSError):
            return (
                f"--symbols-file {self._file and self._file.path}: expected a readable file, received {error.strerror}"
            )
        return f"--symbols-file {error}"


def _understood(url: str, parse: Callable[[], T]) -> T:
    """What the parser makes of an answer; an answer that it can't read is the exchange's fault."""
    try:
        return parse()
    except ValueError as error:
        raise ExchangeError(f"expected an answer of Binance's from {url}: {error}") from error
