"""Topics of one test on a broker that all tests share: unique names, made before and deleted after."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # .admin re-exports it, but type checkers are not told

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 30.0


class Topics:
    """Makes topics and remembers them; `delete` removes them all."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        self._made: list[str] = []

    def create(self, name: str = "topic", *, partitions: int = 4, config: Mapping[str, str] | None = None) -> str:
        """Make `<name>.<something unique>` and answer its name once every partition has a leader."""
        unique = f"{name}.{uuid.uuid4().hex[:12]}"
        topic = NewTopic(unique, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        self._admin.create_topics([topic])[unique].result(SECONDS)
        self._made.append(unique)
        deadline = time.monotonic() + SECONDS
        while not self._is_ready(unique, partitions):
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {unique} has no leaders after {SECONDS:.0f} s")
            time.sleep(0.02)
        return unique

    def adopt(self, name: str) -> str:
        """Delete this topic too, which the code under test will make."""
        self._made.append(name)
        return name

    def delete(self) -> None:
        """Remove what was made here; what is gone already is no error."""
        there = self._admin.list_topics(timeout=SECONDS).topics
        if ours := [name for name in self._made if name in there]:
            for future in self._admin.delete_topics(ours).values():
                future.result(SECONDS)
        self._made.clear()

    def _is_ready(self, name: str, partitions: int) -> bool:
        found = self._admin.list_topics(name, timeout=SECONDS).topics[name]
        leaders = [partition.leader for partition in found.partitions.values()]
        return found.error is None and len(leaders) == partitions and min(leaders) >= 0
