"""One effect and one answer per webhook-id, under the terminal's lock and in one transaction with the effect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from payments import bulk
from payments.crash_points import reach
from payments.errors import Conflict
from payments.prepared import Prepared
from terminals.models import SignedRequest, Terminal
from terminals.services.authenticate import Signed, revoked

_LOCKED: Final = Prepared(
    lambda terminal_id: (
        Terminal.objects.select_related("merchant", "channel__merchant", "provider_account")
        .select_for_update(of=("self",), no_key=True)
        .filter(id=terminal_id)
    )
)
_KNOWN: Final = Prepared(
    lambda terminal_id, webhook_id: SignedRequest.objects.filter(terminal_id=terminal_id, webhook_id=webhook_id)
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device is told, byte for byte."""

    status: int
    body: bytes


def answer_once(signed: Signed, work: Callable[[Terminal], Answer]) -> Answer:
    """The first answer to this webhook-id: what `work` does now, or what it did before.

    What `work` raises is not kept: nothing was done, and the same request is judged anew.

    Raises:
        Conflict: `signature_reused`.
    """
    with transaction.atomic():
        answer = _answer(signed, work)
        reach("device.written")
    reach("device.committed")
    return answer


def _answer(signed: Signed, work: Callable[[Terminal], Answer]) -> Answer:
    [terminal] = _LOCKED(signed.terminal_id)
    if terminal.status != Terminal.Status.ACTIVE:  # in the moment since its signature was verified
        raise revoked()
    reach("device.opened")
    fingerprint = signed.fingerprint
    known = _KNOWN.first(terminal.id, signed.kept_id)
    if known is not None and known.fingerprint != fingerprint:
        raise Conflict(
            "signature_reused", "This webhook-id belongs to another request. Use a new one for every new request."
        )
    if known is not None:
        return Answer(known.status, bytes(known.body))
    answer = work(terminal)
    row = SignedRequest(
        terminal=terminal,
        webhook_id=signed.kept_id,
        fingerprint=fingerprint,
        status=answer.status,
        body=answer.body,
    )
    bulk.insert([row])
    return answer
