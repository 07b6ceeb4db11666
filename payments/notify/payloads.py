"""The payloads of events, endpoints and deliveries: the same in API responses, webhooks and streams."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from payments.notify.models import Event, WebhookDelivery, WebhookEndpoint

Shape = dict[str, Any]

API_VERSION: Final = "v1"


def event(row: Event) -> Shape:
    """One event, as it is sent and listed."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "type": row.type,
        "created_at": _instant(row.created_at),
        "api_version": API_VERSION,
        "test_mode": row.test_mode,
        "data": row.data,
    }


def body(row: Event) -> str:
    """Return the text that is signed and sent, in a webhook or a stream: one line, the same at every attempt."""
    return json.dumps(event(row), ensure_ascii=False, separators=(",", ":"))


def endpoint(row: WebhookEndpoint, *, secret: str | None = None) -> Shape:
    """One endpoint, with its signing secret if it was just created or rolled."""
    shape = {
        "id": row.id,
        "object": row.OBJECT,
        "url": row.url,
        "events": row.events,
        "description": row.description or None,
        "status": row.status,
        "channel": row.channel_id,
        "created_at": _instant(row.created_at),
        "test_mode": row.test_mode,
    }
    return shape if secret is None else shape | {"secret": secret}


def delivery(row: WebhookDelivery) -> Shape:
    """One delivery; needs its endpoint and event."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "event": row.event_id,
        "type": row.event.type,
        "endpoint": row.endpoint_id,
        "status": row.status,
        "attempts": row.attempts,
        "next_attempt_at": _instant(row.next_attempt_at),
        "response_status": row.response_status,
        "failure": row.failure or None,
        "created_at": _instant(row.created_at),
        "test_mode": row.endpoint.test_mode,
    }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
