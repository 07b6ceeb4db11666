"""Webhook endpoints: what may be set, who may see them, and what rolling a secret does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from payments.core.errors import Conflict, NotFound, ValidationFailed
from payments.notify import payloads, queries
from payments.notify.models import WebhookDelivery, WebhookEndpoint
from payments.notify.services import endpoints
from payments.notify.services.deliver import deliver
from payments.notify.services.resend import resend
from payments.people.models import AuditLog
from tests.notify.conftest import MERCHANT, OTHER_MERCHANT, STORE, WEBSHOP
from tests.notify.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Any]


def faults(call: Callable[[], object]) -> list[tuple[str | None, str]]:
    with pytest.raises(ValidationFailed) as refused:
        call()
    return [(fault.param, fault.code) for fault in refused.value.faults]


def test_an_endpoint_shows_its_secret_once(endpoint: Make) -> None:
    new = endpoint(description="the webshop", events=["payment.captured", "payment.captured"])

    assert new.secret.startswith("whsec_")
    assert new.secret not in repr(new)
    row = queries.endpoint(endpoint_id=new.endpoint.id, merchant_id=MERCHANT)
    assert payloads.endpoint(row) == {
        "id": new.endpoint.id,
        "object": "webhook_endpoint",
        "url": row.url,
        "events": ["payment.captured"],
        "description": "the webshop",
        "status": "enabled",
        "channel": None,
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
        "test_mode": True,
    }
    assert payloads.endpoint(row, secret=new.secret)["secret"] == new.secret


def test_secrets_are_stored_encrypted_and_never_audited(endpoint: Make) -> None:
    new = endpoint()
    rolled = endpoints.roll_secret(endpoint_id=new.endpoint.id, merchant_id=MERCHANT, actor="tests")

    raw = {name: Cast(name.removeprefix("raw_"), TextField()) for name in ("raw_secret", "raw_previous_secret")}
    stored = str(WebhookEndpoint.objects.annotate(**raw).values_list(*raw).get())
    text = str(list(AuditLog.objects.values()))
    for secret in (new.secret, rolled.secret):
        assert secret not in stored
        assert secret not in text
    assert [log.action for log in AuditLog.objects.order_by("id")] == [
        "webhook_endpoint.created",
        "webhook_endpoint.secret_rolled",
    ]


@pytest.mark.parametrize(
    "url", ["http://93.184.215.14/hook", "https://127.0.0.1/hook", "https://localhost/", "no address"]
)
def test_an_address_we_do_not_call_is_refused(url: str) -> None:
    def make() -> object:
        return endpoints.create(merchant_id=MERCHANT, test_mode=True, url=url, events=["*"], actor="system")

    assert faults(make) == [("url", "url_refused")]
    assert not WebhookEndpoint.objects.exists()


def test_every_fault_is_told_at_once() -> None:
    def make() -> object:
        return endpoints.create(
            merchant_id=MERCHANT,
            test_mode=True,
            url="https://10.0.0.1/",
            events=["payment.captured", "payment.stolen"],
            description="x" * 501,
            actor="system",
        )

    assert faults(make) == [("url", "url_refused"), ("events[1]", "event_unknown"), ("description", "too_long")]


def test_a_card_number_is_refused_and_not_echoed(endpoint: Make) -> None:
    with pytest.raises(ValidationFailed) as refused:
        endpoint(description="for 4111 1111 1111 1111")
    assert refused.value.code == "card_number_refused"
    assert "4111" not in str(refused.value.faults)


def test_no_events_at_all_is_refused(endpoint: Make) -> None:
    assert faults(lambda: endpoint(events=[])) == [("events", "events_required")]


def test_what_is_given_changes_and_the_rest_stays(endpoint: Make) -> None:
    new = endpoint(description="old")

    endpoints.update(endpoint_id=new.endpoint.id, merchant_id=MERCHANT, actor="tests", events=["refund.failed"])

    row = queries.endpoint(endpoint_id=new.endpoint.id, merchant_id=MERCHANT)
    assert (row.events, row.description, row.url) == (["refund.failed"], "old", new.endpoint.url)
    log = AuditLog.objects.get(action="webhook_endpoint.updated")
    assert (log.before["events"], log.after["events"], log.actor) == (["*"], ["refund.failed"], "tests")


def test_a_wrong_change_changes_nothing(endpoint: Make) -> None:
    new = endpoint()

    def change() -> object:
        return endpoints.update(
            endpoint_id=new.endpoint.id, merchant_id=MERCHANT, actor="k", events=["refund.failed"], status="paused"
        )

    assert faults(change) == [("status", "status_unknown")]
    assert queries.endpoint(endpoint_id=new.endpoint.id, merchant_id=MERCHANT).events == ["*"]


def test_nobody_elses_endpoint_is_found(endpoint: Make, happen: Make) -> None:
    new = endpoint()
    happen()
    delivery = WebhookDelivery.objects.get()
    for who in ({"merchant_id": OTHER_MERCHANT}, {"merchant_id": MERCHANT, "channel_id": STORE}):
        known = {"endpoint_id": new.endpoint.id, **who}
        for call in (
            lambda known=known: queries.endpoint(**known),
            lambda known=known: queries.deliveries(**known),
            lambda known=known: endpoints.update(**known, actor="k", description="mine"),
            lambda known=known: endpoints.delete(**known, actor="k"),
            lambda known=known: endpoints.roll_secret(**known, actor="k"),
            lambda who=who: resend(delivery_id=delivery.id, **who, actor="tests"),
        ):
            with pytest.raises(NotFound):
                call()


def test_a_tied_key_keeps_to_its_channels_endpoints(endpoint: Make) -> None:
    endpoint("/whole")
    own = endpoint("/own", channel_id=WEBSHOP)
    assert list(queries.endpoints(merchant_id=MERCHANT, channel_id=WEBSHOP)) == [own.endpoint]
    assert queries.endpoints(merchant_id=MERCHANT).count() == 2


def test_for_a_day_both_secrets_sign(shop: Receiver, endpoint: Make, happen: Make) -> None:
    first = endpoint()
    second = endpoints.roll_secret(endpoint_id=first.endpoint.id, merchant_id=MERCHANT, actor="k")
    happen()
    deliver()
    WebhookEndpoint.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
    happen()
    deliver()

    during, after = shop.received
    assert during.signed_by(first.secret)
    assert during.signed_by(second.secret)
    assert not after.signed_by(first.secret)
    assert after.signed_by(second.secret)


def test_a_deleted_endpoint_hears_nothing_more(shop: Receiver, endpoint: Make, happen: Make) -> None:
    new = endpoint()
    happen()
    endpoints.delete(endpoint_id=new.endpoint.id, merchant_id=MERCHANT, actor="k")
    happen()

    assert deliver() == 0
    assert not WebhookDelivery.objects.exists()


def test_a_disabled_endpoint_waits_for_nothing_and_can_catch_up(shop: Receiver, endpoint: Make, happen: Make) -> None:
    known = {"endpoint_id": endpoint().endpoint.id, "merchant_id": MERCHANT, "actor": "k"}
    happen()
    endpoints.update(**known, status="disabled")
    delivery = WebhookDelivery.objects.get()
    assert delivery.status == "failed"
    with pytest.raises(Conflict, match="endpoint_disabled"):
        resend(delivery_id=delivery.id, merchant_id=MERCHANT, actor="tests")

    endpoints.update(**known, status="enabled")
    assert deliver() == 0
    resend(delivery_id=delivery.id, merchant_id=MERCHANT, actor="tests")
    deliver()

    assert [received.event_id for received in shop.received] == [delivery.event_id]


def test_resending_starts_a_schedule_anew(shop: Receiver, endpoint: Make, happen: Make) -> None:
    endpoint()
    happen()
    deliver()
    shop.answers["/hook"] = [500, 200]

    delivery = resend(delivery_id=WebhookDelivery.objects.get().id, merchant_id=MERCHANT, actor="tests")
    assert (delivery.status, payloads.delivery(delivery)["attempts"]) == ("pending", 1)
    deliver()
    delivery.refresh_from_db()

    assert (delivery.status, delivery.attempts, delivery.response_status) == ("pending", 2, 500)
    assert delivery.next_attempt_at is not None
    assert delivery.next_attempt_at - timezone.now() < timedelta(seconds=10)
    assert len({received.body for received in shop.received}) == 1
