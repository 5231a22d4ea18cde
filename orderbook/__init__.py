"""What an order book is and what its metrics are. Pure: no I/O, no clock, no environment.

``Measurer`` turns the events of one instrument into rows; ``measure_books`` computes what needs no memory.
``OrderbookImbalanceModule`` is both behind three methods, for engines that hold books of their own.
"""

from orderbook.events import Diff, Event, Partial, Quote, Snapshot, Trade
from orderbook.measurer import Measured, Measurer
from orderbook.metrics import COLUMNS, measure_books
from orderbook.module import OrderbookImbalanceModule, OrderbookMetrics, OrderbookSnapshot, OrderbookWarning
from orderbook.presets import PRESETS, MeasureConfig
from orderbook.record import CORE_FEATURES, EIGHT_METRICS, FIELDS, SCHEMA, STATES
from orderbook.rows import Row

__all__ = [
    "COLUMNS",
    "CORE_FEATURES",
    "EIGHT_METRICS",
    "FIELDS",
    "PRESETS",
    "SCHEMA",
    "STATES",
    "Diff",
    "Event",
    "MeasureConfig",
    "Measured",
    "Measurer",
    "OrderbookImbalanceModule",
    "OrderbookMetrics",
    "OrderbookSnapshot",
    "OrderbookWarning",
    "Partial",
    "Quote",
    "Row",
    "Snapshot",
    "Trade",
    "measure_books",
]
