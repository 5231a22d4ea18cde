"""docker-compose.yml and Dockerfile, as far as they can be judged without a Docker engine: by the compose specification's
own schema, by our command line (which must know every command that they run), and by the packages that exist.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.needs import ROOT
from tests.sources import PACKAGES

COMPOSE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
# What the installed script does, installed or not.
OBI = (sys.executable, "-c", "from obi.cli import main; main()")


def test_the_compose_file_is_valid_by_the_specification() -> None:
    done = check(COMPOSE)

    assert done.returncode == 0, done.stdout


def test_the_schema_does_find_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(
        COMPOSE.read_text(encoding="utf-8").replace("stop_grace_period", "stop_grace_time"), encoding="utf-8"
    )

    assert "stop_grace_time" in check(wrong).stdout


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_obi_knows_with_flags_that_it_has(name: str) -> None:
    words = OURS[name]["command"]
    command = [word for word in words if re.fullmatch(r"[a-z]+", word)]
    shown = subprocess.run(
        [*OBI, *command, "--help"], capture_output=True, text=True, check=False, cwd=ROOT, env={"COLUMNS": "200"}
    )
    flags = [word for word in words if re.fullmatch(r"--?[a-z][a-z0-9-]*", word)]

    assert shown.returncode == 0, shown.stderr
    assert [flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", shown.stdout)] == []


def test_who_waits_waits_for_a_service_and_for_a_condition_that_can_come_true() -> None:
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], name
            else:
                assert (wait["condition"], SERVICES[other]["restart"]) == ("service_completed_successfully", "no"), name


def test_the_job_keeps_its_state_and_has_time_to_close() -> None:
    job = SERVICES["job"]
    kept = {volume.split(":")[1] for volume in job["volumes"]}

    assert job["environment"]["OBI_STATE_DIR"] in kept
    assert job["restart"] == "unless-stopped"
    assert int(job["stop_grace_period"].removesuffix("s")) >= 30


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_image_holds_every_package_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    context = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert [package for package in PACKAGES if f"COPY {package} {package}" not in lines] == []
    assert [package for package in PACKAGES if f"!{package}" not in context] == []
    assert int(next(line.split()[1] for line in lines if line.startswith("USER "))) > 0
    assert 'ENTRYPOINT ["obi"]' in lines
    assert any("--require-hashes -r requirements.lock" in line for line in lines)


def check(path: Path) -> subprocess.CompletedProcess[str]:
    """By the schema that check-jsonschema brings along: nothing is fetched."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
