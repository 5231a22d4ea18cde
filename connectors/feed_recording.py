"""Recordings as one stream of raw messages: several files merged by receive time, paced, looped with clocks that go on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from operator import attrgetter
from typing import Final

from connectors.raw_topic import Message
from connectors.recordings import RecordingReader

_NS: Final = 1_000_000_000
_POLL_S: Final = 0.05
_RESTART_NS: Final = 61 * _NS
"""Between two rounds of a loop: ids that go back are a restart of the venue only if its clock is 60 s ahead."""

_CLOCKS: Final = re.compile(rb'"([ET])":(\d{13}(?:\d{3})?)\b')
_MICROSECOND_DIGITS: Final = 16


def messages_of(reader: RecordingReader, batch_size: int = 500) -> Iterator[Message]:
    """The messages of one recording in its order; a line without a usable time has the time of the one before."""
    last = 0
    for batch in reader.batches(batch_size):
        for key, value, headers in zip(batch.keys, batch.values, batch.headers, strict=True):
            time_text = dict(headers or ()).get("recv_ns", b"")
            last = max(last, int(time_text)) if time_text.isdigit() else last
            yield Message(last, key, value or b"", headers or [])


def merged(readers: Sequence[RecordingReader]) -> Iterator[Message]:
    """The messages of all recordings by receive time; each recording keeps its own order."""
    return merge(*(messages_of(reader) for reader in readers), key=attrgetter("recv_ns"))


def looped(make: Callable[[], Iterable[Message]]) -> Iterator[Message]:
    """The same messages for ever; from the second round on with clocks that go on.

    Ids start again with every round, as after a restart of the venue; therefore the exchange's clocks in the messages
    (``E``, ``T``) and the receive times are moved by the length of the rounds before, and a minute.
    """
    shift, first, last = 0, None, 0
    while True:
        for message in make():
            first = message.recv_ns if first is None else first
            last = message.recv_ns
            yield shifted(message, shift) if shift else message
        if first is None:
            return
        shift += last - first + _RESTART_NS


def shifted(message: Message, shift_ns: int) -> Message:
    """The message as if it had come ``shift_ns`` later."""
    value = _CLOCKS.sub(lambda match: b'"%b":%d' % (match[1], _later(match[2], shift_ns)), message.value)
    recv_ns = message.recv_ns + shift_ns
    headers = [(name, b"%d" % recv_ns if name == "recv_ns" else text) for name, text in message.headers]
    return Message(recv_ns, message.key, value, headers)


def _later(clock: bytes, shift_ns: int) -> int:
    return int(clock) + shift_ns // (1_000 if len(clock) == _MICROSECOND_DIGITS else 1_000_000)


class Pace:
    """Lets messages pass when they are due.

    Args:
        speed: Recorded seconds per second; None: as fast as possible.
        stop: Asked while waiting; True ends the feed.
        monotonic: A clock in seconds.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        speed: float | None,
        stop: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._speed = speed
        self._stop = stop
        self._monotonic = monotonic
        self._sleep = sleep
        self._start: tuple[int, float] | None = None

    def wait(self, recv_ns: int) -> bool:
        """Wait until a message of that receive time is due; False when the feed is to stop."""
        if self._start is None:
            self._start = recv_ns, self._monotonic()
        if self._speed is None:
            return not self._stop()
        due = self._start[1] + (recv_ns - self._start[0]) / _NS / self._speed
        while not self._stop():
            left = due - self._monotonic()
            if left <= 0:
                return True
            self._sleep(min(left, _POLL_S))
        return False
