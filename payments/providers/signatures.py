"""Standard Webhooks signatures on what providers send us."""

from collections.abc import Mapping

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from payments.providers.base import SignatureInvalid


def verify(body: bytes, headers: Mapping[str, str], secret: str | None) -> str:
    """Return the `webhook-id` that the secret signed with these bytes.

    Raises:
        SignatureInvalid: no secret, a header missing or malformed, a stale timestamp, or another signature.
    """
    # Without this an empty secret would be a key that everybody has.
    if not secret:
        raise SignatureInvalid("This provider account has no webhook secret.")
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    # The library lets malformed headers, timestamps and bytes out as whatever its parsing raised.
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError, OverflowError) as error:
        raise SignatureInvalid(f"The webhook's signature was not accepted: {error}") from error
    return headers["webhook-id"]
