"""The AI engine's side of the metrics topic: the newest trustworthy features of each instrument, a dictionary lookup away.

``FeatureReader`` for threads, ``AsyncFeatureReader`` for asyncio. Both read in one background thread into the same memory and
answer the same questions (``consumers.lookup``); no question waits for Kafka. Owns what the two have in common: the
settings, and how records reach loops over the reader.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Event, Lock
from types import TracebackType
from typing import Final

from typing_extensions import Self

from connectors.broker import Broker, wrong_keys
from consumers.follower import Follower
from consumers.instruments import AmbiguousSymbolError, Break, Instruments
from consumers.look_back import LookBack
from consumers.lookup import AgeBy, Lookup, Status, Trust, Window
from consumers.metric_record import MetricRecord, Source
from consumers.record_tail import Arrived
from consumers.rows import FEATURES, NewerSchemaError, Row, record_of
from consumers.subscription import SlowLoopError, Subscription
from orderbook.record import CORE_FEATURES

__all__ = [
    "FEATURES",
    "AmbiguousSymbolError",
    "AsyncFeatureReader",
    "Break",
    "FeatureReader",
    "MetricRecord",
    "NewerSchemaError",
    "SlowLoopError",
    "Source",
    "Status",
    "Window",
]

LOOP_LIMIT: Final = 10_000
"""Records that may wait for a loop over the reader."""


class _Intake:
    """Where records go: into the memory, and to the loops. It knows no reader, so that a forgotten one can be let go of."""

    def __init__(self, history_size: int) -> None:
        self.instruments = Instruments(history_size)
        self._loops: list[Subscription] = []
        self._over = False
        self._lock = Lock()

    def take(self, arrived: list[Arrived]) -> None:
        """Take what came."""
        with self._lock:
            rows, newer = self.instruments.take(arrived, time.monotonic())
            for loop in self._loops:
                if rows:
                    loop.put(rows)
                if newer is not None:
                    loop.end(newer)

    def ended(self, error: BaseException | None) -> None:
        """No more will come."""
        with self._lock:
            self._over = True
            for loop in self._loops:
                loop.end(error)

    def subscribe(self, loop: Subscription) -> None:
        """Begin with the newest record of each instrument, then every new one."""
        with self._lock:
            loop.put(self._newest())
            self._loops.append(loop)
            if self._over:
                loop.end()

    def unsubscribe(self, loop: Subscription) -> None:
        """Give it nothing more."""
        with self._lock:
            self._loops.remove(loop)

    def _newest(self) -> list[Row]:
        found = (self.instruments.find(symbol, venue) for venue, _, symbol in map(_split, self.instruments.names))
        return [one.newest.row for one in found if one is not None and one.newest is not None]


def _split(name: str) -> tuple[str, str, str]:
    return name.partition(":")


class Reader(Lookup):
    """What both readers are: their arguments, and (from ``Lookup``) the questions.

    Args:
        bootstrap_servers: The broker.
        topic: The metrics topic.
        max_age_s: Older features are None. Age is told by this machine's clock against ``age_by``, and is never less than
            the time since the record came here.
        features: Names that ``features()`` gives; ``FEATURES`` is all there are.
        trusted_states: States of a book whose features count. What such a state leaves undefined is NaN in them.
        age_by: ``kafka``: since the raw message was written to Kafka (so a job that lags makes features old, and recordings
            can be replayed). ``receive``: since the feed received it; stricter, needs clocks that agree.
        history_size: Records kept of each instrument, about 2 kB each.
        look_back: Records of each instrument that are read at the start, so that windows are there at once; None: as many
            as are kept.
        look_back_most: Messages of a partition that are read back at most, should an instrument seldom have records.
        start_timeout_s: How long to wait for a broker at the start.
        kafka: librdkafka's own keys, for TLS and SASL. Records of transactions are read once they are committed.

    Raises:
        ValueError: A value outside of its limits, a feature that does not exist, a key that is not librdkafka's.
    """

    def __init__(
        self,
        bootstrap_servers: str = "localhost:9092",
        topic: str = "depth.metrics",
        max_age_s: float = 2.0,
        *,
        features: Iterable[str] = CORE_FEATURES,
        trusted_states: Collection[str] = ("live",),
        age_by: AgeBy = "kafka",
        history_size: int = 256,
        look_back: int | None = None,
        look_back_most: int = 20_000,
        start_timeout_s: float = 10.0,
        kafka: Mapping[str, str] | None = None,
    ) -> None:
        back = LookBack(history_size if look_back is None else look_back, look_back_most)
        for name, value in (("history_size", history_size), ("look_back", back.records), ("look_back_most", back.most)):
            if value < 1:
                raise ValueError(f"{name}: expected at least 1, received {value}")
        if kafka and (wrong := wrong_keys(kafka)):
            raise ValueError("; ".join(f"kafka: {key} {reason}" for key, reason in wrong.items()))
        trust = Trust(max_age_s, trusted_states, age_by)
        intake = _Intake(history_size)
        follower = Follower(Broker(bootstrap_servers, kafka or {}), topic, back, intake.take, intake.ended)
        super().__init__(intake.instruments, follower, trust, features=features, history_size=history_size, topic=topic)
        self._intake = intake
        self._follower = follower
        self._start_timeout_s = start_timeout_s
        # Also when it is forgotten, and at the end of the program: a thread in librdkafka must not outlive Python.
        self._finalizer = weakref.finalize(self, follower.stop)
        self._begin()

    def _begin(self) -> None:
        """Told when all is set up."""


class FeatureReader(Reader):
    """Features for an engine made of threads. It reads from its construction to ``close``, or to the end of a ``with``.

    The arguments are ``Reader``'s, the questions ``Lookup``'s. A loop over the reader gives the newest record of each
    instrument, then every new one, and ends when the reader is closed.

    Raises:
        TopicMissingError: There is no such topic.
        BrokerError: No broker answered within ``start_timeout_s``. From then on outages are waited for.
        ValueError: see ``Reader``.

    >>> with FeatureReader("localhost:9092") as reader:  # doctest: +SKIP
    ...     reader.features("BTCUSDT", "binance-usdm")
    {'orderflow_imbalance': 0.235, 'delta_volume': 12.45, ...}
    """

    def _begin(self) -> None:
        self._follower.start(self._start_timeout_s)

    def close(self) -> None:
        """Leave; loops end. May be called twice."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[MetricRecord]:
        """Records, as long as the reader is open.

        Raises:
            SlowLoopError: The loop could not keep up.
            NewerSchemaError: A record of a newer schema came.
        """
        awake = Event()
        loop = Subscription(LOOP_LIMIT, awake.set)
        self._intake.subscribe(loop)
        try:
            while (rows := loop.fetch()) is not None:
                yield from map(record_of, rows)
                if not rows:
                    awake.wait()
                    awake.clear()
        finally:
            self._intake.unsubscribe(loop)


