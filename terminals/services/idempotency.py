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
class Rendered:
    """The answer to a device, byte for byte."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Carried:
    """What a request led to: the answer, and rows that are written together with it in one round trip."""

    answer: Rendered
    unwritten: Sequence[bulk.Part] = ()


CarryOut = Callable[[Terminal, sql.DeviceRequestState], Carried]


def answer_once(signed: Signed, key: Key, carry_out: CarryOut, *, open_items: int = 0) -> Rendered:
    """Return the first answer to this webhook-id: carry the request out now, or repeat the answer that was kept.

    `key` has verified the request; `open_items` is how many open items it may need. What `carry_out` raises is not
    kept: nothing was done, and the same request is carried out when it comes again.

    Raises:
        Unauthenticated: the key is no longer the terminal's.
        Conflict: `signature_reused`.
    """
    try:
        return _once(signed, key, carry_out, open_items)
    # A refusal is an answer, and a lost database is no defect of one transaction: neither gets better one by one.
    except (OnetillError, OperationalError, InterfaceError):
        raise
    except Exception:  # a defect that one of the transactions finds must not come back with every repetition
        logger.exception("a request of %s failed as a whole; each transaction is taken by itself", signed.terminal_id)
    return _once(signed, key, carry_out, open_items, careful=True)


def _once(signed: Signed, key: Key, carry_out: CarryOut, open_items: int, *, careful: bool = False) -> Rendered:
    with transaction.atomic():
        # Verified once more with the locked row: the key may have been taken away since the first look.
        terminal = verify(_LOCKED.first(signed.terminal_id), signed, key)
        fail_point("device.opened")
        answer = _answer(terminal, signed, carry_out, open_items, careful=careful)
        fail_point("device.written")
    fail_point("device.committed")
    return answer


def _answer(terminal: Terminal, signed: Signed, carry_out: CarryOut, open_items: int, *, careful: bool) -> Rendered:
    state = sql.request_state(
        terminal_id=terminal.id, series=terminal.series, webhook_id=signed.kept_id, open_items=open_items
    )
    if state.known:
        return _known(terminal, signed)
    carried = carry_out(terminal, replace(state, careful=True) if careful else state)
    row = SignedRequest(
        terminal=terminal,
        webhook_id=signed.kept_id,
        fingerprint=signed.fingerprint,
        status=carried.answer.status,
        body=carried.answer.body,
    )
    # Answer and effects in one statement: a repetition finds both or neither.
    bulk.write([*carried.unwritten, *bulk.insertion([row])])
    return carried.answer


def _known(terminal: Terminal, signed: Signed) -> Rendered:
    known = SignedRequest.objects.get(terminal=terminal, webhook_id=signed.kept_id)
    # A device that counts its webhook-ids wrongly would get the answer to another request.
    if known.fingerprint != signed.fingerprint:
        raise Conflict(
            "signature_reused", "This webhook-id belongs to another request. Use a new one for every new request."
        )
    return Rendered(known.status, bytes(known.body))
