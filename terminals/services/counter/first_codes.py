"""From a starter code to a code of one's own: what was proved travels, sealed, over the page on which it is chosen."""

import json
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from payments.core.crypto import Undecipherable, decrypt, encrypt
from payments.core.errors import OnetillError
from terminals.models import CounterBrowser
from terminals.services.counter.sign_in import SignedIn, Starting, begin
from terminals.services.counter.staff_codes import choose_first

LASTS: Final = timedelta(minutes=10)


class StarterCodeUsed(OnetillError):
    """The starter code was used meanwhile, or its time or that of its page is over."""

    status = 401
    title = "Starter code used"

    def __init__(self) -> None:
        super().__init__("starter_code_used", "This starter code is used, or too old. Ask your manager for another.")


def ticket_of(browser: CounterBrowser, starting: Starting) -> str:
    """What shows, at this browser and for some minutes, that a starter code was right."""
    until = (timezone.now() + LASTS).isoformat()
    return encrypt(json.dumps({"counter_first_code": [browser.id, starting.code_id, starting.starter_hash, until]}))


def choose_first_code(browser: CounterBrowser, *, ticket: str, code: str) -> SignedIn:
    """Keep the code that somebody chose, and sign them in.

    Raises:
        ValidationFailed: `staff_code_invalid`, `staff_code_weak`.
        StarterCodeUsed: the ticket is none of ours, too old, another browser's, or its starter code was used.
    """
    try:
        browser_id, row_id, starter_hash, until = json.loads(decrypt(ticket))["counter_first_code"]
    except (Undecipherable, ValueError, TypeError, KeyError):
        raise StarterCodeUsed from None
    if browser_id != browser.id or timezone.now() >= datetime.fromisoformat(until):
        raise StarterCodeUsed
    row = choose_first(row_id, starter_hash=starter_hash, code=code)
    if row is None:
        raise StarterCodeUsed
    return begin(browser, row.user)