class AsyncFeatureReader(Reader):
    """The same for asyncio: ``async with`` opens and closes it, ``async for`` loops over it. Questions don't wait for anything.

    Raises:
        ValueError: see ``Reader``; ``open`` raises what ``FeatureReader`` raises.

    >>> async def trade() -> None:
    ...     async with AsyncFeatureReader("localhost:9092") as reader:
    ...         async for record in reader:
    ...             print(record.symbol, reader.features(record.symbol, record.venue))
    """

    async def open(self) -> Self:
        """Connect, and come back when the end of the topic has been read."""
        await asyncio.to_thread(self._follower.start, self._start_timeout_s)
        return self

    async def close(self) -> None:
        """Leave; loops end. May be called twice."""
        await asyncio.to_thread(self._finalizer)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[MetricRecord]:
        """Records, as long as the reader is open; raises as the loop over a ``FeatureReader`` does."""
        awake, here = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            with suppress(RuntimeError):  # the event loop is closed, and nobody waits any more
                here.call_soon_threadsafe(awake.set)

        loop = Subscription(LOOP_LIMIT, wake)
        self._intake.subscribe(loop)
        try:
            while (rows := loop.fetch()) is not None:
                for row in rows:
                    yield record_of(row)
                if not rows:
                    await awake.wait()
                    awake.clear()
        finally:
            self._intake.unsubscribe(loop)
