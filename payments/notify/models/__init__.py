"""What notify remembers, one subject a file."""

from payments.notify.models.delivery import WebhookDelivery
from payments.notify.models.endpoint import WebhookEndpoint
from payments.notify.models.event import EVENT_TYPES, Event
from payments.notify.models.mail import Mail
from payments.notify.models.seat import Seat

__all__ = ["EVENT_TYPES", "Event", "Mail", "Seat", "WebhookDelivery", "WebhookEndpoint"]
