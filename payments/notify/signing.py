"""Standard Webhooks: the headers by which a receiver verifies who sent a webhook, and when."""

from datetime import UTC, datetime

from standardwebhooks import Webhook

from payments.notify.models import WebhookEndpoint


def headers(*, message_id: str, body: str, moment: datetime, secrets: list[str]) -> dict[str, str]:
    """Return the headers of a body signed with every valid secret; the receiver needs to know one of them."""
    moment = moment.astimezone(UTC)  # the library takes any other zone's clock for UTC
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, moment, body) for secret in secrets),
    }


def secrets_of(endpoint: WebhookEndpoint, moment: datetime) -> list[str]:
    """Return the endpoint's secret, and for a day after it was rolled the one before."""
    until = endpoint.previous_secret_until
    if endpoint.previous_secret and until and moment < until:
        return [endpoint.secret, endpoint.previous_secret]
    return [endpoint.secret]
