"""A simulated market that speaks Binance: seeded order flow whose true book and trades are known completely.

Pure: standard library and numpy, no I/O, no clock, nothing of the other packages, so that it can judge them.
"""

from simulator.dirt import Dirt
from simulator.events import Event, Truth
from simulator.instrument import Flow, Instrument, Regime
from simulator.presets import default_instruments
from simulator.simulation import START_MS, simulate

__all__ = ["START_MS", "Dirt", "Event", "Flow", "Instrument", "Regime", "Truth", "default_instruments", "simulate"]
