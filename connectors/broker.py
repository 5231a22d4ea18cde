"""The broker as the rest of the project meets it: how to reach it, what is in it, and the errors it causes.

Owns the configuration of every Kafka client (which of librdkafka's keys are ours, which the user's) and ``BrokerError``
with its kinds. Every message of an error says what was expected, what came, and what to do.

    BrokerError               the outside failed: exit code 3
    +-- TopicMissingError     a topic is not there
    +-- OffsetsLostError      raw messages were deleted before they were read
    +-- DeliveryError         the broker did not take a message
        +-- SecondWriterError another process writes what is ours to write
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient


class _Sparse(logging.Filter):
    """librdkafka repeats itself with every attempt; the same line once in 30 s is enough."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "CONFWARN" in text and any(words in text for words in _NO_WARNING):
            return False
        kind, now = _NUMBER.sub("#", text), time.monotonic()
        if now - self._said.get(kind, -_REPEAT_S) < _REPEAT_S:
            return False
        if len(self._said) >= _KINDS:
            self._said.clear()
        self._said[kind] = now
        return True


_NUMBER: Final = re.compile(r"\d+")
_NO_WARNING: Final = (
    "property and will be ignored by this",  # the user's keys go to consumers and producers alike
    "enable.gapless.guarantee is experimental",  # chosen knowingly, see connectors.outlet
)
_REPEAT_S: Final = 30.0
_KINDS: Final = 1000

LOG: Final = logging.getLogger("obi.kafka")
LOG.addFilter(_Sparse())

REQUEST_S: Final = 30.0
"""How long one question to a broker that answered before may take."""

LARGEST_MESSAGE_BYTES: Final = 10_500_000
"""What our producers let through; a topic's own limit may be lower."""

_TRY_S: Final = 1.0
_LEADER_S: Final = 10.0
"""How long a partition may be without a leader before that is an error."""

NO_LEADER: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)
"""A topic that was just made, or a broker that just took over: worth asking again."""
_SAY_EVERY_S: Final = 5.0

_DEFAULTS: Final[Mapping[str, str | int | bool]] = {
    "client.id": "obi",
    "socket.keepalive.enable": True,
    # A broker that is back should be found within two seconds, not ten.
    "reconnect.backoff.max.ms": 2000,
}

OWNED_KEYS: Final = frozenset(
    {
        "acks",
        "auto.offset.reset",
        "bootstrap.servers",
        "delivery.report.only.error",
        "delivery.timeout.ms",
        "enable.auto.commit",
        "enable.gapless.guarantee",
        "enable.idempotence",
        "enable.partition.eof",
        "message.timeout.ms",
        "metadata.broker.list",
        "request.required.acks",
        "transactional.id",
    }
)
"""librdkafka's keys that users may not set: what is promised about delivery hangs on them."""


class BrokerError(RuntimeError):
    """The broker, or what is in it, failed us. The command line ends with exit code 3."""


class TopicMissingError(BrokerError):
    """A topic is not there; the message has the line to type."""


class OffsetsLostError(BrokerError):
    """Raw messages were deleted before they were read, or the topic is another one than before."""


class DeliveryError(BrokerError):
    """The broker did not take a message. Nothing is lost: a restart goes on from the last recovery point."""


SECOND_WRITER: Final = "is already being run"
"""Words in every SecondWriterError: who looks after processes knows it by them."""


class SecondWriterError(DeliveryError):
    """Another process writes a partition that is ours, and it is the newer one: starting again would end that one."""


class Stop(Protocol):
    """What may ask a wait or a source to end: ``threading.Event``, or anything that looks like it."""

    def is_set(self) -> bool:
        """Whether it is time to end."""


