"""What stands beside the code for its deployment says nothing that the code does not know."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from config.standalone import home, processes

ROOT: Final = home.PROJECT
READ: Final = re.compile(
    r"""env\.(?:text|flag|integer|words)\(\s*"([A-Z_]+)"|os\.environ(?:\.get\(|\[)?\s*"([A-Z_]+)"|"([A-Z_]+)" in os\.environ"""
)
SOURCES: Final = ("manage.py", "config", "payments", "terminals", "reconciliation")
# Between processes of ours, never for people.
INNER: Final = {"STREAMS", "END_WITH_PARENT", "DJANGO_SETTINGS_MODULE"}
OF_THE_IMAGES: Final = {"POSTGRES_PASSWORD", "APP_PASSWORD", "OWNER_PASSWORD", "REDISCLI_AUTH"}
OF_THE_BUILD: Final = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHON_IMAGE"}
OF_THE_OWNER: Final = {"migrate", "backup"}
UNITS: Final = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def read_by_the_code() -> set[str]:
    found = set()
    for source in SOURCES:
        paths = [ROOT / source] if source.endswith(".py") else (ROOT / source).rglob("*.py")
        for path in paths:
            found |= {name for names in READ.findall(path.read_text()) for name in names if name}
    return found - INNER


def in_the_readme() -> set[str]:
    section = (ROOT / "README.md").read_text().split("\n## Environment\n")[1].split("\n## ")[0]
    names = (line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    return {name for cell in names for name in re.findall(r"`([A-Z_]+)`", cell)}


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def variables(lines: str) -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=", lines, re.MULTILINE))


def test_every_variable_that_is_read_is_in_the_readme_and_no_other() -> None:
    assert {"DATABASE_URL", "PORT", "PROMETHEUS_MULTIPROC_DIR", "FRESH"} <= read_by_the_code()
    assert in_the_readme() == read_by_the_code()


def test_compose_sets_only_what_is_read() -> None:
    for name, service in compose()["services"].items():
        given = set(service.get("environment", {}))
        known = OF_THE_IMAGES if name in ("postgres", "valkey") else read_by_the_code()
        assert given <= known, name


def test_image_and_units_set_only_what_is_read() -> None:
    image = set(re.findall(r"([A-Z_]{3,})=", (ROOT / "Dockerfile").read_text()))
    assert image - OF_THE_BUILD <= read_by_the_code()
    assert variables((ROOT / "deploy" / "onetill.env.example").read_text()) <= read_by_the_code()
    for unit in UNITS:
        assert set(re.findall(r"^Environment=([A-Z_]+)=", unit.read_text(), re.MULTILINE)) <= read_by_the_code()


def test_compose_and_units_run_the_programs_that_make_run_does() -> None:
    ours = {program.name for program in processes.programs()} - {"simulator"}
    assert set(compose()["services"]) - {"postgres", "valkey"} - OF_THE_OWNER == ours
    assert {unit.stem.removeprefix("onetill-") for unit in UNITS} - OF_THE_OWNER == ours
    wanted = (ROOT / "deploy" / "systemd" / "onetill.target").read_text()
    assert set(re.findall(r"onetill-(\w+)\.service", wanted)) == ours


def test_who_owns_the_tables_is_told_to_those_who_need_it_alone() -> None:
    services = compose()["services"]
    assert {name for name, one in services.items() if "DATABASE_OWNER_URL" in one["environment"]} == OF_THE_OWNER
    owner = "EnvironmentFile=/etc/onetill/owner.env"
    knowing = {unit.stem.removeprefix("onetill-") for unit in UNITS if owner in unit.read_text().splitlines()}
    assert knowing == OF_THE_OWNER
    assert "DATABASE_OWNER_URL=" not in (ROOT / "deploy" / "onetill.env.example").read_text()
    assert variables((ROOT / "deploy" / "owner.env.example").read_text()) == {"DATABASE_OWNER_URL"}


def test_every_reference_in_compose_leads_somewhere() -> None:
    whole = compose()
    for service in whole["services"].values():
        assert {volume.split(":")[0] for volume in service.get("volumes", ()) if ":" in volume} <= set(whole["volumes"])
        assert set(service.get("networks", ())) <= set(whole["networks"])
        assert {config["source"] for config in service.get("configs", ())} <= set(whole["configs"])
        assert set(service.get("depends_on", ())) <= set(whole["services"])


def test_nothing_runs_as_root_or_gains_rights() -> None:
    last = (ROOT / "Dockerfile").read_text().rsplit("FROM ", 1)[1]
    assert re.search(r"^USER onetill$", last, re.MULTILINE)
    assert last.index("USER onetill") < last.index("CMD ")
    for name, service in compose()["services"].items():
        if name not in ("postgres", "valkey"):
            assert (service["cap_drop"], service["read_only"]) == (["ALL"], True), name


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_are_hardened_and_name_our_own_account(unit: Path) -> None:
    lines = set(unit.read_text().splitlines())
    assert {
        "User=onetill", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
        "CapabilityBoundingSet=", "UMask=0077", "SystemCallFilter=@system-service",
    } <= lines  # fmt: skip


def test_what_is_installed_is_checked_by_its_hash() -> None:
    assert "--require-hashes" in (ROOT / "Dockerfile").read_text()
    assert set((ROOT / ".dockerignore").read_text().splitlines()) >= {"*", "!config", "!payments"}
