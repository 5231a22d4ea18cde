"""`make feed-chaos`: on each venue a feed beside an exchange that errs fifty times, on a broker of its own, and the judge."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console

from tests.deployment import Deployment
from tests.kafka_server import KafkaServer
from tests.kafka_topics import Topics
from tests.live.disturbed import END_WITHIN_S, disturbed

VENUES = ("binance-spot", "binance-usdm", "binance-coinm")


def arguments() -> argparse.Namespace:
    """What may be said; without a word, all that is promised."""
    parser = argparse.ArgumentParser(prog="make feed-chaos", description=__doc__)
    parser.add_argument("--venue", nargs="+", choices=VENUES, default=VENUES)
    parser.add_argument("--faults", type=int, default=50, help="of each run; every kind as often as every other")
    parser.add_argument("--within", type=float, default=200.0, help="seconds over which they are spread")
    parser.add_argument("--symbols", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="a folder where logs stay, for whoever looks for a reason")
    return parser.parse_args()


def main() -> int:
    """Run everything; 1 when anything was wrong."""
    given = arguments()
    console = Console() if sys.stdout.isatty() else Console(width=200)
    well = True
    with tempfile.TemporaryDirectory(prefix="obi-feed-chaos-") as temporary, KafkaServer() as server:
        for venue in given.venue:
            topics = Topics(server.bootstrap_servers)
            deployment = Deployment(server.bootstrap_servers, topics, (given.keep or Path(temporary)) / venue)
            outcome = disturbed(
                deployment, venue, symbols=given.symbols, faults=given.faults, within_s=given.within, seed=given.seed
            )
            judgement = outcome.judgement
            is_well = judgement.is_well and outcome.ended_in_s < END_WITHIN_S
            well = well and is_well
            console.print(
                f"{venue}, {outcome.faults} faults in {given.within:.0f} s: {'well' if is_well else 'NOT WELL'}"
            )
            console.print(f"  {judgement}", highlight=False)
            console.print(f"  ended {outcome.ended_in_s:.1f} s after SIGTERM", highlight=False)
            for found in (judgement.wrong, judgement.unexplained, judgement.slow, judgement.hasty, judgement.lost):
                for line in found[:5]:
                    console.print(f"    {line}", highlight=False)
            console.print(f"  faults {dict(Counter(outcome.kinds))}", highlight=False)
            topics.delete()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
