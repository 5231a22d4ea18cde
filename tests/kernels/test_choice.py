"""Compiled where that was built and is wanted, plain Python else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import kernels
from kernels import compiled
from tests.needs import ROOT

SOURCES = sorted(Path(ROOT, "kernels").glob("*.pyx"))


def test_a_kernel_that_is_not_there_is_none() -> None:
    assert compiled("of_a_later_version") is None


@pytest.mark.skipif(kernels.PURE, reason="ORDERBOOK_PURE asks for plain Python")
@pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])
def test_with_a_compiler_at_hand_every_kernel_is_compiled(source: Path) -> None:
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    if shutil.which("cc") is None or not headers.exists():
        pytest.skip("no C compiler or no headers of Python: obi runs in plain Python here")
    kernel = compiled(source.stem)
    assert kernel is not None, "compile it: remove .venv/.dev and make again"
    built = Path(str(kernel.__file__))
    assert built.stat().st_mtime >= source.stat().st_mtime, f"{built.name} is older than {source.name}: make again"


def test_the_environment_can_ask_for_plain_python() -> None:
    tell = "import kernels; print(kernels.PURE, [kernels.compiled(name) for name in ('depth', 'records')])"
    run = subprocess.run(
        [sys.executable, "-c", tell], env={"ORDERBOOK_PURE": "1"}, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "True [None, None]"
