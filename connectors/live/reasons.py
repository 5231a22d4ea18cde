"""What went wrong on the way to the exchange, in words that a person can use."""

from __future__ import annotations

import asyncio

from websockets.exceptions import ConnectionClosed


def reason_of(error: BaseException) -> str:
    """One line; never empty."""
    if isinstance(error, ConnectionClosed):
        return _closed(error)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return str(error) or "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _closed(error: ConnectionClosed) -> str:
    """Who closed, with which code and words of the WebSocket protocol (RFC 6455, 7.4)."""
    if error.rcvd is not None and (error.sent is None or error.rcvd_then_sent):
        return f"the exchange closed it: {error.rcvd.code} {error.rcvd.reason}".rstrip()
    if error.sent is not None:
        return f"closed: {error.sent.code} {error.sent.reason}".rstrip()
    cause = error.__cause__
    return f"cut off: {reason_of(cause)}" if cause is not None else "cut off without a word"
