"""A real Apache Kafka for tests and benchmarks: one KRaft process, its own data folder, free ports.

    with KafkaServer() as server:
        Producer({"bootstrap.servers": server.bootstrap_servers})

`kill`, `restart`, `pause` and `resume` are there for tests of what happens when a broker does not behave.
No pytest in here: the benchmarks start their broker with it too.
"""

from __future__ import annotations

import atexit
import base64
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from typing_extensions import Self

from tests.kafka_dist import java, libraries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

HOST = "127.0.0.1"
START_ATTEMPTS = 3
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
LOG_TAIL_BYTES = 4000

# Start time matters more than speed here, and the machine is shared with the tests; the benchmarks pass their own.
JVM_OPTIONS = ("-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-Xshare:auto", "-Dorg.apache.logging.log4j.level=WARN")

SETTINGS: Mapping[str, str | int] = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # One broker: the defaults ask for three.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    # Transactions that nobody ends are looked for every second, not every ten.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    # A group of one has nobody to wait for.
    "group.initial.rebalance.delay.ms": 0,
    # A missing topic must be an error, as it is in production.
    "auto.create.topics.enable": "false",
    # Deleted topics of finished tests leave the disk at once.
    "file.delete.delay.ms": 1000,
    # A killed broker may come back once its old session has ended; the default is 9 s.
    "broker.session.timeout.ms": 1500,
    "broker.heartbeat.interval.ms": 300,
}


class KafkaServerError(RuntimeError):
    """The broker did not start or did not answer; the message ends with the tail of its log."""


class KafkaServer:
    """One Kafka process. A context manager: `start` on the way in, `close` (which deletes everything) on the way out."""

    def __init__(
        self,
        settings: Mapping[str, str | int] | None = None,
        jvm_options: tuple[str, ...] = JVM_OPTIONS,
        folder: Path | None = None,
    ) -> None:
        """Broker settings are laid over `SETTINGS`; its data lie in a folder of their own below `folder`; nothing starts yet."""
        self._folder = folder
        self._settings = {**SETTINGS, **(settings or {})}
        self._jvm_options = jvm_options
        self._home: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def bootstrap_servers(self) -> str:
        """The address; it stays the same over `stop`, `kill` and `restart`."""
        return f"{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """Of the broker's process."""
        return self._running().pid

    def ensure(self) -> None:
        """Whatever a test has done to it: it runs and answers after this."""
        if self._process is None:
            self.restart()
        else:
            self.resume()

    def start(self) -> None:
        """Start with empty data and wait until the broker answers; another pair of ports when one was taken meanwhile."""
        for attempt in range(1, START_ATTEMPTS + 1):
            self._prepare()
            try:
                self._launch()
            except KafkaServerError as error:
                self.close()
                if attempt == START_ATTEMPTS or "Address already in use" not in str(error):
                    raise
            except BaseException:
                self.close()
                raise
            else:
                return

    def stop(self) -> None:
        """End it in good order (SIGTERM), data kept; killed when it takes longer than `STOP_SECONDS`."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)  # a paused process would not hear the rest
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it at once (SIGKILL), as a power cut does to the process; data kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Start again on the same data and ports, after `stop` or `kill` (else it stops in good order first)."""
        if self._home is None:
            raise KafkaServerError("restart of a broker that was never started")
        self.stop()
        self._launch()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open and nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused broker go on (SIGCONT)."""
        self._running().send_signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """The last lines that the broker wrote."""
        log = self._log()
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace") if log.exists() else ""

    def close(self) -> None:
        """Kill the process and delete its data. May be called twice."""
        atexit.unregister(self.close)
        self.kill()
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise KafkaServerError("the broker is not running")
        return self._process

    def _log(self) -> Path:
        return (self._home or Path()) / "server.log"

    def _prepare(self) -> None:
        """Choose ports, write the settings and format the storage."""
        self._home = Path(tempfile.mkdtemp(prefix="obi-kafka-", dir=self._folder))
        atexit.register(self.close)
        self._port, controller = free_ports(2)
        settings = {
            **self._settings,
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listeners": f"PLAINTEXT://{HOST}:{self._port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self._port}",
            "log.dirs": self._home / "data",
        }
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        (self._home / "server.properties").write_text("".join(lines), encoding="utf-8")
        # Without the first byte's chance: an id that begins with a hyphen is an option to the tool.
        cluster = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties")
        done = subprocess.run(command, cwd=self._home, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise KafkaServerError(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")

    def _launch(self) -> None:
        command = ending_with_us(self._java("kafka.Kafka", "server.properties"))
        with self._log().open("ab") as log:
            # A session of its own: Ctrl-C is for the tests, which then close the broker themselves.
            self._process = subprocess.Popen(
                command, cwd=self._home, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._wait_until_ready()

    def _java(self, main: str, *arguments: str) -> list[str]:
        return [java(), *self._jvm_options, "-cp", f"{libraries()}/*", main, *arguments]

    def _wait_until_ready(self) -> None:
        """Ready is: a client is told of a broker, not a line in a log."""
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._running().poll() is not None:
                self._process = None
                raise KafkaServerError(f"Kafka ended while it started:\n{self.log_tail()}")
            with suppress(KafkaException):
                if client.list_topics(timeout=1).brokers:
                    return
        self.kill()
        raise KafkaServerError(f"Kafka did not answer within {READY_SECONDS:.0f} s:\n{self.log_tail()}")


def ending_with_us(command: list[str]) -> list[str]:
    """The command, which on Linux ends when the thread that starts it does, even if we are killed and no cleanup runs."""
    setpriv = shutil.which("setpriv")
    return command if setpriv is None else [setpriv, "--pdeathsig", "KILL", *command]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listened on a moment ago (held together while they are chosen, so that they differ)."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for bound in sockets:
            bound.bind((HOST, 0))
        return [int(bound.getsockname()[1]) for bound in sockets]
    finally:
        for bound in sockets:
            bound.close()
