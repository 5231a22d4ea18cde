"""HTTP GET requests to the exchange: an answer each time, whatever happens.

Owns the choices of the HTTP library: how long a request may take in all, and how many there may be at once.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

import httpx2
from typing_extensions import Self

from connectors.binance.actions import Answer
from connectors.live.reasons import reason_of

_CONNECT_S: Final = 5.0
_STEP_S: Final = 10.0
_REQUEST_S: Final = 15.0
"""From the request to the last byte; a slow body resets the library's own time-outs with every piece."""

_AT_ONCE: Final = 16


class Rest:
    """A client with its connections; a context manager."""

    def __init__(self) -> None:
        self._client = httpx2.AsyncClient(
            headers={"User-Agent": "obi"},
            timeout=httpx2.Timeout(_STEP_S, connect=_CONNECT_S, pool=_REQUEST_S),
            limits=httpx2.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE, keepalive_expiry=30.0),
        )

    async def get(self, url: str) -> Answer:
        """Ask once. No answer has status 0 and says why."""
        try:
            response = await asyncio.wait_for(self._client.get(url), _REQUEST_S)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, asyncio.TimeoutError) as error:
            return Answer(0, {}, b"", reason_of(error))
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content, response.reason_phrase)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()
