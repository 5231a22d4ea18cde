from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_ROUNDS = """
import resource
{prepared}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = 0
for number in range(21):
    batch = [bytes(1000) for _ in range(20_000)]
    del batch
    before = before or faults()
print(faults() - before)
"""


def faults_of_batches(prepared: str) -> int:
    """Pages that a fresh process is given in twenty rounds of the same 20 MB."""
    command = [sys.executable, "-c", _ROUNDS.format(prepared=prepared)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_what_a_batch_has_freed_is_kept_for_the_next() -> None:
    given_back = faults_of_batches("")
    kept = faults_of_batches("from dataflows.execution import keep_memory; keep_memory()")
    assert kept < given_back / 10


@pytest.mark.parametrize(
    "without", ["ctypes.CDLL = lambda _: object()", "def CDLL(_): raise OSError\nctypes.CDLL = CDLL"]
)
def test_a_c_library_that_can_not_be_told_is_left_alone(without: str) -> None:
    faults_of_batches(f"import ctypes\n{without}\nfrom dataflows.execution import keep_memory; keep_memory()")
