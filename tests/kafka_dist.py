"""Where a real Apache Kafka comes from: its Maven artifacts, fetched once into a cache, and the Java that runs them.

No pytest in here: the benchmarks use it too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Pinned: figures and failure tests speak of this version. 4.x needs Java 17 or newer.
KAFKA_VERSION = "4.1.0"
SCALA_VERSION = "2.13"
# The version that Kafka 4.1.0 itself asks for; without this binding its log goes nowhere.
LOG4J_VERSION = "2.24.3"
# Pinned so that a new plugin can't change what lands in the cache.
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
JAVA_AT_LEAST = 17
DOWNLOAD_SECONDS = 900

HOW_TO_GET_IT = (
    "A real Kafka needs Java 17+ and Maven: `apt-get install default-jre-headless maven` or `brew install openjdk maven`; "
    "or let KAFKA_BOOTSTRAP_SERVERS name a broker."
)

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>obi</groupId><artifactId>fetched</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{}</dependencies>
</project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
_BROKER = (
    ("org.apache.kafka", f"kafka_{SCALA_VERSION}", KAFKA_VERSION),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
)


class KafkaUnavailableError(RuntimeError):
    """This machine can't run a real Kafka; the message says what is missing."""


def java() -> str:
    """The path of a Java that is new enough."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else None
    found = found or shutil.which("java")
    if found is None:
        raise KafkaUnavailableError("there is no java")
    # -XshowSettings writes "java.specification.version = 17" in the same words in every version and vendor's build.
    shown = subprocess.run(
        [found, "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=False, timeout=60
    )
    words = (shown.stderr + shown.stdout).split()
    if "java.specification.version" not in words:  # macOS has a /usr/bin/java that only says where to get one
        raise KafkaUnavailableError(f"{found} does not run")
    version = words[words.index("java.specification.version") + 2]
    if int(version.split(".")[0]) < JAVA_AT_LEAST:
        raise KafkaUnavailableError(f"{found} is Java {version}")
    return found


def libraries() -> Path:
    """The folder of Kafka's jars; the first call of a machine downloads them (46 files, 43 MB)."""
    return fetched(f"kafka-{KAFKA_VERSION}", _BROKER)


def fetched(name: str, artifacts: Iterable[tuple[str, str, str]]) -> Path:
    """The folder of these Maven artifacts (group, name, version) and all that they need, downloaded if it is not there.

    Raises:
        KafkaUnavailableError: there is no Maven, or it could not fetch them.
    """
    cache = cache_folder() / name
    if not cache.is_dir():
        _download(cache, "".join(_DEPENDENCY.format(*artifact) for artifact in artifacts))
    return cache


def cache_folder() -> Path:
    """Where downloads are kept for all checkouts of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "obi"


def _download(cache: Path, dependencies: str) -> None:
    """Fill a folder beside the cache, then rename it: a broken download is never taken for a whole one."""
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailableError("there is no mvn")
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{cache.name}.", dir=cache.parent) as scratch:
        jars = Path(scratch, "jars")
        Path(scratch, "pom.xml").write_text(_POM.format(dependencies), encoding="utf-8")
        command = [
            *(maven, "--batch-mode", "--strict-checksums", "--file", f"{scratch}/pom.xml"),
            *(f"{DEPENDENCY_PLUGIN}:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_SECONDS)
        if done.returncode != 0:
            raise KafkaUnavailableError(f"Maven could not fetch {cache.name}:\n{done.stdout[-2000:]}")
        put_in_place(jars, cache)


def put_in_place(made: Path, folder: Path) -> None:
    """Rename what was made beside a folder to that folder; where another run was first, its one is the same and stays."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
