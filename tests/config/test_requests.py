"""Every request has an id, in its answer and in the log, and every refusal below /v1 has the one form."""

import asyncio
import logging
from queue import Queue
from typing import NoReturn

import pytest
from celery.contrib.testing.worker import start_worker
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from config import urls
from config.celery import app
from config.observability.logging import ScrubbedFormatter, current_request_id
from payments.core.ids import is_id

NOTED: Queue[tuple[str, str]] = Queue()


def broken(request: object) -> NoReturn:
    logging.getLogger("payments").error("paid with 4111 1111 1111 1111")
    raise RuntimeError("broken with 4111111111111111")


urlpatterns = [*urls.urlpatterns, path("v1/broken", broken)]


def test_an_answer_carries_an_id_of_its_own(client: Client) -> None:
    first, second = (client.get("/health/live")["Request-Id"] for _ in range(2))
    assert is_id(first, "req")
    assert first != second


def test_a_sane_id_of_the_sender_is_kept(client: Client) -> None:
    assert client.get("/health/live", headers={"Request-Id": "till-7.2026-001"})["Request-Id"] == "till-7.2026-001"


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space in it", "line\u2028break-in-it", "<script>1234"])
def test_any_other_id_of_the_sender_is_not(client: Client, given: str) -> None:
    assert is_id(client.get("/health/live", headers={"Request-Id": given})["Request-Id"], "req")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/v1/nothing-here", "/v1/", "/v1/payments/pay_1/2/3", "/nothing-here", "/"])
def test_an_unknown_address_is_a_problem_that_says_so(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["request_id"]) == ("not_found", answer["Request-Id"])


@pytest.mark.django_db
def test_in_the_admin_people_get_a_page(client: Client) -> None:
    assert not client.get("/admin/nothing-here", follow=True)["Content-Type"].startswith("application/problem+json")


@override_settings(ROOT_URLCONF=__name__)
def test_a_defect_is_a_problem_that_tells_nothing(client: Client) -> None:
    client.raise_request_exception = False
    answer = client.get("/v1/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "broken with" not in answer.text


@override_settings(ROOT_URLCONF=__name__)
def test_the_log_tells_the_defect_with_the_request_and_without_the_card(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(ScrubbedFormatter("{request_id} {message}", style="{"))
    client.raise_request_exception = False
    logging.getLogger().addHandler(handler)
    try:
        client.get("/v1/broken", headers={"Request-Id": "till-7-0001"})
    finally:
        logging.getLogger().removeHandler(handler)
    logged = capsys.readouterr().err
    assert "till-7-0001 paid with **** **** **** 1111" in logged
    assert "RuntimeError: broken with ************1111" in logged
    assert "4111" not in logged


@override_settings(
    ROOT_URLCONF="config.stream_urls", MIDDLEWARE=["config.middleware.request_id", "config.middleware.problems"]
)
async def _ask_the_stream(address: str) -> tuple[int, str, str]:
    answer = await AsyncClient().get(address, headers={"Request-Id": "till-7-0001"})
    return answer.status_code, answer["Content-Type"], answer["Request-Id"]


def test_the_streaming_process_answers_in_the_same_way() -> None:
    assert asyncio.run(_ask_the_stream("/v1/nothing-here")) == (404, "application/problem+json", "till-7-0001")
    assert asyncio.run(_ask_the_stream("/health/live")) == (200, "application/json", "till-7-0001")


@app.task(name="tests.note_request")
def note_request(noted: str) -> None:
    NOTED.put((noted, current_request_id.get()))


@pytest.mark.django_db(transaction=True)
def test_a_task_logs_under_the_request_that_rang_for_it() -> None:
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["tests"]):
        token = current_request_id.set("till-7-0001")
        app.send_task("tests.note_request", args=["by name"], queue="tests")
        note_request.apply_async(args=("by itself",), queue="tests")
        current_request_id.reset(token)
        assert [NOTED.get(timeout=60) for _ in range(2)] == [("by name", "till-7-0001"), ("by itself", "till-7-0001")]
