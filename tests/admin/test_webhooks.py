"""Webhook deliveries in the admin: sent again by who may, refused where nobody listens."""

from typing import Any

import pytest

from payments.notify.models import WebhookDelivery, WebhookEndpoint
from payments.notify.services import endpoints
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, fresh

pytestmark = pytest.mark.django_db
LIST = "notify/webhookdelivery/"


@pytest.fixture
def failed(shop: Shop, settings: Any) -> WebhookDelivery:
    """A delivery at the end of its schedule."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    about: dict[str, Any] = {"merchant_id": shop.merchant.id, "test_mode": True, "actor": "tests"}
    endpoints.create(url="http://127.0.0.1:9/hook", events=["payment.captured"], **about)
    shop.pay_cash(1_250)
    row = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(status="failed", next_attempt_at=None, attempts=13)
    return row


def again(browser: Browser, row: WebhookDelivery) -> str:
    return browser.post(LIST, action="resend", _selected_action=row.id)


def test_a_failed_delivery_is_sent_again(failed: WebhookDelivery, root: Browser) -> None:
    assert "They are sent now." in again(root, failed)
    row = fresh(failed)
    assert (row.status, row.earlier_attempts) == ("pending", 13)
    assert row.next_attempt_at is not None


def test_to_a_disabled_endpoint_nothing_is_sent(failed: WebhookDelivery, root: Browser) -> None:
    WebhookEndpoint.objects.update(status="disabled")
    page = again(root, failed)
    assert "They are sent now." not in page
    assert failed.id in page
    assert fresh(failed).status == "failed"


def test_a_clerk_sends_nothing(failed: WebhookDelivery, sign_in: SignIn) -> None:
    sign_in("clerk").post(LIST, status=403, action="resend", _selected_action=failed.id)
    assert fresh(failed).status == "failed"
