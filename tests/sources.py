"""The project's own source files as the tests of the house see them: paths, names, syntax trees, imports."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tests.needs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("kernels", "orderbook", "connectors", "simulator", "dataflows", "consumers", "fake_exchange", "obi")


@dataclass(frozen=True)
class Module:
    """One file of ours, parsed."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def label(self) -> str:
        """The path as one would type it."""
        return str(self.path.relative_to(ROOT))

    def imports(self) -> set[str]:
        """Every module that this one imports, wherever in the file; `from a import b` counts as `a.b`."""
        return set(self._imports())

    def _imports(self) -> Iterator[str]:
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Each call and the name it calls, as it is written."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node, ast.unparse(node.func)


@cache
def modules(folder: str) -> tuple[Module, ...]:
    """All modules below a folder of the project; none when it does not exist."""
    return tuple(_parse(path) for path in sorted((ROOT / folder).rglob("*.py")))


def ours() -> tuple[Module, ...]:
    """All modules of all packages."""
    return tuple(module for package in PACKAGES for module in modules(package))


def resolve(imported: str, known: set[str]) -> str | None:
    """The module of ours that an import means: the longest known prefix (`a.b.Name` is `a.b`)."""
    while imported and imported not in known:
        imported = imported.rpartition(".")[0]
    return imported or None


def top(imported: str) -> str:
    """The package an import comes from."""
    return imported.partition(".")[0]


def is_stdlib(imported: str) -> bool:
    """Whether Python itself brings it."""
    return top(imported) in {*sys.stdlib_module_names, "tomllib"}  # which 3.10 does not have yet


def _parse(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Module(name, path, text, ast.parse(text))
