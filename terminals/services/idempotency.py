"""One effect and one answer per webhook-id, under the terminal's lock and in one transaction with the effect."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.db import InterfaceError, OperationalError, transaction

from payments.core.errors import Conflict, OnetillError
from payments.db import bulk
from payments.db.compiled_queries import CompiledQuery
from payments.runtime.fail_points import fail_point
from terminals import sql
from terminals.models import SignedRequest, Terminal
from terminals.services.authenticate import Key, Signed, verify

logger = logging.getLogger(__name__)

_LOCKED: Final = CompiledQuery(
    lambda terminal_id: (
        Terminal.objects.select_related("merchant", "channel", "provider_account")
        .select_for_update(of=("self",), no_key=True)
        .filter(id=terminal_id)
    )
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device is told, byte for byte, and what of its effect is still to be written beside it."""

    status: int
    body: bytes
    left: Sequence[bulk.Part] = ()


Work = Callable[[Terminal, sql.DeviceRequestState], Answer]


def answer_once(signed: Signed, key: Key, work: Work, *, items: int = 0) -> Answer:
    """The first answer to this webhook-id: what `work` does now, or what it did before.

    `key` has verified the request; `items` is how many open items `work` may make. What `work` raises is not kept:
    nothing was done, and the same request is judged anew.

    Raises:
        Unauthenticated: the key is no longer the terminal's.
        Conflict: `signature_reused`.
    """
    try:
        return _once(signed, key, work, items)
    except (OnetillError, OperationalError, InterfaceError):
        raise
    except Exception:  # a defect that one of the transactions finds must not come back with every repetition
        logger.exception("a request of %s failed as a whole; each transaction is taken by itself", signed.terminal_id)
    return _once(signed, key, work, items, careful=True)


def _once(signed: Signed, key: Key, work: Work, items: int, *, careful: bool = False) -> Answer:
    with transaction.atomic():
        terminal = verify(_LOCKED.first(signed.terminal_id), signed, key)
        fail_point("device.opened")
        answer = _answer(terminal, signed, work, items, careful=careful)
        fail_point("device.written")
    fail_point("device.committed")
    return answer


def _answer(terminal: Terminal, signed: Signed, work: Work, items: int, *, careful: bool) -> Answer:
    stands = sql.standing(terminal_id=terminal.id, series=terminal.series, webhook_id=signed.kept_id, items=items)
    if stands.known:
        return _known(terminal, signed)
    answer = work(terminal, replace(stands, careful=True) if careful else stands)
    row = SignedRequest(
        terminal=terminal,
        webhook_id=signed.kept_id,
        fingerprint=signed.fingerprint,
        status=answer.status,
        body=answer.body,
    )
    bulk.write([*answer.left, *bulk.insertion([row])])
    return answer


def _known(terminal: Terminal, signed: Signed) -> Answer:
    known = SignedRequest.objects.get(terminal=terminal, webhook_id=signed.kept_id)
    if known.fingerprint != signed.fingerprint:
        raise Conflict(
            "signature_reused", "This webhook-id belongs to another request. Use a new one for every new request."
        )
    return Answer(known.status, bytes(known.body))
