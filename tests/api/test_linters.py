"""What other people's tools say of the OpenAPI document: no error of Spectral, none of Redocly.

They need node and, the first time, the npm registry; where either is missing the test is skipped and says so.
"""

import fcntl
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.api import conformity

PACKAGES: Final = ("@stoplight/spectral-cli@6.16.3", "@redocly/cli@2.77.0")
HOME: Final = Path(tempfile.gettempdir()) / "onetill-test-linters"


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder of the installed commands; the processes of one run install them once."""
    if shutil.which("npm") is None:
        pytest.skip("no node on this machine: the OpenAPI document is not shown to Spectral and Redocly")
    HOME.mkdir(exist_ok=True)
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = HOME / "installed"
        wanted = " ".join(PACKAGES)
        if not done.exists() or done.read_text() != wanted:
            # Scripts of packages are not run: neither tool needs any.
            command = [
                "npm",
                "install",
                "--silent",
                "--no-fund",
                "--no-audit",
                "--ignore-scripts",
                "--prefix",
                str(HOME),
            ]
            installed = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, timeout=400, check=False)
            if installed.returncode:
                pytest.skip(f"Spectral and Redocly cannot be installed here: {installed.stderr[-300:]}")
            done.write_text(wanted)
    return HOME / "node_modules" / ".bin"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(conformity.document()))
    return path


def test_spectral_finds_no_error(tools: Path, document: Path) -> None:
    rules = document.with_name("rules.yaml")
    rules.write_text('extends: ["spectral:oas"]\n')
    command: list[str | Path] = [
        tools / "spectral",
        "lint",
        document,
        "--ruleset",
        rules,
        "--fail-severity",
        "warn",
        "--quiet",
    ]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert printed.returncode == 0, printed.stdout[:3000] + printed.stderr[:1000]


def test_redocly_finds_no_error(tools: Path, document: Path) -> None:
    command: list[str | Path] = [tools / "redocly", "lint", document, "--skip-rule=info-license"]
    printed = subprocess.run(command, cwd=document.parent, capture_output=True, text=True, timeout=200, check=False)
    assert printed.returncode == 0, printed.stdout[:3000] + printed.stderr[:3000]
