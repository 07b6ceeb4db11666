"""What a shop receives, and what happens when its server does not answer well."""

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from payments.notify import signing, sql
from payments.notify.models import Event, Lease, WebhookDelivery, WebhookEndpoint
from payments.notify.services import deliver as delivering
from payments.notify.services import leases
from payments.notify.services.deliver import PAUSES, clear_stranded, deliver, next_attempt
from tests.notify.conftest import OTHER_MERCHANT, STORE
from tests.notify.receiver import Receiver
from tests.queues import waiting
from tests.sql import analyze, plan

SHARED = Path(__file__).parents[2].parent / "shared"

pytestmark = pytest.mark.django_db(transaction=True)


def make_due() -> None:
    """Let the time until the next attempt pass."""
    WebhookDelivery.objects.filter(status="pending").update(next_attempt_at=timezone.now())


def test_a_shop_is_told_once_signed_and_in_full(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., list[str]]
) -> None:
    new = endpoint()
    [payment] = happen()

    assert deliver() == 1
    assert deliver() == 0

    [received] = shop.received
    event = Event.objects.get()
    assert received.signed_by(new.secret)
    assert received.headers["content-type"] == "application/json"
    assert received.event_id == event.id
    assert received.event == {
        "id": event.id,
        "object": "event",
        "type": "payment.captured",
        "created_at": event.created_at.isoformat().replace("+00:00", "Z"),
        "api_version": "v1",
        "test_mode": True,
        "data": {"object": {"id": payment, "object": "payment", "amount": 1250, "description": "fiets, 2ᵉ hands"}},
    }
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("succeeded", 1, 200)
    assert delivery.next_attempt_at is None
    assert delivery.lease_until is None


def test_the_published_vector_is_signed_as_published() -> None:
    path = SHARED / "samples/vectors/standard-webhooks.json"
    if not path.exists():
        pytest.skip("the samples are not here")
    vector = json.loads(path.read_text())
    moment = datetime.fromtimestamp(vector["webhook-timestamp"], timezone.get_fixed_timezone(120))

    headers = signing.headers(
        message_id=vector["webhook-id"],
        body=vector["payload"],
        moment=moment,
        secrets=["whsec_" + vector["secret_base64"], vector["secret_base64"]],
    )

    assert headers["webhook-timestamp"] == str(vector["webhook-timestamp"])
    assert headers["webhook-signature"].split() == [vector["expected"]] * 2


def test_each_endpoint_hears_what_it_asked_for(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., list[str]]
) -> None:
    endpoint("/all")
    endpoint("/refunds", events=["refund.succeeded", "refund.failed"])
    endpoint("/store", channel_id=STORE)
    endpoint("/other", merchant_id=OTHER_MERCHANT)
    endpoint("/off")
    WebhookEndpoint.objects.filter(url=shop.url("/off")).update(status="disabled")

    happen()
    happen(type="refund.succeeded")
    happen(type="payout.received", channel_id=None)
    happen(channel_id=STORE)
    deliver()

    heard = {
        path: sorted(delivery.event["type"] for delivery in shop.at(path)) for path in ("/all", "/refunds", "/store")
    }
    assert heard == {
        "/all": ["payment.captured", "payment.captured", "payout.received", "refund.succeeded"],
        "/refunds": ["refund.succeeded"],
        "/store": ["payment.captured"],
    }
    assert not shop.at("/other")
    assert not shop.at("/off")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_anything_but_a_2xx_is_tried_again(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., list[str]], status: int
) -> None:
    endpoint()
    shop.answers["/hook"] = [status, 204]
    shop.headers["/hook"] = {"Location": shop.url("/elsewhere")}
    happen()

    before = timezone.now()
    deliver()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("pending", 1, status)
    assert delivery.next_attempt_at is not None
    assert before < delivery.next_attempt_at < timezone.now() + timedelta(seconds=10)
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=1))
    assert deliver() == 0

    make_due()
    deliver()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("succeeded", 2, 204)
    first, second = shop.received
    assert (first.event_id, first.body) == (second.event_id, second.body)
    assert not shop.at("/elsewhere")


def test_a_server_that_is_not_there_is_tried_again(endpoint: Callable[..., Any], happen: Callable[..., Any]) -> None:
    endpoint(url="http://127.0.0.1:9/hook")
    happen()

    deliver()

    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.response_status) == ("pending", None)
    assert "refused" in delivery.failure


@pytest.mark.parametrize("manner", ["hangs", "drips"])
def test_no_answer_in_time_is_no_success(
    shop: Receiver,
    endpoint: Callable[..., Any],
    happen: Callable[..., Any],
    manner: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivering, "ANSWER_SECONDS", 1.0)
    getattr(shop, manner).add("/hook")
    endpoint()
    happen()

    began = time.monotonic()
    deliver()

    assert time.monotonic() - began < 20  # it hangs for thirty, and drips for a hundred
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.response_status) == ("pending", None)
    assert delivery.failure == "No answer within 1 seconds."


def test_the_schedule_reaches_over_three_days() -> None:
    now = timezone.now()
    for _ in range(200):
        pauses = [next_attempt(failed, now) - now for failed in range(1, len(PAUSES) + 1)]
        assert pauses[0] < timedelta(seconds=7)
        assert pauses[0] + pauses[1] < timedelta(seconds=35)
    assert len(PAUSES) >= 10
    assert timedelta(days=2.9) < sum(PAUSES, timedelta()) < timedelta(days=3.2)
    assert len({next_attempt(5, now) for _ in range(20)}) > 10


