"""What the peers need and this project does not: an environment with Quix Streams, Kafka Streams' jars and its compiled job.

Owns their versions. Each is made on first use, below ``~/.cache/obi`` as Kafka itself is, and missing means: skipped, loudly.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.kafka_dist import (
    DOWNLOAD_SECONDS,
    KAFKA_VERSION,
    KafkaUnavailableError,
    cache_folder,
    fetched,
    java,
    put_in_place,
)

# The newest one at the time of the published figures. What it needs itself is its own choice; the report names it.
QUIX_VERSION: Final = "3.28.1"
# Of one family: the Streams of the broker's own version; Jackson in the version that Kafka 4.1.0 itself brings or newer.
JACKSON_VERSION: Final = "2.19.0"
_STREAMS: Final = (
    ("org.apache.kafka", "kafka-streams", KAFKA_VERSION),
    ("com.fasterxml.jackson.core", "jackson-core", JACKSON_VERSION),
)
_SOURCE: Final = Path(__file__).with_name("KafkaStreamsPeer.java")
_QUIX_PACKAGES: Final = ("quixstreams", "confluent-kafka", "rocksdict", "orjson")


class PeerUnavailableError(RuntimeError):
    """This machine can't run that peer; the message says what is missing."""


def quix_python() -> Path:
    """The Python of an environment that has Quix Streams; the first call of a machine makes it (a minute, 90 MB)."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = cache_folder() / f"quixstreams-{QUIX_VERSION}-py{python}"
    home.parent.mkdir(parents=True, exist_ok=True)
    # One at a time; and an environment knows where it is, so it can't be renamed into place: the mark tells which is whole.
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            for command in _install(home):
                _run(command)
            (home / "complete").touch()
    return home / "bin" / "python"


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise PeerUnavailableError(f"{' '.join(command)} took longer than {DOWNLOAD_SECONDS} s") from error
    if done.returncode != 0:
        raise PeerUnavailableError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def _install(home: Path) -> list[list[str]]:
    wanted, python = f"quixstreams=={QUIX_VERSION}", str(home / "bin" / "python")
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(home)]
        return [make, [uv, "pip", "install", "--quiet", "--python", python, wanted]]
    return [[sys.executable, "-m", "venv", str(home)], [python, "-m", "pip", "install", "--quiet", wanted]]


def quix_versions(python: Path) -> str:
    """What that environment holds, for the report."""
    code = "import sys; from importlib.metadata import version; print(', '.join(f'{n} {version(n)}' for n in sys.argv[1:]))"
    done = subprocess.run([str(python), "-c", code, *_QUIX_PACKAGES], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def streams_command() -> list[str]:
    """How the compiled Kafka Streams job is started; its arguments follow."""
    try:
        machine, jars = java(), fetched(f"kafka-streams-{KAFKA_VERSION}", _STREAMS)
    except KafkaUnavailableError as error:
        raise PeerUnavailableError(str(error)) from error
    # One heap size for all machines; everything else as Java chooses.
    return [machine, "-Xmx1g", "-cp", f"{jars}/*{os.pathsep}{_classes(jars)}", "KafkaStreamsPeer"]


def _classes(jars: Path) -> Path:
    """The folder of the compiled job; its name tells which text it was compiled from."""
    digest = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:12]
    classes = jars.with_name(f"{jars.name}-classes-{digest}")
    if classes.is_dir():
        return classes
    home = os.environ.get("JAVA_HOME")
    compiler = (shutil.which("javac", path=f"{home}/bin") if home else None) or shutil.which("javac")
    if compiler is None:
        raise PeerUnavailableError(
            "there is no javac: `apt-get install default-jdk-headless` or `brew install openjdk`"
        )
    with tempfile.TemporaryDirectory(prefix=f"{classes.name}.", dir=jars.parent) as scratch:
        made = Path(scratch, "classes")
        command = [compiler, "-Xlint:all,-classfile", "-cp", f"{jars}/*", "-d", str(made), str(_SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise PeerUnavailableError(f"javac could not compile {_SOURCE.name}:\n{done.stdout}{done.stderr}")
        put_in_place(made, classes)
    return classes
