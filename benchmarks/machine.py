"""What a figure was measured on: the machine and the versions, in sentences."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Final

import kernels
from benchmarks.peers.environments import JACKSON_VERSION, quix_python, quix_versions
from kernels import compiled
from tests.kafka_dist import KAFKA_VERSION, java

_KERNELS: Final = tuple(sorted(path.stem for path in Path(kernels.__file__).parent.glob("*.pyx")))
_PACKAGES: Final = ("bytewax", "confluent-kafka", "numpy", "orjson")


def described(contestants: Collection[str], broker_folder: Path | None = None) -> Iterator[str]:
    """Lines about what these contestants ran on; the broker's log may lie elsewhere than the job's state."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = f"{os.cpu_count()} cores, {memory:.0f} GiB"
    yield f"{_processor()}, {cores}, {platform.system()}; broker and contestant share them"
    if broker_folder is not None:
        yield f"the broker's log lies in {broker_folder}"
    yield f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in _PACKAGES)}"
    built = [name for name in _KERNELS if compiled(name) is not None]
    yield f"compiled kernels of the job: {', '.join(built) or 'none, it runs in plain Python'}"
    yield f"Kafka {KAFKA_VERSION} (one broker), {_java_version()}"
    if any("Quix" in name for name in contestants):
        yield quix_versions(quix_python())
    if any("Kafka Streams" in name for name in contestants):
        yield f"Kafka Streams {KAFKA_VERSION}, jackson-core {JACKSON_VERSION}"
    yield f"measured {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"{platform.machine()} ({line.partition(':')[2].strip()})"
    return platform.machine()


def _java_version() -> str:
    shown = subprocess.run([java(), "-version"], capture_output=True, text=True, check=False)
    return shown.stderr.splitlines()[0] if shown.stderr else "Java"
