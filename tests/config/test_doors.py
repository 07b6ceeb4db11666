"""Under which names the server answers, who reads its figures, and what nobody on the way may keep."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import AsyncClient, Client, override_settings

from config.observability import metrics

PROJECT = Path(__file__).parents[2]


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.content)["code"]


@pytest.mark.parametrize("path", ["/v1", "/admin/login/", "/pay/x", "/metrics", "/nowhere"])
def test_a_name_that_is_not_ours_is_refused_and_told_how_to_add_it(path: str) -> None:
    answer = Client(headers={"host": "evil.example"}).get(path)
    assert code_of(answer) == (400, "host_not_allowed")
    assert "ALLOWED_HOSTS" in json.loads(answer.content)["detail"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machines_own_names_are_ours(host: str) -> None:
    assert Client(headers={"host": host}).get("/v1").status_code == 401


def test_a_probe_asks_by_any_address() -> None:
    assert Client(headers={"host": "10.1.2.3:8000"}).get("/health/live").status_code == 200


@override_settings(
    ALLOWED_HOSTS=["mine.example"],
    ROOT_URLCONF="config.stream_urls",
    MIDDLEWARE=["config.middleware.request_id", "config.middleware.own_hosts"],
)
def test_the_stream_answers_to_the_same_names_only() -> None:
    answer = asyncio.run(AsyncClient().get("/v1/events/stream"))
    assert code_of(answer) == (400, "host_not_allowed")


def test_every_name_at_once_is_no_setting(tmp_path: Path) -> None:
    environment = {"ONETILL_HOME": str(tmp_path), "ALLOWED_HOSTS": "*", "PATH": "/usr/bin:/bin", "LOG_FORMAT": "text"}
    tried = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        check=False,
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert tried.returncode != 0
    assert "ALLOWED_HOSTS names the hosts" in tried.stderr


@pytest.fixture
def _figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "text", lambda: b"figures")


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize(
    ("sender", "status"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "10.0.0.7"}, 401),
        ({"REMOTE_ADDR": ""}, 401),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 401),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_VIA": "1.1 proxy"}, 401),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_PROTO": "https"}, 401),
    ],
)
@pytest.mark.parametrize("behind_proxy", [None, ("HTTP_X_FORWARDED_PROTO", "https")])
def test_figures_are_this_machines_own(sender: dict[str, Any], status: int, behind_proxy: Any, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = behind_proxy
    assert Client(**sender).get("/metrics").status_code == status


@pytest.mark.usefixtures("_figures")
def test_from_elsewhere_they_take_a_token(settings: Any) -> None:
    def asks(header: str) -> int:
        return Client(REMOTE_ADDR="10.0.0.7").get("/metrics", headers={"Authorization": header}).status_code

    assert {asks(given) for given in ("Bearer ", "Bearer", "Bearer guess", "")} == {401}, "where no token is set"
    settings.METRICS_TOKEN = "scraper-7"
    assert asks("Bearer scraper-7") == 200
    assert {asks(given) for given in ("Bearer ", "Bearer scraper-8", "Basic scraper-7", "scraper-7", "Bearer é")} == {
        401
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        *("/v1", "/v1/payments", "/v1/customers/x", "/v1/nowhere", "/admin/", "/admin/login/", "/admin/nowhere"),
        *("/admin/payments/payment/", "/pay/x", "/pay/x/qr", "/metrics"),
    ],
)
def test_nobody_on_the_way_keeps_an_answer(path: str) -> None:
    assert "no-store" in Client().get(path)["Cache-Control"]
