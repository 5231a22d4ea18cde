"""The house in order: sizes, docstrings, leftovers, locks, versions."""

from __future__ import annotations

import ast
import re
import sys
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from tests.needs import ROOT
from tests.sources import Module, modules, ours, resolve, top

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable

MODULE_LINES = 300
FUNCTION_LINES = 40
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = {"requirements.lock": (), "requirements-demo.lock": ("dashboard",), "requirements-dev.lock": tuple(EXTRAS)}
"""And the extras in each of them."""


def test_no_module_is_longer_than_one_can_read_at_a_sitting() -> None:
    long = {module.label: lines for module in ours() if (lines := len(module.text.splitlines())) > MODULE_LINES}

    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{module.label}:{node.lineno} {node.name}": lines
        for module in ours()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := code_lines(node)) > FUNCTION_LINES
    }

    assert long == {}


def test_every_module_says_what_it_owns() -> None:
    assert [module.label for module in (*ours(), *modules("benchmarks")) if not ast.get_docstring(module.tree)] == []


def test_every_module_with_logic_is_reached_by_a_test() -> None:
    by_name = {module.name: module for module in ours()}
    reached: set[str] = set()
    new = imported_by(modules("tests"), by_name)
    while new:
        reached |= new
        # Within a package only: that the command line imports everything tests nothing.
        inner = {name for door in new for name in imported_by([by_name[door]], by_name) if top(name) == top(door)}
        new = inner - reached

    assert [module.label for module in ours() if module.name not in reached and has_logic(module)] == []


def test_nothing_is_left_over() -> None:
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
    notes = [
        f"{module.label}:{number} {line.strip()}"
        for module in (*ours(), *modules("tests"), *modules("benchmarks"))
        for number, line in enumerate(module.text.splitlines(), 1)
        if marks.search(line)
    ]
    prints = [
        f"{module.label}:{call.lineno} prints"
        for module in ours()
        for call, name in module.calls()
        if name in {"print", "breakpoint", "pprint"} and not module.name.startswith("obi")
    ]

    assert notes + prints == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert re.findall(r"\w+://\S+|--(?:extra-)?index-url.*|--find-links.*", text) == []
    assert text.count("--hash=sha256:") > text.count("==")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_the_project_asks_for(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    asked = [
        *PROJECT["dependencies"],
        *chain.from_iterable(EXTRAS[extra] for extra in LOCKS[lock]),
    ]
    wrong = [
        f"{requirement}, locked: {locked}"
        for requirement in map(Requirement, asked)
        for locked in [re.findall(rf"^{re.escape(requirement.name)}==([^ ;]+)", text, re.MULTILINE)]
        if not locked or not all(requirement.specifier.contains(version) for version in locked)
    ]

    assert wrong == []


def test_the_changelog_starts_with_the_version_of_the_project() -> None:
    changelog = ROOT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("there is no CHANGELOG.md")
    versions = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", changelog.read_text(encoding="utf-8"), re.MULTILINE)

    assert versions[0] == PROJECT["version"]


def test_every_package_is_typed_for_those_who_import_it() -> None:
    packages = {module.name for module in ours() if module.path.name == "__init__.py" and "." not in module.name}

    assert [package for package in sorted(packages) if not (ROOT / package / "py.typed").exists()] == []


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From `def` to the end, without the docstring: explaining oneself is free."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def has_logic(module: Module) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(module.tree))


def imported_by(files: Iterable[Module], by_name: dict[str, Module]) -> set[str]:
    known = set(by_name)
    return {found for module in files for imported in module.imports() if (found := resolve(imported, known))}
