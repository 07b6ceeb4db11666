"""The models of notify, one subject per file."""

from payments.mail.models import Mail
from payments.notify.models.delivery import WebhookDelivery
from payments.notify.models.endpoint import WebhookEndpoint
from payments.notify.models.event import EVENT_TYPES, Event
from payments.notify.models.lease import Lease

__all__ = ["EVENT_TYPES", "Event", "Lease", "Mail", "WebhookDelivery", "WebhookEndpoint"]
