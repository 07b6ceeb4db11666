"""Send a delivery once more, at once, with a schedule of its own."""

from typing import Final

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict, NotFound
from payments.notify.models import WebhookDelivery, WebhookEndpoint
from payments.notify.services.emit import DELIVER
from payments.people.permissions import May
from payments.people.services import authority
from payments.runtime import task_queue

RESENT: Final = "webhook_delivery.resent"


def resend(*, delivery_id: str, merchant_id: str, channel_id: str | None = None, actor: str) -> WebhookDelivery:
    """Make a delivery due now, whatever its status.

    Raises:
        NotFound: no such delivery.
        Conflict: its endpoint is disabled.
        Forbidden: `permission_missing`: a person without the permission to manage settings there.
    """
    found = WebhookDelivery.objects.filter(id=delivery_id).select_related("endpoint").first()
    authority.require_of_person(
        actor=actor,
        what=May.MANAGE_WEBHOOKS,
        merchant_id=merchant_id,
        channel_id=found.endpoint.channel_id if found is not None else None,
        action=RESENT,
    )
    own = {} if channel_id is None else {"endpoint__channel_id": channel_id}
    with transaction.atomic():
        delivery = (
            WebhookDelivery.objects.select_for_update(of=("self",))
            .select_related("endpoint", "event")
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
        audit_log.write(actor=actor, action=RESENT, subject=delivery, merchant_id=merchant_id)
        task_queue.enqueue_on_commit(DELIVER)
    return delivery
