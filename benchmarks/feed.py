"""``make feed-bench``: a live feed of many symbols from the fake exchange into a real Kafka, held against what was sent.

Exchange, feed and broker are processes of their own and share the machine's clock. The exchange writes down when it handed
each frame to its socket; the raw topic tells when the feed received it (``recv_ns``) and when the broker appended it
(``LogAppendTime``, whole ms). The acknowledgement follows the append; the feed's own histogram bounds it from above.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
import time
import urllib.request
from array import array
from collections import defaultdict
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from tests.kafka_reading import read_topic
from tests.kafka_server import KafkaServer, free_ports
from tests.kafka_topics import Topics
from tests.live.processes import Exchange, Feed, wait_for_messages

STREAMS: Final = ("depth20@100ms", "trade")
_NS: Final = 1_000_000_000
_SAY_EVERY_S: Final = 30.0
_TAPES: Final = 8
_STREAM: Final = re.compile(rb'\{"stream":"([^"]+)"')
_BUCKET: Final = r'^obi_feed_acknowledgement_seconds_bucket\{le="([^"]+)"\} (\S+)$'


class Use(NamedTuple):
    """What a process used at one moment: seconds since the start, memory (MB), processor time (s)."""

    at_s: float
    rss_mb: float
    cpu_s: float


class Found(NamedTuple):
    """What the raw topic said: frames that are missing, and times from the exchange's socket, in ms."""

    sent: int
    lost: int
    received_ms: np.ndarray
    appended_ms: np.ndarray


def run(given: argparse.Namespace, servers: str, topic: str, folder: Path) -> tuple[Found, list[Use], float, str]:
    """One run: what was found, the feed's use by the second, the exchange's share of a core, the feed's histogram."""
    sent = folder / "sent"
    count = given.symbols * len(STREAMS)
    market = [f"--symbols={given.symbols}", f"--tapes={_TAPES}", f"--seconds={given.seconds}"]
    address = f"127.0.0.1:{free_ports(1)[0]}"
    flags = [f"--top={given.symbols}", f"--streams={','.join(STREAMS)}", f"--metrics-addr={address}"]
    with (
        Exchange(folder, given.venue, *market, f"--wait-for={count}", f"--sent={sent}") as exchange,
        Feed(folder, exchange, servers, topic, *flags) as feed,
    ):
        if given.core is not None:
            os.sched_setaffinity(feed.process.pid, {given.core})
        exchange.wait(lambda state: bool(state["started"]) or not feed.is_alive, 120.0)
        if not feed.is_alive:
            raise RuntimeError(f"expected a feed, received:\n{feed.text}")
        begun, before = time.monotonic(), exchange.cpu_s
        uses = watch(feed, given.seconds)
        state = exchange.wait(lambda state: bool(state["finished"]), 60.0)
        share = (exchange.cpu_s - before) / (time.monotonic() - begun)
        wait_for_messages(servers, topic, state["frames"])
        histogram = urllib.request.urlopen(f"http://{address}/metrics", timeout=10).read().decode()
        feed.terminate(10.0)
        exchange.terminate(10.0)
    return compare(servers, topic, sent), uses, share, histogram


def watch(feed: Feed, seconds: float) -> list[Use]:
    """The feed's use, once a second while the market goes on."""
    begun = said = time.monotonic()
    uses = []
    while (now := time.monotonic()) - begun < seconds and feed.is_alive:
        uses.append(Use(now - begun, feed.rss_mb, feed.cpu_s))
        if now - said >= _SAY_EVERY_S:
            said = now
            print(f"{now - begun:.0f} s: {uses[-1].rss_mb:.0f} MB", file=sys.stderr)
        time.sleep(1.0)
    return uses


