"""What `make run` prints can be pasted as it stands."""

import json
import subprocess
from typing import Any

import pytest
from pytest_django import Settings

from config.standalone.banner import banner

CAST: dict[str, Any] = {
    "admin": {"username": "demo", "password": "pass'word"},
    "second": {"username": "demo-finance", "password": "other words"},
    "api_key": "ot_test_abc",
    "channel": "chn_web",
}


def pasted(text: str) -> list[str]:
    """What the shell makes of the curl line."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.strip().startswith("curl "))
    script = 'curl() { printf "%s\\n" "$@"; }\n' + "\n".join(lines[first : first + 3])
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("channel", ["chn_web", None])
def test_the_curl_line_takes_a_payment(settings: Settings, channel: str | None) -> None:
    address, *options = pasted(banner({**CAST, "channel": channel}))
    assert address == f"{settings.PUBLIC_URL}/v1/payments"
    assert "Authorization: Bearer ot_test_abc" in options
    assert any(option.startswith("Idempotency-Key: 1") for option in options)
    body = json.loads(options[-1])
    assert (body["amount"], body["order_total"], body["currency"], body.get("channel")) == (1250, 1250, "EUR", channel)


def test_it_names_the_channels_and_starts_a_device_in_the_store(settings: Settings) -> None:
    text = banner({**CAST, "store": "chn_store"})
    assert "webshop chn_web · store chn_store" in text
    assert f"simulate_terminal --base-url {settings.PUBLIC_URL} --api-key ot_test_abc --channel chn_store" in text


def test_it_tells_how_to_sign_in(settings: Settings) -> None:
    text = banner(CAST)
    assert "Admin sign-in: demo / pass'word" in text
    assert "Second person: demo-finance / other words" in text
    commands = [line.partition("prints: ")[2] for line in text.splitlines() if "demo_code" in line]
    assert [command.rpartition("manage.py ")[2] for command in commands] == ["demo_code", "demo_code demo-finance"]
    assert all(f"ONETILL_HOME={settings.ONETILL_HOME} " in command for command in commands)


def test_it_says_where_the_counter_is_and_how_its_staff_sign_in() -> None:
    counter = {
        "address": "http://127.0.0.1:8000/counter/",
        "pairing_code": "ABCD2345",
        "person": "Anna",
        "code": "271828",
    }
    text = banner({**CAST, "counter": counter})
    assert "http://127.0.0.1:8000/counter/  pair with ABCD2345" in text
    assert "then Anna, code 271828" in text


def test_it_shows_a_link_to_pay_and_where_letters_go(settings: Settings) -> None:
    text = banner({**CAST, "pay_url": "http://127.0.0.1:8000/pay/abc"})
    assert "Pay as a customer: http://127.0.0.1:8000/pay/abc" in text
    assert str(settings.EMAIL_FILE_PATH) in text
    settings.EMAIL_HOST = "smtp.example"
    assert str(settings.EMAIL_FILE_PATH) not in banner({**CAST, "pay_url": "http://127.0.0.1:8000/pay/abc"})


def test_without_a_demo_it_tells_how_to_begin(settings: Settings) -> None:
    text = banner(None)
    assert f"export ONETILL_HOME={settings.ONETILL_HOME} PORT={settings.PORT}" in text
    assert "create_api_key" in text
    assert "invite --superuser --email" in text
    assert "Admin sign-in" not in text
