"""Send a delivery once more, at once, with a schedule of its own."""

from django.db import transaction
from django.utils import timezone

from payments.core.errors import Conflict, NotFound
from payments.notify.models import WebhookDelivery, WebhookEndpoint
from payments.notify.services.emit import DELIVER
from payments.runtime import task_queue


def resend(*, delivery_id: str, merchant_id: str, channel_id: str | None = None) -> WebhookDelivery:
    """Make a delivery due now, whatever its status.

    Raises:
        NotFound: no such delivery.
        Conflict: its endpoint is disabled.
    """
    own = {} if channel_id is None else {"endpoint__channel_id": channel_id}
    with transaction.atomic():
        delivery = (
            WebhookDelivery.objects.select_for_update(of=("self",))
            .select_related("endpoint")
            .filter(id=delivery_id, endpoint__merchant_id=merchant_id, **own)
            .first()
        )
        if delivery is None:
            raise NotFound
        if delivery.endpoint.status != WebhookEndpoint.Status.ENABLED:
            raise Conflict("endpoint_disabled", "This delivery's endpoint is disabled. Enable it, then resend.")
        delivery.status = WebhookDelivery.Status.PENDING
        delivery.earlier_attempts = delivery.attempts
        delivery.next_attempt_at = timezone.now()
        delivery.save(update_fields=["status", "earlier_attempts", "next_attempt_at"])
        task_queue.enqueue_on_commit(DELIVER)
    return delivery
