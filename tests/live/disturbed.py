"""One disturbed run: a simulated market on a fake exchange that errs, a feed, a job, and the judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.deployment import Deployment
from tests.live.judge import Judgement, judge
from tests.live.processes import Exchange, Feed, wait_for_messages

STREAMS: Final = ("depth@100ms", "trade")
END_WITHIN_S: Final = 5.0
_CALM_S: Final = 6.0
"""After the last fault: what it broke has to heal."""


@dataclass(frozen=True)
class Outcome:
    """What came of it: the judgement, the kinds of the faults, how long the feed took to end, and its log."""

    judgement: Judgement
    kinds: tuple[str, ...]
    ended_in_s: float
    log: str

    @property
    def faults(self) -> int:
        """How many there were."""
        return len(self.kinds)


def disturbed(deployment: Deployment, venue: str, *, symbols: int, faults: int, within_s: float, seed: int) -> Outcome:
    """Run it. The feed is ended while the market goes on: what it has received by then must be in the topic."""
    truth, sent = deployment.folder / "truth", deployment.folder / "sent"
    market = [f"--symbols={symbols}", f"--seed={seed}", f"--seconds={within_s + _CALM_S}"]
    wrongs = [f"--faults={faults}", f"--faults-within={within_s}"]
    files = [f"--truth={truth}", f"--sent={sent}", f"--wait-for={symbols * len(STREAMS)}"]
    with Exchange(deployment.folder, venue, *market, *wrongs, *files) as exchange:
        names = exchange.state()["symbols"]
        # Two symbols a connection: what befalls one connection must not touch the others.
        flags = [f"--streams={','.join(STREAMS)}", f"--streams-per-connection={2 * len(STREAMS)}"]
        with Feed(deployment.folder, exchange, deployment.servers, deployment.raw, *names, *flags) as feed:
            exchange.wait(lambda state: bool(state["finished"]) or not feed.is_alive, within_s + 60.0)
            assert feed.is_alive, feed.text
            last = exchange.state()
            wait_for_messages(deployment.servers, deployment.raw, last["frames"] // 2)
            ended_in_s = feed.terminate(END_WITHIN_S)
            log = feed.text
        state = exchange.state()
        exchange.terminate(END_WITHIN_S)
    deployment.run()
    return Outcome(
        judge(deployment, truth, sent, state), tuple(fault["kind"] for fault in state["faults"]), ended_in_s, log
    )
