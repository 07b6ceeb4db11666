"""Pair a browser to a store: a code that works once, from the admin, against a token that the browser keeps."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict, NotFound, TooMany
from payments.models import Channel
from payments.runtime import throttling
from payments.services.counter import check_counter
from terminals import codes
from terminals.models import CounterBrowser, CounterSignIn
from terminals.services.counter import sign_ins
from terminals.services.counter.tokens import hash_of, new_token
from terminals.services.create import require_manager


@dataclass(frozen=True, slots=True)
class OfferedBrowser:
    """A browser that is to be paired, with the code that does it, shown this once."""

    browser: CounterBrowser
    pairing_code: str


@dataclass(frozen=True, slots=True)
class PairedBrowser:
    """A browser that is paired, with the token that it keeps, told this once."""

    browser: CounterBrowser
    token: str


def offer(*, channel: Channel, label: str, actor: str) -> OfferedBrowser:
    """Make the code by which one browser is paired to a store within ten minutes.

    Raises:
        Invalid: `channel_kind`, nobody stands at a counter in a webshop.
        Forbidden: `permission_missing`, the actor manages no terminals in this channel.
    """
    check_counter(channel, what="A counter")
    require_manager(actor, channel.merchant_id, channel.id, "counter_browser.offered")
    code = codes.new_code()
    browser = CounterBrowser(
        merchant=channel.merchant,
        channel=channel,
        label=label,
        pairing_code_hash=codes.hash_of(code),
        pairing_expires_at=timezone.now() + codes.LIVES,
    )
    with transaction.atomic():
        browser.save(force_insert=True)
        audit_log.write(actor=actor, action="counter_browser.offered", subject=browser, merchant_id=browser.merchant_id)
    return OfferedBrowser(browser, code)


def pair(*, code: str, browser: str, address: str) -> PairedBrowser:
    """Give the browser that shows this code its token; `browser` is what it calls itself.

    Raises:
        NotFound: no browser waits for this code: it is wrong, used or expired.
        TooMany: an address that guesses.
    """
    paired = _pair(code, browser)
    if paired is None:
        # After the transaction, so that no lock is held while Redis is asked.
        wait = throttling.record_failure("counter_pairing", address)
        if wait is not None:
            raise TooMany("too_many_requests", "Too many wrong pairing codes. Wait, then look again.", retry_after=wait)
        raise NotFound("This pairing code is wrong, used or expired. Have a new one made in the admin.")
    return paired


def unpair(browser: CounterBrowser, *, actor: str) -> None:
    """Take its token away for good, and sign out who is signed in there: a tablet that is lost or retired.

    Raises:
        Conflict: `counter_browser_unpaired`, it has been already.
        Forbidden: `permission_missing`.
    """
    require_manager(actor, browser.merchant_id, browser.channel_id, "counter_browser.unpaired")
    with transaction.atomic():
        row = CounterBrowser.objects.select_for_update().get(id=browser.id)
        if row.unpaired_at is not None:
            raise Conflict("counter_browser_unpaired", "It has been unpaired already. Pair another browser.")
        row.unpaired_at = timezone.now()
        row.token_hash = row.pairing_code_hash = row.pairing_expires_at = None
        row.save()
        sign_ins.end_at(row, CounterSignIn.Ended.UNPAIRED)
        audit_log.write(actor=actor, action="counter_browser.unpaired", subject=row, merchant_id=row.merchant_id)


@transaction.atomic
def _pair(code: str, browser: str) -> PairedBrowser | None:
    now = timezone.now()
    waiting = CounterBrowser.objects.select_for_update(of=("self",)).select_related("merchant", "channel")
    # Locked and asked for in one statement: of two browsers with one code, the second finds it used.
    row = waiting.filter(
        pairing_code_hash=codes.hash_of(code), pairing_expires_at__gt=now, unpaired_at=None, channel__active=True
    ).first()
    if row is None:
        return None
    token = new_token()
    row.token_hash = hash_of(token)
    row.pairing_code_hash = row.pairing_expires_at = None
    row.browser = browser[:200]
    row.paired_at = row.last_seen_at = now
    row.save()
    audit_log.write(
        actor=row.id,
        action="counter_browser.paired",
        subject=row,
        merchant_id=row.merchant_id,
        after={"browser": row.browser},
    )
    return PairedBrowser(row, token)
