"""What a crash left in an output partition behind the last recovery point, so that a restart does not write it again.

Owns the identity of a written message: the raw offset that it answers to. An output partition holds the answers to the
raw partition of the same number, and each raw message has at most one, so the offset alone is enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from connectors.broker import REQUEST_S, Broker, BrokerError, is_transient
from connectors.outgoing import OutBatch
from connectors.raw import Headers

Identify: TypeAlias = Callable[[bytes | None, Headers | None], int]
"""The raw offset that a message with this value and these headers answers to; ValueError when it tells none."""

_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001  (librdkafka's own code)
_CONSUMER: Final = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    # That nothing follows is told by an empty answer, for which a broker waits half a second by default.
    "fetch.wait.max.ms": 5,
}
_FORBIDDEN: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)
_UNKNOWN: Final = frozenset(
    {KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}  # noqa: SLF001
)
"""A topic that is gone, or a broker that has just started and does not know it yet."""

_LEVELS: Final = ("read_uncommitted", "read_committed")
_ANSWER_S: Final = 5.0
_AGAIN_S: Final = 0.05
_POLL_S: Final = 1.0


class Bounds(NamedTuple):
    """A partition's first offset and its end, the offset that the next message gets."""

    first: int
    end: int


_OFFSET: Final = b'"offset":'


def record_answers_to(value: bytes | None, _headers: Headers | None) -> int:
    """A metric record's: ``source.offset``; no text in a record can hold its name with quotes that are not escaped.

    >>> record_answers_to(b'{"seq":1,"source":{"topic":"t","partition":0,"offset":17},"imbalance_l1":0.5}', None)
    17
    """
    text = value or b""
    begin = text.rindex(_OFFSET) + len(_OFFSET)
    return int(text[begin : text.index(b"}", begin)])


def fault_answers_to(_value: bytes | None, headers: Headers | None) -> int:
    """A fault's: the last ``obi.offset`` header (a fault that was fed again has an older one too)."""
    return int(dict(headers or [])["obi.offset"])


def bounds(broker: Broker, topic: str, partitions: Iterable[int], go_on: Callable[[str], None]) -> dict[int, Bounds]:
    """First offset and end of each partition, asked for all of them at once.

    While a transaction is open in one of them, its end is not known: what is behind the transaction's begin can't be read
    yet, and may vanish. A killed process leaves it open until the broker gives it up, which is waited for.

    Args:
        broker: where.
        topic: whose partitions.
        partitions: which of them.
        go_on: told why it takes longer; raises when it took too long.

    Raises:
        BrokerError: the broker did not answer, or refused.
    """
    found: dict[int, Bounds] = {}
    left = list(partitions)
    start = time.monotonic()
    # Not the admin client: its answers come in a thread of its own, where Python may find it to be garbage, and aborts.
    clients = [Consumer(broker.config({"isolation.level": level}, {"group.id": "obi"})) for level in _LEVELS]
    try:
        while True:
            try:
                first, written, committed = _offsets(clients, topic, left)
            except KafkaException as error:
                code, waited = error.args[0].code(), time.monotonic() - start
                if code in _FORBIDDEN or (code in _UNKNOWN and waited > REQUEST_S):
                    raise broker.failed(f"the offsets of topic {topic}", error) from error
                why = f"the offsets of {topic} are not known: {error.args[0].str()}"
            else:
                found |= {part: Bounds(first[part], written[part]) for part in left if committed[part] >= written[part]}
                left = [part for part in left if part not in found]
                if not left:
                    return found
                why = f"another process has left a transaction open in partitions {left} of {topic}"
            go_on(why)
            time.sleep(_AGAIN_S)
    finally:
        for client in clients:
            client.close()


def _offsets(clients: Sequence[Consumer], topic: str, partitions: Sequence[int]) -> list[dict[int, int]]:
    """By partition: the first offset, the end, the end of what is in no open transaction. The end is the older one."""
    every, committed = clients
    answers = []
    # In the place of a time, an offset's name is answered with the offset.
    for client, which in ((every, OFFSET_BEGINNING), (every, OFFSET_END), (committed, OFFSET_END)):
        parts = [TopicPartition(topic, partition, which) for partition in partitions]
        answer = client.offsets_for_times(parts, timeout=_ANSWER_S)
        if error := next((part.error for part in answer if part.error is not None), None):
            raise KafkaException(error)
        answers.append({part.partition: part.offset for part in answer})
    return answers


def answered_after(
    broker: Broker, topic: str, partition: int, begin: int, *, there: Bounds, identify: Identify
) -> set[int]:
    """Raw offsets that messages at ``begin`` and behind answer to; foreign messages there are passed over.

    Messages of transactions that were given up are not there.

    Raises:
        BrokerError: the broker did not answer.
    """
    begin = max(begin, there.first)
    if begin >= there.end:  # nearly always: only a crash leaves something there, and reading holds the job up
        return set()
    consumer = Consumer(broker.config(_CONSUMER, {"group.id": "obi"}))
    answered: set[int] = set()
    try:
        consumer.assign([TopicPartition(topic, partition, begin)])
        heard = time.monotonic()
        while True:
            message = consumer.poll(_POLL_S)
            error = None if message is None else message.error()
            if error is not None and error.code() == _END:
                return answered
            if message is None or error is not None:
                if time.monotonic() - heard < REQUEST_S and (error is None or is_transient(error)):
                    continue
                why = "no answer" if error is None else error.str()
                raise BrokerError(f"expected to read the end of partition {partition} of {topic}, received: {why}")
            heard = time.monotonic()
            try:
                answered.add(identify(message.value(), message.headers()))  # type: ignore[arg-type]  # None only in stubs
            except (ValueError, KeyError, IndexError):
                continue
    except KafkaException as error:
        raise broker.failed(f"the end of partition {partition} of {topic}", error) from error
    finally:
        consumer.close()


def without(batch: OutBatch, answered: set[int], identify: Identify) -> OutBatch:
    """The messages of a batch that answer to something else; what is found is taken out of ``answered``.

    A batch that lies wholly behind what was answered ends the repetition: ``answered`` is emptied.
    """
    headers: Sequence[Headers | None] = batch.headers or [None] * len(batch)
    offsets = [identify(value, own) for value, own in zip(batch.values, headers, strict=True)]
    if offsets and min(offsets) > max(answered):
        answered.clear()
        return batch
    keep = [index for index, offset in enumerate(offsets) if offset not in answered]
    answered.difference_update(offsets)
    return OutBatch(
        batch.partition,
        [batch.keys[index] for index in keep],
        [batch.values[index] for index in keep],
        [batch.timestamps_ms[index] for index in keep],
        None if batch.headers is None else [batch.headers[index] for index in keep],
    )
