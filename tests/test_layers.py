"""Arrows between the packages go one way only, the pure ones stay pure, and no package has a knot inside.

obi -> everything      dataflows, consumers -> connectors -> orderbook -> kernels      simulator, kernels -> nothing of ours
fake_exchange -> simulator, and of the connectors the recordings
"""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.sources import PACKAGES, Module, is_stdlib, modules, resolve, top

OURS = {
    "kernels": {"kernels"},
    "orderbook": {"orderbook", "kernels"},
    "connectors": {"connectors", "orderbook", "kernels"},
    "simulator": {"simulator"},
    "dataflows": {"dataflows", "connectors", "orderbook", "kernels"},
    "consumers": {"consumers", "connectors", "orderbook"},
    "fake_exchange": {"fake_exchange", "connectors", "simulator"},
    "obi": set(PACKAGES),
}

# What a package may take from others. The command line and the consumers may take what their work needs.
EDGES = {"bytewax", "confluent_kafka", "numpy", "orjson", "typing_extensions"}
THIRD_PARTY = {
    "kernels": set(),
    "orderbook": {"numpy", "sortedcontainers", "typing_extensions"},
    "connectors": EDGES | {"httpx2", "stamina", "websockets"},
    "simulator": {"numpy"},
    "dataflows": EDGES | {"prometheus_client", "pydantic", "structlog", "tomli"},
    "fake_exchange": {"orjson", "structlog", "typing_extensions", "websockets"},
}

# A pure package asks nobody for the time, the weather or a byte.
OUTSIDE = {
    *("asyncio", "concurrent", "datetime", "http", "logging", "multiprocessing", "os", "pathlib", "secrets", "select"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "uuid"),
}
# The simulated market writes the exchange's JSON and draws from a generator of its own, which somebody else seeded.
PURE = {
    "orderbook": {*OUTSIDE, "io", "json", "random"},
    "simulator": OUTSIDE,
    # What a feed must know, without a socket; the package beside it (live) has them.
    "connectors/binance": {*OUTSIDE, "io", "json", "random", "confluent_kafka", "httpx2", "stamina", "websockets"},
}
# A lock asks nobody: it keeps the threads of those who call apart.
HARMLESS = {"threading.Lock"}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval"}
SEEDED = {"Random", "default_rng", "Generator", "PCG64", "SeedSequence"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    wrong = [
        f"{module.label} imports {imported}"
        for module in modules(package)
        for imported in module.imports()
        if not is_stdlib(imported) and not allowed(package, top(imported))
    ]

    assert wrong == []


@pytest.mark.parametrize("package", PURE)
def test_a_pure_package_has_no_clock_no_files_and_no_sockets(package: str) -> None:
    imports = [
        f"{module.label} imports {imported}"
        for module in modules(package)
        for imported in module.imports()
        if top(imported) in PURE[package] and imported not in HARMLESS
    ]
    calls = [
        f"{module.label}:{call.lineno} calls {name}"
        for module in modules(package)
        for call, name in module.calls()
        if name in IMPURE_CALLS or is_unseeded(call, name)
    ]

    assert imports + calls == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_modules_of_a_package_have_no_import_cycle(package: str) -> None:
    assert cycle(modules(package)) is None


def test_only_the_command_line_the_fake_exchange_and_tests_know_the_simulator() -> None:
    assert [package for package, below in OURS.items() if "simulator" in below] == ["simulator", "fake_exchange", "obi"]


def test_the_fake_exchange_takes_of_the_connectors_only_the_files_of_recordings() -> None:
    """It judges the feeds: what both took from one place would be right or wrong in both."""
    taken = {
        ".".join(imported.split(".")[:2])
        for module in modules("fake_exchange")
        for imported in module.imports()
        if top(imported) == "connectors"
    }

    assert taken == {"connectors.recordings"}


def allowed(package: str, imported: str) -> bool:
    if imported in PACKAGES:
        return imported in OURS[package]
    if imported in {"tests", "benchmarks"}:
        return False
    return package not in THIRD_PARTY or imported in THIRD_PARTY[package]


def is_unseeded(call: ast.Call, name: str) -> bool:
    """Whether this draws from a generator that nobody can repeat: the modules' global ones, or one without a seed."""
    owner, _, function = name.rpartition(".")
    if function in SEEDED:
        return function in {"Random", "default_rng"} and not (call.args or call.keywords)
    return owner in {"random", "np.random", "numpy.random"}


def cycle(files: tuple[Module, ...]) -> str | None:
    """The first cycle found, written as a chain."""
    known = {module.name for module in files}
    graph = {
        module.name: {found for imported in module.imports() if (found := resolve(imported, known))} - {module.name}
        for module in files
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " <- ".join(error.args[1])
    return None
