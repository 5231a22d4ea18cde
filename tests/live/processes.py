"""The fake exchange and the feed as a user starts them: processes with logs, and what they tell from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import urlopen

from confluent_kafka import Consumer, TopicPartition
from typing_extensions import Self

from tests.deployment import OBI, environment

PATIENCE_S = 60.0


class Process:
    """A command of obi; its standard error goes to a file.

    Args:
        folder: where it runs, and where its log is.
        name: of the log.
        arguments: behind ``obi``.
        env: more of the environment.
    """

    def __init__(self, folder: Path, name: str, arguments: Sequence[str], env: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        with ExitStack() as files:
            stderr = files.enter_context(self.log.open("wb"))
            self.process = subprocess.Popen(
                [sys.executable, *OBI, *arguments],
                cwd=folder,
                env={**environment(), **env},
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def terminate(self, within_s: float) -> float:
        """End it in order; how many seconds that took. Fails when it took longer, or did not end with 0."""
        begun = time.monotonic()
        self.process.terminate()
        self.process.communicate(timeout=within_s)
        took_s = time.monotonic() - begun
        assert self.process.returncode == 0, self.text
        return took_s

    @property
    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def rss_mb(self) -> float:
        """Memory that it holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    @property
    def cpu_s(self) -> float:
        """Processor time that it has used, of all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


class Exchange(Process):
    """A fake exchange.

    Args:
        venue: as in ``--venue``.
        arguments: of the command, beside the venue.

    Attributes:
        env: leads a feed to it.
    """

    def __init__(self, folder: Path, venue: str, *arguments: str) -> None:
        super().__init__(folder, "exchange", ["fake-exchange", f"--venue={venue}", *arguments], {})
        assert self.process.stdout is not None
        first, *exports = [self.process.stdout.readline().strip() for _ in range(3)]
        assert first.startswith("fake exchange"), self.text
        self.venue = venue
        self.address = first.rpartition(" ")[2]
        pairs = (line.removeprefix("export ").partition("=") for line in exports)
        self.env = {name: value for name, _, value in pairs}

    def state(self) -> dict[str, Any]:
        """What it tells of itself."""
        found: dict[str, Any] = self._get("state")
        return found

    def inject(self, spec: str) -> None:
        """Begin a fault now."""
        self._get(f"fault?spec={spec}")

    def wait(self, reached: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE_S) -> dict[str, Any]:
        """Its state once something holds of it."""
        deadline = time.monotonic() + seconds
        while not reached(state := self.state()):
            assert self.is_alive, self.text
            assert time.monotonic() < deadline, f"{state} after {seconds} s"
            time.sleep(0.1)
        return state

    def _get(self, what: str) -> Any:
        with urlopen(f"http://{self.address}/control/{what}", timeout=10) as answer:
            return json.load(answer)


class Feed(Process):
    """A live feed from a fake exchange into a raw topic."""

    def __init__(self, folder: Path, exchange: Exchange, servers: str, topic: str, *arguments: str) -> None:
        flags = [f"--bootstrap-servers={servers}", f"--raw-topic={topic}", "--log-format=json"]
        super().__init__(folder, "feed", ["feed", exchange.venue, *flags, *arguments], exchange.env)


def messages_in(servers: str, topic: str) -> int:
    """How many messages a topic holds (of one that nothing was deleted from)."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "counter"})
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, one), timeout=30)[1] for one in partitions)
    finally:
        consumer.close()


def wait_for_messages(servers: str, topic: str, count: int, seconds: float = PATIENCE_S) -> None:
    """Return once a topic holds so many messages."""
    deadline = time.monotonic() + seconds
    while (found := messages_in(servers, topic)) < count:
        assert time.monotonic() < deadline, f"{found} messages of {count} after {seconds} s"
        time.sleep(0.2)
