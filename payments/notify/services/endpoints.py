"""Webhook endpoints: create, update, delete, and roll their secrets."""

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Fault, NotFound, ValidationFailed
from payments.core.pan import has_card_number
from payments.notify import outbound
from payments.notify.models import EVENT_TYPES, WebhookDelivery, WebhookEndpoint
from payments.notify.services.emit import ALL
from payments.people.permissions import May
from payments.people.services import authority

BOTH_SECRETS_FOR: Final = timedelta(hours=24)
LONGEST_DESCRIPTION: Final = 500
DISABLED: Final = "The endpoint was disabled."

Check = Callable[[Any], list[Fault]]


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An endpoint with the signing secret that is shown this once."""

    endpoint: WebhookEndpoint
    secret: str = field(repr=False)


def create(
    *,
    merchant_id: str,
    test_mode: bool,
    url: str,
    events: Sequence[str],
    actor: str,
    channel_id: str | None = None,
    description: str = "",
    endpoint_id: str | None = None,
) -> NewSecret:
    """Create an endpoint; with `channel_id` it receives that channel's events only. `endpoint_id`: an id chosen before.

    Raises:
        ValidationFailed: an address we may not call, an event that does not exist, a description that is too long.
        Forbidden: `permission_missing`; so do all below.
    """
    _require(actor, merchant_id, channel_id, "created")
    _check(url=url, events=events, description=description)
    endpoint = WebhookEndpoint(
        merchant_id=merchant_id,
        channel_id=channel_id,
        test_mode=test_mode,
        url=url,
        events=list(dict.fromkeys(events)),
        description=description,
        secret=_new_secret(),
    )
    endpoint.id = endpoint_id or endpoint.id
    with transaction.atomic():
        endpoint.save(force_insert=True)
        _log("created", endpoint, actor, after=_snapshot(endpoint))
    return NewSecret(endpoint, endpoint.secret)


def update(
    *,
    endpoint_id: str,
    merchant_id: str,
    actor: str,
    channel_id: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    status: str | None = None,
) -> WebhookEndpoint:
    """Change the fields that are given; None leaves one as it is. Disabling an endpoint fails its pending deliveries.

    Raises:
        NotFound: no such endpoint.
        ValidationFailed: as for `create`, or no such status.
    """
    given = {"url": url, "events": events, "description": description, "status": status}
    changes = {name: value for name, value in given.items() if value is not None}
    _require(actor, merchant_id, channel_id, "updated")
    _check(**changes)
    with transaction.atomic():
        endpoint = _locked(endpoint_id, merchant_id, channel_id)
        before = _snapshot(endpoint)
        for name, value in changes.items():
            setattr(endpoint, name, list(dict.fromkeys(value)) if name == "events" else value)
        if status == WebhookEndpoint.Status.ENABLED:
            endpoint.failures = 0
        endpoint.save(update_fields=[*changes, "failures"])
        if status == WebhookEndpoint.Status.DISABLED:
            _fail_pending(endpoint)
        _log("updated", endpoint, actor, before=before, after=_snapshot(endpoint))
    return endpoint


def delete(*, endpoint_id: str, merchant_id: str, actor: str, channel_id: str | None = None) -> None:
    """Delete an endpoint and its deliveries. Raises NotFound."""
    _require(actor, merchant_id, channel_id, "deleted")
    with transaction.atomic():
        endpoint = _locked(endpoint_id, merchant_id, channel_id)
        _log("deleted", endpoint, actor, before=_snapshot(endpoint))
        endpoint.delete()


def roll_secret(*, endpoint_id: str, merchant_id: str, actor: str, channel_id: str | None = None) -> NewSecret:
    """Give an endpoint a new secret; for 24 hours both sign, so that a receiver can change over. Raises NotFound."""
    _require(actor, merchant_id, channel_id, "secret_rolled")
    with transaction.atomic():
        endpoint = _locked(endpoint_id, merchant_id, channel_id)
        endpoint.previous_secret = endpoint.secret
        endpoint.previous_secret_until = timezone.now() + BOTH_SECRETS_FOR
        endpoint.secret = _new_secret()
        endpoint.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
        _log("secret_rolled", endpoint, actor)
    return NewSecret(endpoint, endpoint.secret)


def disable_gone(endpoint_id: str) -> None:
    """Disable an endpoint whose receiver answered 410 Gone."""
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update().filter(id=endpoint_id).first()
        if endpoint is None or endpoint.status == WebhookEndpoint.Status.DISABLED:
            return
        before = _snapshot(endpoint)
        endpoint.status = WebhookEndpoint.Status.DISABLED
        endpoint.save(update_fields=["status"])
        _fail_pending(endpoint)
        _log("gone", endpoint, audit_log.SYSTEM, before=before, after=_snapshot(endpoint))


def _require(actor: str, merchant_id: str, channel_id: str | None, action: str) -> None:
    authority.require(
        actor=actor,
        what=May.MANAGE_WEBHOOKS,
        merchant_id=merchant_id,
        channel_id=channel_id,
        action=f"webhook_endpoint.{action}",
    )


def _fail_pending(endpoint: WebhookEndpoint) -> None:
    """Fail what is pending for a disabled endpoint; each delivery can be resent once it is enabled."""
    WebhookDelivery.objects.filter(endpoint=endpoint, status=WebhookDelivery.Status.PENDING).update(
        status=WebhookDelivery.Status.FAILED, next_attempt_at=None, failure=DISABLED
    )


def _locked(endpoint_id: str, merchant_id: str, channel_id: str | None) -> WebhookEndpoint:
    own = {} if channel_id is None else {"channel_id": channel_id}
    rows = WebhookEndpoint.objects.select_for_update().filter(id=endpoint_id, merchant_id=merchant_id, **own)
    endpoint = rows.first()
    if endpoint is None:
        raise NotFound
    return endpoint


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _check(**values: Any) -> None:
    faults = [fault for name, value in values.items() for fault in _CHECKS[name](value)]
    if faults:
        raise ValidationFailed(faults)


def _check_url(url: str) -> list[Fault]:
    if has_card_number(url):
        return [_card_number("url")]
    try:
        outbound.check(url)
    except outbound.AddressRefused as refusal:
        return [Fault("url", "url_refused", str(refusal))]
    return []


def _check_events(events: Sequence[str]) -> list[Fault]:
    if not events:
        return [Fault("events", "events_required", 'Name at least one event, or ["*"] for every one.')]
    return [
        Fault(
            f"events[{at}]", "event_unknown", f'There is no such event. Use ["*"] or some of: {", ".join(EVENT_TYPES)}.'
        )
        for at, name in enumerate(events)
        if name != ALL and name not in EVENT_TYPES
    ]


def _check_description(description: str) -> list[Fault]:
    if has_card_number(description):
        return [_card_number("description")]
    if len(description) > LONGEST_DESCRIPTION:
        return [Fault("description", "too_long", f"Use at most {LONGEST_DESCRIPTION} characters.")]
    return []


def _check_status(status: str) -> list[Fault]:
    if status in WebhookEndpoint.Status.values:
        return []
    return [Fault("status", "status_unknown", f"Use one of: {', '.join(WebhookEndpoint.Status.values)}.")]


_CHECKS: Final[dict[str, Check]] = {
    "url": _check_url,
    "events": _check_events,
    "description": _check_description,
    "status": _check_status,
}


def _card_number(param: str) -> Fault:
    return Fault(param, "card_number_refused", "This holds a card number. Leave it out; the last four digits may stay.")


def _snapshot(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "events": endpoint.events,
        "description": endpoint.description,
        "status": endpoint.status,
    }


def _log(action: str, endpoint: WebhookEndpoint, actor: str, **details: Any) -> None:
    audit_log.write(
        actor=actor,
        action=f"webhook_endpoint.{action}",
        subject=endpoint,
        merchant_id=endpoint.merchant_id,
        **details,
    )
