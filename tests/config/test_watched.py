"""The whole installation under watch: one request is found in every process it passed, and what stops is named."""

import json
import os
import signal
from typing import Any, Final

import httpx
import redis

from config.observability import components
from config.standalone import embedded
from tests.simulator import eventually
from tests.stack import Shop, Stack

COMMANDS: Final = {
    "worker_realtime": "queues=realtime",
    "worker_batch": "queues=batch",
    "beat": "config.celery:app --quiet beat",
}


def records(stack: Stack) -> list[dict[str, Any]]:
    """What the installation has logged; what is no record is the banner, for people."""
    lines = (stack.home / "stack.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_one_request_is_found_in_web_and_worker_with_the_call_it_led_to(stack: Stack, shop: Shop) -> None:
    mail, payment = "jan.jansen@shop.example", {"order_reference": "1001", "amount": 2500, "currency": "EUR"}
    paid = shop.api.post("/v1/payments", payment | {"method": "card", "channel": shop.web, "customer": {"email": mail}})
    refund = {"payment": paid.json()["id"], "reason": f"Too small, says {mail}", "channel": shop.store}
    headers = {"Request-Id": "till-7-000042", "Idempotency-Key": "return-1"}
    assert shop.api.http.post("/v1/refunds", json=refund, headers=headers).status_code == 201

    def log_records() -> dict[str, Any]:
        ours = [record for record in records(stack) if record.get("request_id") == "till-7-000042"]
        return {f"{record['program']} {record['logger']}": record for record in ours}

    calls = "realtime payments.services.provider_call_log"
    found = eventually(lambda: calls in (rows := log_records()) and "realtime config.tasks" in rows and rows, within=60)
    assert (found["web config.requests"]["route"], found["web config.requests"]["status"]) == ("v1/refunds", 201)
    assert found["realtime config.tasks"]["task"] == "payments.submit"
    assert (found[calls]["provider"], found[calls]["verb"], found[calls]["outcome"]) == (
        "simulator", "refund", "succeeded",
    )  # fmt: skip
    whole = (stack.home / "stack.log").read_text()
    key = shop.api.http.headers["Authorization"].removeprefix("Bearer ")
    assert not [secret for secret in (mail, key, "return-1") if secret in whole]


def test_figures_of_all_web_processes_and_workers_are_put_together(stack: Stack) -> None:
    webs = stack.processes("config.wsgi:application")
    assert len(webs) >= 3  # granian and its two
    before = _requests_counted(stack)
    for _ in range(20):
        httpx.get(f"{stack.url}/v1/nowhere", trust_env=False)
    assert {_requests_counted(stack) for _ in range(6)} == {before + 20}
    text = httpx.get(f"{stack.url}/metrics", trust_env=False).text
    assert 'onetill_task_seconds_count{ended="well",task="payments.recover"}' in text


def _requests_counted(stack: Stack) -> float:
    text = httpx.get(f"{stack.url}/metrics", trust_env=False).text
    counts = [line for line in text.splitlines() if line.startswith("onetill_request_seconds_count")]
    return sum(float(line.split()[-1]) for line in counts if 'route="none"' in line)


def test_a_part_that_stops_is_named_and_live_stays_live(stack: Stack) -> None:
    eventually(lambda: _is_ready(stack))  # whatever a test before this one did to it
    stopped = {part: stack.processes(command)[0] for part, command in COMMANDS.items()}
    try:
        for pid in stopped.values():
            os.kill(pid, signal.SIGSTOP)
        _forget_heartbeats(stack)  # as they do by themselves after a while
        answer = httpx.get(f"{stack.url}/health/ready", trust_env=False)
        assert (answer.status_code, answer.json()["down"]) == (503, sorted(stopped))
        assert httpx.get(f"{stack.url}/health/live", trust_env=False).status_code == 200
        assert httpx.get(f"{stack.url}/health/ready?only=database,migrations", trust_env=False).status_code == 200
    finally:
        for pid in stopped.values():
            os.kill(pid, signal.SIGCONT)
    eventually(lambda: _is_ready(stack))


def _is_ready(stack: Stack) -> bool:
    return httpx.get(f"{stack.url}/health/ready", trust_env=False).status_code == 200


def _forget_heartbeats(stack: Stack) -> None:
    with redis.Redis.from_url(embedded.Valkey(stack.home).url) as client:
        assert client.delete(*(f"onetill:alive:{name}" for name in components.WORKERS.values())) == len(
            components.WORKERS
        )