@dataclass(frozen=True)
class Broker:
    """An address and the user's own librdkafka keys, which may hold secrets and are in no repr."""

    bootstrap_servers: str
    kafka: Mapping[str, str] = field(default_factory=dict, repr=False)

    def config(self, ours: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A client's configuration: ours over the user's keys over the defaults."""
        fixed = {"bootstrap.servers": self.bootstrap_servers, "logger": LOG, **ours}
        return {**_DEFAULTS, **(defaults or {}), **self.kafka, **fixed}

    def admin(self, ours: Mapping[str, Any] | None = None) -> AdminClient:
        """A client for questions."""
        return AdminClient(self.config(ours or {}))

    def wait(
        self, timeout_s: float, on_wait: Callable[[float, str], None] | None = None, stop: Stop | None = None
    ) -> None:
        """Return once the broker answers.

        Args:
            timeout_s: how long to try.
            on_wait: told the seconds so far and the reason, when the first try fails and every 5 s.
            stop: ends the wait early, as a failure.

        Raises:
            BrokerError: it did not answer in time.
        """
        reasons = ["no answer"]
        client = self.admin({"error_cb": lambda error: reasons.append(error.str())})
        start = time.monotonic()
        said = -_SAY_EVERY_S
        while True:
            try:
                client.list_topics(timeout=_TRY_S)
            except KafkaException as error:
                client.poll(0)
                reason = reasons[-1] if len(reasons) > 1 else error.args[0].str()
            else:
                return
            waited = time.monotonic() - start
            if waited >= timeout_s or (stop is not None and stop.is_set()):
                raise BrokerError(
                    f"expected a Kafka broker at {self.bootstrap_servers} within {timeout_s:g} s, received: {reason}; "
                    "start it, or say where it is with --bootstrap-servers"
                )
            if on_wait is not None and waited - said >= _SAY_EVERY_S:
                said = waited
                on_wait(waited, reason)

    def partitions_of(self, topic: str) -> tuple[int, ...]:
        """The partitions of ``topic`` in their order.

        Raises:
            TopicMissingError: there is no such topic.
            BrokerError: the broker did not answer.
        """
        found = self.topics().get(topic)
        if found is None:
            raise TopicMissingError(
                f"expected topic {topic} at {self.bootstrap_servers}, it is not there; create it with\n"
                f"  obi topics create --bootstrap-servers {self.bootstrap_servers}"
            )
        return found

    def topics(self) -> dict[str, tuple[int, ...]]:
        """All topics and their partitions. All, because asking for one by name may create it.

        Raises:
            BrokerError: the broker did not answer.
        """
        try:
            found = self.admin().list_topics(timeout=REQUEST_S).topics
        except KafkaException as error:
            raise self.failed("its topics", error) from error
        return {name: tuple(sorted(topic.partitions)) for name, topic in found.items() if topic.error is None}

    def offsets(self, topic: str, partitions: Collection[int]) -> dict[int, tuple[int, int]]:
        """First offset and end (the offset that the next message gets) of each partition.

        The end is that of committed messages: what a consumer can read now.

        Raises:
            BrokerError: the broker did not answer, or refused.
        """
        deadline = time.monotonic() + _LEADER_S
        while True:
            client = Consumer(self.config({}, {"group.id": "obi"}))
            try:
                return {
                    partition: client.get_watermark_offsets(TopicPartition(topic, partition), timeout=REQUEST_S)
                    for partition in partitions
                }
            except KafkaException as error:
                if error.args[0].code() not in NO_LEADER or time.monotonic() > deadline:
                    raise self.failed(f"the offsets of topic {topic}", error) from error
                time.sleep(_TRY_S / 10)
            finally:
                client.close()

    def failed(self, what: str, error: KafkaException) -> BrokerError:
        """The error of a question about ``what`` that got no good answer."""
        return BrokerError(
            f"expected {what} from the broker at {self.bootstrap_servers}, received: {error.args[0].str()}"
        )


_PLAIN_KEYS: Final = frozenset({"security.protocol", "sasl.mechanism", "sasl.mechanisms"})
"""Keys whose values are no secrets and are words of librdkafka's own texts."""


def wrong_keys(kafka: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the user's librdkafka keys: reason by key; by ``""`` when it is not one key's fault.

    Values are in no reason, they may be secrets.
    """
    wrong = dict.fromkeys(OWNED_KEYS & kafka.keys(), "is set by obi itself")
    while (text := _refusal({key: value for key, value in kafka.items() if key not in wrong})) is not None:
        named = next((key for key in kafka if key not in wrong and f'property "{key}"' in text), "")
        named = named or next((key for key in kafka if key not in wrong and f'property: "{key}"' in text), "")
        if not named:
            return wrong | {"": f"makes librdkafka say {_without_values(text, kafka)!r}"}
        unknown = "No such configuration property" in text
        wrong[named] = "is no key of librdkafka" if unknown else "has a value that librdkafka does not take"
    return wrong


def _without_values(text: str, kafka: Mapping[str, str]) -> str:
    values = {value for key, value in kafka.items() if value and key not in _PLAIN_KEYS}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "***")
    return text.strip()


def _refusal(kafka: Mapping[str, str]) -> str | None:
    """What librdkafka says against these keys; None when it takes them."""
    try:
        Producer({**kafka, "log_level": 0})
    except KafkaException as error:
        return str(error.args[0].str())
    return None


def is_transient(error: KafkaError) -> bool:
    """Whether librdkafka itself goes on trying, so that there is nothing to do but to wait."""
    return not error.fatal() and (error.retriable() or error.code() in _TRANSIENT)


_TRANSIENT: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 (librdkafka's own codes start with an underscore)
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
        KafkaError._SSL,  # noqa: SLF001 (a broker that goes away in the middle of a handshake)
        # No group is used here, but librdkafka looks for its coordinator all the same, which an ACL may forbid.
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
