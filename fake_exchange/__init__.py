"""An exchange that speaks Binance over real sockets, knows its own books, and errs on request: the feeds' judge.

It shares no protocol code with the feeds that it judges.
"""

from fake_exchange.exchange import FakeExchange, Options
from fake_exchange.faults import KINDS, Fault, FaultError, parse_fault
from fake_exchange.server import serving
from fake_exchange.venues import VENUES

__all__ = ["KINDS", "VENUES", "FakeExchange", "Fault", "FaultError", "Options", "parse_fault", "serving"]
