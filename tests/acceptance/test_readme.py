"""The README's requests work as they stand there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import Shop, Stack

README = Path(__file__).resolve().parents[2] / "README.md"
TOOLS = ("sh", "curl", "openssl", "base64", "od")

pytestmark = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")


def pasted(heading: str) -> list[str]:
    """The shell that stands under a heading."""
    section = README.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_a_webshop_and_a_terminal(shop: Shop, stack: Stack) -> None:
    [setting_up, webshop], [terminal] = pasted("A webshop in four requests"), pasted("A terminal")
    helper = setting_up.partition("\n")[0].replace(".venv/bin/python", sys.executable)
    names = {
        "WEB": shop.web,
        "STORE": shop.store,
        "KEY": shop.api.http.headers["Authorization"].removeprefix("Bearer "),
        "API": f"{stack.url}/v1",
    }
    script = "\n".join([helper, *(f"{name}='{value}'" for name, value in names.items()), webshop, terminal])
    printed = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, timeout=120, check=True).stdout
    assert '"status":"captured"' in printed
    answers = json.JSONDecoder()
    recorded, _ = answers.raw_decode(printed[printed.rindex('{"sequence":1') :])
    assert (recorded["status"], recorded["next_sequence"]) == ("recorded", 2)
    story = shop.api.get(f"/v1/payments/{recorded['payment']}")
    assert (story["origin"], story["amount_captured"]) == ("in_store", 1995)
    [order] = shop.api.get("/v1/orders", reference="1001")["data"]
    assert (order["paid"], order["refundable"], order["refunds"][0]["channel"]["id"]) == (12500, 10000, shop.store)
