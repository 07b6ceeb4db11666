"""Exchanges, as Pay.nl calls its webhooks. Of each kind nothing is believed but that there is news of an order.

A signed exchange carries the order as it was; by the time that it is read it may be another, so that it is looked up. A
legacy exchange is a form that nobody signed; refunds still come so. Neither has an event id or a time: what makes two
the same event is the order, its state and its sums.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from payments.providers.base import Credentials, SignatureInvalid, WebhookEvent
from payments.providers.payload import Payload, decoded, part, text, whole
from payments.providers.paynl.client import SERVICE, TOKEN
from payments.providers.paynl.reports import operation_of
from payments.providers.paynl.translate import name_of, status_of

_ALGORITHMS: Final = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_SUMS: Final = ("amount", "authorizedAmount", "capturedAmount")
_ORDER_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_ACTION: Final = re.compile(r"[a-z_]{1,20}(:[a-z_]{1,20})?")
_AMOUNT: Final = re.compile(r"-?[0-9]{1,12}([.,][0-9]{1,4})?")
_LONGEST_FORM: Final = 8_000


def verify(body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
    """Return what names the event, if one of the account's two secrets signed these bytes, or it is a legacy form.

    Raises:
        SignatureInvalid: a wrong signature, a key of somebody else's, or bytes that are no exchange.
    """
    if "signature" not in headers:
        form = _form(body)
        if form is None:
            raise SignatureInvalid("This exchange has no signature, and is no form of the legacy kind.")
        return "legacy:" + ":".join(form.get(name, "")[:64] for name in ("order_id", "action", "amount"))
    if not _is_signed(body, headers, credentials):
        raise SignatureInvalid
    event = decoded(body)
    order = part(event, "object")
    if name_of(order) is None:
        raise SignatureInvalid("What was signed is no exchange about an order.")
    sums = ":".join(str(whole(order, each, "value")) for each in _SUMS)
    return f"{name_of(order)}:{status_of(order)}:{sums}"


def parse_webhook(body: bytes) -> WebhookEvent:
    """Read a stored exchange: which order to look up, and what of ours it was made for."""
    form = _form(body)
    if form is not None:
        ours = form.get("extra1", "")
        return WebhookEvent(
            event_id="",
            reports=(),
            type=form["action"],
            look_up=form["order_id"],
            operation_id=ours if ours.startswith("op_") else None,
            is_proven=False,
        )
    event = decoded(body)
    order = part(event, "object")
    return WebhookEvent(
        event_id="",
        reports=(),
        type=text(event, "event") or "",
        look_up=_name(order),
        operation_id=operation_of(order),
    )


def acknowledgement(body: bytes) -> str:
    """What Pay.nl reads as "do not send this again": JSON to a signed exchange, a word to a legacy one."""
    return "TRUE|stored" if _form(body) is not None else '{"result": true}'


def _is_signed(body: bytes, headers: Mapping[str, str], credentials: Credentials) -> bool:
    secrets = credentials.secrets
    keys = {secrets.get(name): secrets.get(secret) for name, secret in (SERVICE, TOKEN)}
    secret = keys.get(headers.get("signature-keyid"))
    algorithm = _ALGORITHMS.get(headers.get("signature-algorithm", ""))
    if not secret or algorithm is None or headers.get("signature-method", "").upper() != "HMAC":
        return False
    made = hmac.new(secret.encode(), body, algorithm).hexdigest()
    # As bytes: a header may hold anything, and texts that are no ASCII cannot be compared so.
    return hmac.compare_digest(made.encode(), headers["signature"].encode())


def _form(body: bytes) -> dict[str, str] | None:
    """The fields of a legacy exchange; None for what is none."""
    if len(body) > _LONGEST_FORM or body.lstrip()[:1] in (b"{", b"["):
        return None
    try:
        fields = dict(parse_qsl(body.decode(), max_num_fields=100))
    except (UnicodeDecodeError, ValueError):
        return None
    known = _ORDER_NAME.fullmatch(fields.get("order_id", "")) and _ACTION.fullmatch(fields.get("action", ""))
    return fields if known and _AMOUNT.fullmatch(fields.get("amount", "0")) else None


def _name(order: Payload) -> str:
    name = name_of(order)
    return name if name is not None and _ORDER_NAME.fullmatch(name) else ""
