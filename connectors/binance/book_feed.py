"""What the feed knows of one symbol's full book: its chain of ids, its band, and which snapshot it waits for."""

from __future__ import annotations

import enum

from connectors.binance.band import Band
from connectors.binance.chain import Chain
from connectors.binance.pacing import Backoff
from connectors.binance.rest import Urgency


class Purpose(enum.Enum):
    """Why a snapshot is wanted; the earlier in this list, the sooner it is asked for."""

    GAP = "gap"
    """Something is missing between two differences."""
    RETRY = "retry"
    """The last snapshot does not join what came since."""
    BAND = "band"
    """The market leaves the prices behind that the last one covered."""
    CONNECT = "connect"
    """The first difference of a symbol."""
    RECONNECT = "reconnect"
    """The first difference of a renewed subscription."""
    AUDIT = "audit"
    """To compare the book with."""

    @property
    def rank(self) -> int:
        """Place in the list."""
        return _RANKS[self]

    @property
    def urgency(self) -> Urgency:
        """How much of the weight it may use up."""
        if self in {Purpose.GAP, Purpose.RETRY, Purpose.BAND}:
            return Urgency.NOW
        return Urgency.LATER if self is Purpose.AUDIT else Urgency.SOON


_RANKS = {purpose: rank for rank, purpose in enumerate(Purpose)}


class BookFeed:
    """One symbol whose differences are wanted.

    Attributes:
        symbol: In upper case.
        chain: Of its differences.
        fresh: Whether the next difference is the first one of a new or renewed subscription.
        wanted: Why a snapshot is wanted; None when none is.
        flight: The number of the request on its way; None without.
        asked_s: When a snapshot was asked for last.
        retry_s: Not to ask before, after a failure.
        audit_s: When the next one is due for audit.
        look_s: When the next look at the market's place is due.
        band: Of the last snapshot.
        seeded: Whether a snapshot of it was written.
    """

    __slots__ = (
        *("asked_s", "audit_s", "backoff", "band", "chain", "flight", "fresh"),
        *("look_s", "retry_s", "seeded", "symbol", "wanted"),
    )

    def __init__(self, symbol: str, *, chained: bool) -> None:
        self.symbol = symbol
        self.chain = Chain(chained=chained)
        self.fresh = True
        self.wanted: Purpose | None = None
        self.flight: int | None = None
        self.asked_s = float("-inf")
        self.retry_s = float("-inf")
        self.audit_s = float("inf")
        self.look_s = float("-inf")
        self.band: Band | None = None
        self.seeded = False
        self.backoff = Backoff(1.0, 30.0)

    def want(self, purpose: Purpose) -> None:
        """A snapshot is wanted; the more urgent reason stays."""
        if self.wanted is None or purpose.rank < self.wanted.rank:
            self.wanted = purpose
