"""What the exchange says of its symbols before a feed can start: asked until it answers, and seen to be waiting.

Owns the patience of that: which answers are worth another try, how long to wait between two, and when to give up.
"""

from __future__ import annotations

import logging
import time
from typing import Final

import stamina
import stamina.instrumentation

from connectors.binance.actions import Answer
from connectors.live.rest import Rest

LOG: Final = logging.getLogger("obi.feed")

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 5.0
_JITTER_S: Final = 0.5
_OK: Final = 200
_AGAIN: Final = frozenset({0, 408, 418, 425, 429})
_SERVER_ERROR: Final = 500
_SHOWN_CHARACTERS: Final = 200


class ExchangeError(ConnectionError):
    """The exchange did not answer, or not as it should: the outside failed, exit code 3."""


class _NotYetError(Exception):
    """No answer, or one that may be another in a moment."""

    def __init__(self, why: str, wait_s: float | None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


async def ask(rest: Rest, url: str, give_up_after_s: float) -> bytes:
    """The body of a good answer.

    Args:
        rest: asks.
        url: for what.
        give_up_after_s: how long to try; 0: for ever.

    Raises:
        ExchangeError: There was none in that time, or one that no second try will change.
    """
    begun = time.monotonic()

    def worth_another_try(error: Exception) -> bool | float:
        """Asked by stamina after each failure: whether to try again, and after how long."""
        if not isinstance(error, _NotYetError):
            return False
        seconds = round(time.monotonic() - begun)
        LOG.warning("waiting for the exchange", extra={"url": url, "seconds": seconds, "reason": str(error)})
        return True if error.wait_s is None else error.wait_s

    # Its own log line would say the same in other words.
    stamina.instrumentation.set_on_retry_hooks([])
    try:
        async for attempt in stamina.retry_context(
            on=worth_another_try, attempts=None, timeout=give_up_after_s or None,
            wait_initial=_FIRST_WAIT_S, wait_max=_LONGEST_WAIT_S, wait_jitter=_JITTER_S,
        ):  # fmt: skip
            with attempt:
                return _good(await rest.get(url), url)
    except _NotYetError as error:
        raise ExchangeError(
            f"expected an answer from {url} within {give_up_after_s:g} s, received: {error}; look after the network, or "
            "wait longer with --give-up-after"
        ) from None
    raise AssertionError("stamina tries until there is an answer or an error")


def _good(answer: Answer, url: str) -> bytes:
    if answer.status == _OK:
        return answer.body
    body = " ".join(answer.body[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace").split())[:_SHOWN_CHARACTERS]
    why = f"HTTP {answer.status} {body or answer.why}".rstrip() if answer.status else answer.why
    if answer.status in _AGAIN or answer.status >= _SERVER_ERROR:
        wait = answer.headers.get("retry-after", "")
        raise _NotYetError(why, float(wait) if wait.isdigit() else None)
    raise ExchangeError(f"expected an answer from {url}, received: {why}")
