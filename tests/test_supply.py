"""What runs in production is pinned, holds no test tools, and can be told from outside: locks, images, SBOM."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from config.standalone import home

ROOT: Final = home.PROJECT
DEVELOPMENT: Final = "requirements.lock"
PRODUCTION: Final = "requirements-production.lock"
COMMAND: Final = "uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url"
PINNED: Final = re.compile(r"^([a-z0-9-]+)==(\S+?)(?: ;.*)? \\$", re.MULTILINE)
ANOTHER_SOURCE: Final = re.compile(r"(?m)^\s*(?:-|--)(?!hash)|https?://|file:|(?m:^\s*[./])")


def project() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return loaded


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~ ;]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def pinned(lock: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / lock).read_text()))


def hashes(lock: str) -> dict[str, set[str]]:
    """The hashes of each package."""
    text = "\n".join(line for line in (ROOT / lock).read_text().splitlines() if not line.lstrip().startswith("#"))
    blocks = re.split(r"(?m)^(?=[a-z0-9-]+==)", text)
    return {block.split("==")[0]: set(re.findall(r"sha256:[0-9a-f]{64}", block)) for block in blocks if "==" in block}


def test_the_locks_say_how_they_were_written() -> None:
    written = {lock: (ROOT / lock).read_text().splitlines()[1].strip("# ") for lock in (DEVELOPMENT, PRODUCTION)}
    assert written == {
        DEVELOPMENT: f"{COMMAND} --extra dev -o {DEVELOPMENT} pyproject.toml",
        PRODUCTION: f"{COMMAND} --constraint {DEVELOPMENT} -o {PRODUCTION} pyproject.toml",
    }


@pytest.mark.parametrize("lock", [DEVELOPMENT, PRODUCTION])
def test_each_package_is_pinned_with_its_hashes_and_comes_from_nowhere_else(lock: str) -> None:
    assert pinned(lock)
    assert set(hashes(lock)) == set(pinned(lock))
    assert all(hashes(lock).values())
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if ANOTHER_SOURCE.search(line.replace("--hash", ""))] == []


def test_production_is_development_without_its_tools() -> None:
    development, production = hashes(DEVELOPMENT), hashes(PRODUCTION)
    assert {name: pinned(DEVELOPMENT).get(name) for name in pinned(PRODUCTION)} == pinned(PRODUCTION)
    assert {name: development[name] for name in production} == production
    assert names(project()["dependencies"]) <= set(production)
    tools = names(project()["optional-dependencies"]["dev"])
    assert tools <= set(development)
    assert tools & set(production) == {"jsonschema"}  # which drf-spectacular needs, too


def test_images_and_units_install_what_production_needs_and_no_more() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"COPY (requirements\S*)", dockerfile) == [PRODUCTION]
    assert f"!{PRODUCTION}" in (ROOT / ".dockerignore").read_text().splitlines()
    assert f"make venv LOCK={PRODUCTION}" in (ROOT / "config" / "README.md").read_text()


def test_base_images_are_given_by_digest() -> None:
    """None is written down: a digest that nobody has looked up would be a wish. Without one nothing is built."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    assert "ARG PYTHON_IMAGE\n" in dockerfile  # no default
    assert "*@sha256:*" in dockerfile  # and a tag alone is refused
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    images = {name: compose["services"][name]["image"] for name in ("postgres", "valkey")}
    for name, image in images.items():
        assert re.fullmatch(rf"\$\{{{name.upper()}_IMAGE:\?.*@sha256:.*\}}", image), image
    assert compose["services"]["web"]["build"]["args"]["PYTHON_IMAGE"].startswith("${PYTHON_IMAGE:?")


def test_the_sbom_names_each_package_of_the_production_lock(tmp_path: Path) -> None:
    target = tmp_path / "sbom.json"
    command = ["make", "--silent", "sbom", f"FILE={target}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sbom = json.loads(target.read_text())
    assert (sbom["bomFormat"], sbom["metadata"]["component"]["name"]) == ("CycloneDX", "onetill")
    assert {one["name"]: one["version"] for one in sbom["components"]} == pinned(PRODUCTION)
    assert target.read_text().count('"SHA-256"') >= len(pinned(PRODUCTION))


def test_advisories_that_cannot_be_asked_for_are_said_and_no_failure(tmp_path: Path) -> None:
    nowhere = {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "PATH": sys.exec_prefix + "/bin:/usr/bin:/bin",
    }
    command = ["make", "--silent", "advisories"]
    done = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Skipped: the source of advisories cannot be reached" in done.stdout
