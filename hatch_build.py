"""Build hook: the kernels are compiled in place when there is a C compiler, and left out when there is none.

``python hatch_build.py`` does the same without an installation (Cython and setuptools must be there).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
FLAGS = [
    "-O3",
    "-g0",
    # A fused multiply-add rounds once where the formulas round twice: other bytes on other machines.
    "-ffp-contract=off",
]


def build(root: Path = ROOT) -> list[Path]:
    """Compile ``kernels/*.pyx`` in place; returns the modules' files.

    Raises:
        Exception: what the compiler or its absence raise (setuptools has many names for it).
    """
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    with _inside(root):
        sources = sorted(Path("kernels").glob("*.pyx"))
        if not sources:
            return []
        extensions = [
            Extension(f"kernels.{source.stem}", [str(source)], extra_compile_args=FLAGS) for source in sources
        ]
        modules = cythonize(extensions, build_dir="build/cython", language_level=3, quiet=True)
        command = build_ext(Distribution({"name": "kernels", "ext_modules": modules}))
        command.inplace = True
        command.ensure_finalized()
        command.run()
        return [root / command.get_ext_fullpath(extension.name) for extension in extensions]


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """``contextlib.chdir``, which Python 3.10 has not."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class CompiledKernels(BuildHookInterface[Any]):
    """Hatchling's hook, for wheels and editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are collected."""
        if self.target_name != "wheel":
            return
        try:
            built = build(Path(self.root))
        except BaseException as error:
            self.app.display_warning(f"the kernels were not compiled ({error}): obi is slower, with the same results")
            return
        if version != "editable":
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"] += [str(path.relative_to(self.root)) for path in built]


if __name__ == "__main__":
    for path in build():
        sys.stdout.write(f"{path}\n")
