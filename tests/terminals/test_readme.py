"""The signing examples of the README run as they stand, against a real server."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from payments.models import Payment
from tests.terminals.device import Device

README = Path(__file__).parents[2] / "terminals" / "README.md"


def example(language: str, device: Device, url: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)
    filled = blocks[0].replace("trm_…", device.terminal).replace("whsec_…", device.secret or "")
    return str(filled.replace("http://127.0.0.1:8000", url))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("language", "program"), [("python", [sys.executable, "-c"]), ("sh", ["sh", "-euc"])])
def test_the_example_signs(language: str, program: list[str], terminal: Device, live_server: Any) -> None:
    if language == "sh" and any(os.system(f"command -v {tool} >/dev/null") for tool in ("openssl", "curl", "od")):
        pytest.skip("openssl, curl or od is not installed here")
    run = subprocess.run(
        [*program, example(language, terminal, live_server.url)],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert '"status":"recorded"' in run.stdout, run.stderr + run.stdout
    assert Payment.objects.get().status == "captured"
