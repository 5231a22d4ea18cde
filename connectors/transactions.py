"""A sink part that delivers in short transactions.

Owns the way of the messages from Bytewax's thread to the part's own, which writes them (``connectors.transactor``): what
waits and what is under way is bounded, the parts of a sink commit at the same time, and no wait is without an end.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

from bytewax.outputs import StatefulSinkPartition
from typing_extensions import override

from connectors.broker import LOG, DeliveryError
from connectors.outgoing import OutBatch
from connectors.terms import CLOSE_WAIT_S, SLICE_S, Terms, Waiting
from connectors.transactor import Over, Transactor

_HELD_BYTES: Final = 64 * 1024 * 1024
"""What one part may hold that is not committed; values only, so take half as much again."""


class TransactionalPart(StatefulSinkPartition[OutBatch, int]):
    """One partition of the topic; its messages become visible when their transaction is committed.

    Args:
        terms: whom to write for, and how.
        partition: to write to.
        begin: where the output of this state begins, or went on to; None when that is not known.
        interval_s: how long the first message of a transaction waits for others, about.
        epoch_s: how long an epoch is; ``snapshot`` is called at its end.
        parts: all parts of the sink, this one among them.

    Raises:
        BrokerError: from ``write_batch`` or ``snapshot``, when the broker did not take a message or a second writer won.
    """

    def __init__(
        self,
        terms: Terms,
        partition: int,
        begin: int | None,
        *,
        interval_s: float,
        epoch_s: float,
        parts: Mapping[int, TransactionalPart],
    ) -> None:
        self._terms = terms
        self._partition = partition
        self._interval_s = interval_s
        self._epoch_s = epoch_s
        self._epoch_end = time.monotonic() + epoch_s
        self._parts = parts
        self._transactor = Transactor(terms, partition, begin, self._is_over)
        lock = threading.Lock()
        self._work, self._progress = threading.Condition(lock), threading.Condition(lock)
        self._waiting: deque[OutBatch] = deque()
        self._held = self._held_bytes = 0
        self._taken = (0, 0)
        self._is_idle = self._is_filling = self._is_hurried = self._is_closing = self._has_ended = False
        self._closed_by = 0.0
        self._failure: Exception | None = None
        # A daemon: should a call into librdkafka hang, the process can end all the same.
        self._thread = threading.Thread(target=self._run, name=f"{terms.topic}-{partition}", daemon=True)
        self._thread.start()

    @property
    def end(self) -> int:
        """The offset behind the last message that is known to be committed, as ``KafkaSink.ends`` has it."""
        return self._transactor.end

    @override
    def write_batch(self, values: list[OutBatch]) -> None:
        for batch in values:
            if batch.partition != self._partition:
                raise ValueError(f"expected messages for partition {self._partition}, received {batch.partition}")
            size = sum(map(len, filter(None, batch.values)))
            with self._work:
                self._await(_HELD_BYTES - size, "too much waits to be committed")
                self._waiting.append(batch)
                self._held += len(batch)
                self._held_bytes += size
                if self._is_idle:  # else it will look by itself
                    self._work.notify()

    @override
    def snapshot(self) -> int:
        with self._terms.flushes.running():
            now = time.monotonic()
            for part in self._parts.values():  # the others will be asked next, and can commit meanwhile
                part.hurry(epoch_ended=now)
            with self._work:
                self._await(-1, "not everything is committed yet")
        return self.end

    @override
    def close(self) -> None:
        """Commit what is left, unless something failed; all parts of the sink at the same time. Never raises."""
        until = time.monotonic() + CLOSE_WAIT_S
        for part in self._parts.values():
            part.hurry(closed_by=until)
        with self._work:
            self._progress.wait_for(lambda: self._has_ended, max(0.0, self._closed_by - time.monotonic()) + 2 * SLICE_S)
            if self._held:
                LOG.error(
                    "%d messages for %s were not committed; a restart repeats them", self._held, self._terms.topic
                )

    def hurry(self, *, epoch_ended: float | None = None, closed_by: float | None = None) -> None:
        """Commit now what waits; an epoch ended, or ``closed_by`` says how soon to end (the first one to say it counts)."""
        with self._work:
            # Each part tells it; the first one is nearest to the truth.
            if epoch_ended is not None and epoch_ended > self._epoch_end - self._epoch_s / 2:
                self._epoch_end = epoch_ended + self._epoch_s
            if closed_by is not None and not self._is_closing:
                self._is_closing, self._closed_by = True, closed_by
            self._hurry()

    def _hurry(self) -> None:
        # Not while a commit is under way with nothing behind it: the next transaction has time again.
        self._is_hurried = self._is_filling or bool(self._waiting)
        self._work.notify()

    def _await(self, most: int, why: str) -> None:
        """Wait, holding the lock, until no more than ``most`` bytes are held, or nothing."""
        waiting = None
        while True:
            if self._failure is not None:
                raise self._failure
            if not self._held or self._held_bytes <= most:
                return
            waiting = waiting or Waiting(self._terms.patience)
            self._hurry()
            self._progress.wait(SLICE_S)
            try:
                waiting.go_on(
                    f"{self._held} messages for partition {self._partition} of {self._terms.topic} wait: {why}"
                )
            except DeliveryError as error:
                self._failure = error

    def _is_over(self) -> bool:
        """Whether the own thread waits for nothing that anybody wants any more."""
        is_wanted = self._held and time.monotonic() < self._closed_by
        return self._failure is not None or (self._is_closing and not is_wanted)

    def _run(self) -> None:
        """The part's own thread."""
        try:
            self._transactor.open()
            while self._is_work_there():
                self._transactor.write(self._arriving())
                with self._work:
                    held, size = self._taken
                    self._taken = (0, 0)
                    self._held -= held
                    self._held_bytes -= size
                    self._progress.notify_all()
        except Over:
            pass
        except Exception as error:  # noqa: BLE001 (whatever it is, the thread that waits for us raises it)
            self._failure = self._failure or error
        finally:
            self._transactor.close()
            with self._work:
                self._has_ended = True
                self._progress.notify_all()

    def _is_work_there(self) -> bool:
        """Wait for a message; there is none any more when the part is closed."""
        with self._work:
            while not self._waiting and not self._is_closing:
                self._is_idle = True
                self._work.wait()
                self._is_idle = False
            return bool(self._waiting)

    def _arriving(self) -> Iterator[list[OutBatch]]:
        """What goes into one transaction.

        First what waits, at once: that the broker adds the partition to a transaction takes 20 ms soon after the last one,
        which nobody notices while other messages arrive. Then the others, when the first one has waited long enough.
        """
        until = commit_at(time.monotonic(), self._epoch_end, self._interval_s)
        yield self._take(is_last=False)
        with self._work:
            rest_s = until - time.monotonic()
            self._work.wait_for(lambda: self._is_hurried or self._is_closing, max(0.0, rest_s))
        yield self._take(is_last=True)

    def _take(self, *, is_last: bool) -> list[OutBatch]:
        with self._work:
            self._is_filling = not is_last
            self._is_hurried = self._is_hurried and not is_last
            batches = list(self._waiting)
            self._waiting.clear()
            self._taken = (self._held, self._held_bytes)
            return batches


def commit_at(now: float, epoch_end: float, interval_s: float) -> float:
    """When a transaction that begins now is committed, unless something hurries it.

    The rest of the epoch is cut into equal stretches of about ``interval_s``, so that the last transaction ends with it. One
    that was committed just before would leave messages behind, and since the next can't begin for 20 ms, the stream would
    stand still for that and a commit more. The last one is a little longer than the epoch: its end hurries it.

    >>> commit_at(0.0, 0.24, 0.05)
    0.048
    >>> commit_at(0.2, 0.24, 0.05)
    0.29
    """
    rest_s = epoch_end - now
    if rest_s <= 0.0:  # the end is late: no use to wait for it
        return now + interval_s
    stretches = round(rest_s / interval_s)
    return now + (rest_s / stretches if stretches > 1 else rest_s + interval_s)