def test_at_the_end_of_the_schedule_a_delivery_has_failed(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any]
) -> None:
    endpoint()
    shop.answers["/hook"] = [500]
    happen()

    for _ in range(len(PAUSES) + 3):
        deliver()
        make_due()

    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.next_attempt_at) == ("failed", None)
    assert len(shop.received) == delivery.attempts == len(PAUSES) + 1


def test_gone_disables_the_endpoint_and_what_still_waited(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any]
) -> None:
    new = endpoint()
    endpoint("/fine")
    shop.answers["/hook"] = [410]
    happen(10)

    deliver()

    new.endpoint.refresh_from_db()
    assert new.endpoint.status == "disabled"
    assert {row.status for row in WebhookDelivery.objects.filter(endpoint=new.endpoint)} == {"failed"}
    assert len(shop.at("/hook")) < 10
    assert len(shop.at("/fine")) == 10
    happen()
    assert not WebhookDelivery.objects.filter(endpoint=new.endpoint, status="pending").exists()


def test_endpoints_that_hang_or_are_down_delay_no_other(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "SHIFT_SECONDS", 3.0)
    monkeypatch.setattr(delivering, "ANSWER_SECONDS", 1.0)
    shop.hangs.add("/dead")
    endpoint("/dead")
    endpoint(url="http://127.0.0.1:9/down")
    for number in range(4):
        endpoint(f"/fine{number}")
    happen(100)

    fine = WebhookDelivery.objects.filter(endpoint__url__contains="/fine")
    for _ in range(20):
        if deliver() and not fine.exclude(status="succeeded").exists():
            break

    assert all(len(shop.at(f"/fine{number}")) == 100 for number in range(4))
    assert len(shop.at("/dead")) < 40
    for url in (shop.url("/dead"), "http://127.0.0.1:9/down"):
        assert WebhookEndpoint.objects.get(url=url).failures >= delivering.FAILING_AFTER


def test_an_endpoint_that_fails_is_called_once_at_a_time_until_it_answers(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any]
) -> None:
    new = endpoint()
    WebhookEndpoint.objects.update(failures=delivering.FAILING_AFTER)
    shop.answers["/hook"] = [500, 200]
    happen(6)

    deliver()

    new.endpoint.refresh_from_db()
    assert new.endpoint.failures == 0
    assert WebhookDelivery.objects.filter(status="succeeded").count() == 5


def test_no_endpoint_is_called_more_than_a_few_times_at_once(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any]
) -> None:
    endpoint()
    shop.slow["/hook"] = 0.1
    happen(20)

    deliver()

    assert len(shop.received) == 20
    assert 1 < shop.most_at_once["/hook"] <= delivering.PER_ENDPOINT


def test_a_second_deliverer_ends_at_once(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any]
) -> None:
    endpoint()
    happen()
    with leases.acquire() as lease:
        assert lease is not None
        before = waiting()
        assert deliver() == 0
        assert waiting() == before
    assert deliver() == 1


def test_a_deliverer_that_leaves_work_enqueues_the_next(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "SHIFT_SECONDS", 0.0)
    endpoint()
    happen(delivering.PER_ENDPOINT + 1)
    before = waiting()
    assert deliver() == delivering.PER_ENDPOINT
    assert waiting() == before + 1
    assert deliver() == 1
    assert waiting() == before + 1


def test_a_deliverer_that_froze_loses_its_lease(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEWED_EVERY", 0.0)
    endpoint()
    happen()
    with leases.acquire() as lease:
        assert lease is not None
        assert lease.renew()
        Lease.objects.update(taken_until=timezone.now())
        assert deliver() == 1
        assert not lease.renew()


def test_a_deliverer_that_died_leaves_its_lease_and_nothing_more(
    shop: Receiver, endpoint: Callable[..., Any], happen: Callable[..., Any]
) -> None:
    endpoint()
    happen()
    WebhookDelivery.objects.update(attempts=1, lease_until=timezone.now() + timedelta(seconds=30))
    assert deliver() == 0

    WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert deliver() == 1
    assert WebhookDelivery.objects.get().attempts == 2


def test_what_was_meant_for_a_deleted_or_disabled_endpoint_is_cleared(
    endpoint: Callable[..., Any], happen: Callable[..., Any]
) -> None:
    deleted, disabled = endpoint("/a").endpoint, endpoint("/b").endpoint
    happen()
    WebhookEndpoint.objects.filter(id=disabled.id).update(status="disabled")
    WebhookDelivery.objects.filter(endpoint=deleted).update(endpoint_id="we_gone")

    assert clear_stranded() == 2

    [left] = WebhookDelivery.objects.all()
    assert (left.endpoint_id, left.status) == (disabled.id, "failed")


def test_what_waits_for_a_dead_endpoint_is_not_looked_at(
    endpoint: Callable[..., Any], happen: Callable[..., Any]
) -> None:
    """However much waits for a later attempt, a claim finds what is due by its index alone."""
    endpoint()
    happen(2000)
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    analyze(settings.DATABASE_OWNER_URL)
    values = {"healthy": 1, "failing": 1, "per_endpoint": 1, "failing_after": 3, "lease": 30.0}
    conditions = [line for line in plan(connection, sql._CLAIM, values).splitlines() if "Index Cond" in line]
    assert any("next_attempt_at <= statement_timestamp()" in line for line in conditions), conditions
