"""An AI engine in small: features from the metrics topic, a decision for each instrument every second, with its reasons.

    obi demo --seconds 300                                            # says where its broker is
    python examples/ai_engine.py --bootstrap-servers 127.0.0.1:40321  # in another terminal

In the place of your models stands the plainest there is: the way the mid price went over the last records. What is around it
is what an engine needs: features that are fresh or missing, rules with reasons, limits that follow each symbol.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from typing import Final

from connectors.broker import BrokerError
from consumers.ai_engine import Enricher, log_line
from consumers.features import FeatureReader
from consumers.limits import Limits, RunningLimits, quantile_band, z_score_band
from consumers.signals import Decision, Signal, decide

BANDS: Final = {"quantile": quantile_band(0.1), "z-score": z_score_band(1.5)}
LOOK_BACK: Final = 20
"""Records that the stand-in for the models looks at."""

WARM_UP: Final = 20
"""Rounds after which running limits are used; an engine would take more."""


def generate_signal(reader: FeatureReader, symbol: str, venue: str) -> Signal | None:
    """Your models stand here. None: the window is not there, and ``why_missing`` says why."""
    window = reader.window(symbol, LOOK_BACK, venue, names=["mid_price", "bid_ask_spread_pct"])
    if window is None:
        return None
    mids = window.values[:, 0]
    move_pct = (mids[-1] / mids[0] - 1) * 100  # NaN where a mid is not defined, and then HOLD
    if not abs(move_pct) > window.values[-1, 1]:  # less than the spread is no move
        return Signal("HOLD", confidence=0.5)
    return Signal("BUY" if move_pct > 0 else "SELL", confidence=0.6)


def decisions(reader: FeatureReader, which: str, every_s: float) -> Iterator[str]:
    """One text for each instrument and round."""
    enricher = Enricher(reader)
    running = RunningLimits(BANDS[which], warm_up=WARM_UP) if which != "fixed" else None
    while True:
        if not reader.instruments:
            yield f"no decision: {reader.why_missing('any instrument')}"
        for instrument in reader.instruments:
            venue, _, symbol = instrument.partition(":")
            features: dict[str, float] = {}  # yours stand in it already
            why = enricher.enrich(features, symbol, venue)
            limits = Limits() if running is None else running.update(instrument, features)
            signal = generate_signal(reader, symbol, venue) if why is None else None
            if signal is None:
                yield f"{instrument}: no decision, {why or reader.why_missing(symbol, venue, n=LOOK_BACK)}"
            elif limits is None:
                yield f"{instrument}: no decision, its limits are still being learned"
            else:
                yield f"{instrument}: {told(decide(signal, features, limits))}\n    {log_line(features)}"
        time.sleep(every_s)


def told(decision: Decision) -> str:
    """A decision and what the rules did, as text."""
    signal = decision.signal
    numbers = f"confidence {signal.confidence:.2f}, size {signal.size:.2f}, stop {signal.stop_distance:.2f}"
    lines = [
        f"{signal.side}{' (wait)' if signal.wait else ''}, {numbers}, take-profit {signal.take_profit:.2f}",
        *decision.reasons,
    ]
    return "\n    ".join(lines)


def main() -> int:
    """Print decisions until there are enough, or Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bootstrap-servers", default=os.environ.get("OBI_BOOTSTRAP_SERVERS", "localhost:9092"))
    parser.add_argument("--topic", default=os.environ.get("OBI_METRICS_TOPIC", "depth.metrics"))
    parser.add_argument("--max-age", type=float, default=2.0, metavar="S", help="older features don't count")
    parser.add_argument("--limits", choices=["fixed", *BANDS], default="quantile", help="where the rules begin to act")
    parser.add_argument("--every", type=float, default=1.0, metavar="S", help="between two rounds")
    parser.add_argument("--decisions", type=int, default=0, metavar="N", help="end after so many; 0: never")
    given = parser.parse_args()
    try:
        with FeatureReader(given.bootstrap_servers, given.topic, given.max_age) as reader:
            for count, text in enumerate(decisions(reader, given.limits, given.every), 1):
                print(text, flush=True)
                if count == given.decisions:
                    break
    except BrokerError as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        pass  # how one leaves
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
