"""A feed that waits for its readers, ends when told, and hands its errors on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from connectors.raw_topic import Message
from consumers.feeding import Feeding


class Sink:
    """A writer that remembers."""

    def __init__(self) -> None:
        self.written: list[Message] = []
        self.closed = False

    def write(self, message: Message) -> int:
        self.written.append(message)
        return 0

    def close(self) -> None:
        self.closed = True


def messages(count: int, size: int = 10, step_ns: int = 1) -> Iterator[Message]:
    return (Message(number * step_ns, b"v:A", b"x" * size, []) for number in range(count))


def test_everything_is_sent_and_acknowledged() -> None:
    sink = Sink()
    feeding = Feeding(messages(500), sink, speed=None, backlog=lambda _partition, _sent: 0)
    feeding.start()
    feeding.join(10)

    assert (len(sink.written), sink.closed, feeding.total, feeding.done.is_set()) == (500, True, 500, True)


def test_it_waits_while_too_many_messages_are_under_way() -> None:
    sink, open_gate = Sink(), threading.Event()
    feeding = Feeding(messages(10_000), sink, speed=None, backlog=lambda _, sent: 0 if open_gate.is_set() else sent)
    feeding.start()
    feeding.done.wait(0.5)
    held_at = len(sink.written)
    open_gate.set()
    feeding.join(10)

    assert 2_000 <= held_at <= 2_100
    assert len(sink.written) == 10_000


def test_it_waits_while_too_many_bytes_are_under_way() -> None:
    sink, open_gate = Sink(), threading.Event()
    feeding = Feeding(
        messages(100, size=100_000), sink, speed=None, backlog=lambda _, sent: 0 if open_gate.is_set() else sent
    )
    feeding.start()
    feeding.done.wait(0.5)
    held_at = len(sink.written)
    open_gate.set()
    feeding.join(10)

    assert held_at < 30
    assert len(sink.written) == 100


def test_it_ends_after_the_recorded_seconds_that_were_asked_for() -> None:
    sink = Sink()
    feeding = Feeding(messages(100, step_ns=10**9), sink, speed=None, backlog=lambda *_: 0, lasts_s=9.5)
    feeding.start()
    feeding.join(10)

    assert len(sink.written) == 10
    assert feeding.recorded_s == 9.0


def test_it_stops_when_it_is_told_to() -> None:
    sink = Sink()
    feeding = Feeding(messages(100, step_ns=10**9), sink, speed=1.0, backlog=lambda *_: 0)
    feeding.start()
    feeding.stop()
    feeding.join(10)

    assert len(sink.written) < 100
    assert sink.closed


def test_an_error_of_the_source_is_handed_on() -> None:
    def broken() -> Iterator[Message]:
        yield from messages(1)
        raise OSError("the disk is gone")

    feeding = Feeding(broken(), Sink(), speed=None, backlog=lambda *_: 0)
    feeding.start()
    feeding.join(10)

    assert feeding.done.is_set()
    assert str(feeding.error) == "the disk is gone"