def compare(servers: str, topic: str, sent: Path) -> Found:
    """Hold each stream's messages in the topic against its frames in the exchange's file, in their order."""
    sums: dict[bytes, array[int]] = defaultdict(lambda: array("L"))
    times: dict[bytes, array[int]] = defaultdict(lambda: array("q"))
    with sent.open("rb") as file:
        for line in file:
            row = orjson.loads(line)
            sums[row["stream"].encode()].append(row["crc32"])
            times[row["stream"].encode()].append(row["sent_ns"])
    total = sum(map(len, sums.values()))
    received, appended = np.zeros(total), np.zeros(total)
    places: dict[bytes, int] = defaultdict(int)
    lost = matched = 0
    for message in read_topic(servers, topic):
        value = message.value or b""
        head = _STREAM.match(value)
        stream, number = head[1] if head else b"", crc32(value)
        frames, place = sums.get(stream, ()), places[stream]
        while place < len(frames) and frames[place] != number:
            place, lost = place + 1, lost + 1
        places[stream] = place + 1
        if place < len(frames):
            sent_ns = times[stream][place]
            received[matched] = (int(dict(message.headers)["recv_ns"] or b"0") - sent_ns) / 1e6
            appended[matched] = message.timestamp_ms - sent_ns / 1e6
            matched += 1
    lost += sum(len(frames) - min(places[stream], len(frames)) for stream, frames in sums.items())
    return Found(total, lost, received[:matched], appended[:matched])


def quantile_bound_ms(histogram: str, share: float) -> float:
    """The smallest bound of the feed's histogram of acknowledgements that so large a share does not exceed, in ms."""
    buckets = [(float(bound), float(count)) for bound, count in re.findall(_BUCKET, histogram, re.MULTILINE)]
    total = buckets[-1][1]
    return next(bound * 1e3 for bound, count in buckets if count >= share * total)


def report(
    console: Console, given: argparse.Namespace, found: Found, *, uses: list[Use], share: float, histogram: str
) -> None:
    """Print the figures."""
    table = Table(title=f"obi feed {given.venue}: {given.symbols} symbols, {', '.join(STREAMS)}, {given.seconds:.0f} s")
    table.add_column("")
    table.add_column("", justify="right")
    cores = (uses[-1].cpu_s - uses[0].cpu_s) / (uses[-1].at_s - uses[0].at_s)
    rates = found.sent / given.seconds
    table.add_row("frames sent, a second", f"{found.sent:,}, {rates:,.0f}")
    table.add_row("lost", f"{found.lost:,}")
    moments = [uses[len(uses) * part // 10] for part in (1, 5)] + [uses[-1]]
    table.add_row("memory at 10 %, 50 %, 100 %; most", "; ".join(
        [", ".join(f"{use.rss_mb:.0f} MB" for use in moments), f"{max(use.rss_mb for use in uses):.0f} MB"]
    ))  # fmt: skip
    table.add_row("feed, share of a core", f"{100 * cores:.0f} %")
    table.add_row("fake exchange, share of a core", f"{100 * share:.0f} %")
    for name, values in (("received", found.received_ms), ("appended", found.appended_ms)):
        quantiles = ", ".join(f"{value:.1f}" for value in np.percentile(values, (50, 99, 99.9)))
        table.add_row(f"sent to {name}, p50, p99, p99.9 (ms)", quantiles)
    bounds = ", ".join(f"<= {quantile_bound_ms(histogram, part):.0f}" for part in (0.5, 0.99, 0.999))
    table.add_row("handed to Kafka to acknowledged, the same (ms)", bounds)
    console.print(table)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores (broker and exchange on the same ones)")


def main() -> int:
    """Measure; 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="make feed-bench", description=__doc__)
    parser.add_argument("--venue", default="binance-usdm")
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--core", type=int, help="the one core that the feed may use")
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=120)
    with tempfile.TemporaryDirectory(prefix="obi-feed-bench-") as folder, KafkaServer() as server:
        topics = Topics(server.bootstrap_servers)
        config = {"message.timestamp.type": "LogAppendTime"}
        topic = topics.create("raw", partitions=given.partitions, config=config)
        found, uses, share, histogram = run(given, server.bootstrap_servers, topic, Path(folder))
        report(console, given, found, uses=uses, share=share, histogram=histogram)
    return 1 if found.lost else 0


if __name__ == "__main__":
    sys.exit(main())
