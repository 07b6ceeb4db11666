"""Ask the provider about a difference: at its API where it can be read, else by a letter for a person to send.

A letter is drafted and never sent: who sends it knows the address, and reads it first.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _

from payments.models import CardEvidence, Discrepancy, Operation, ProviderAccount
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.runtime import task_queue
from payments.services.recover import look_again
from payments.text.formatting import amount, day
from payments.text.messages import render_message
from reconciliation import registry
from reconciliation.models import Announcement, Payout, SettlementLine
from reconciliation.services import payouts
from reconciliation.services.line_discrepancies import bank_line_of, line_of
from reconciliation.services.open_balance import open_balance

FETCH: Final = "fetch"
LETTER: Final = "letter"


def ask(row: Discrepancy) -> dict[str, Any]:
    """Ask, in the caller's transaction, and return how: `how` is `fetch`, or `letter` with its text.

    What is fetched is read by the sweeps at once, and resolves the discrepancy if it explains it.
    """
    account = _account(row)
    if account is not None and _fetches(row, account):
        return {"how": FETCH, "provider_account": account.id, "language": None, "subject": None, "body": None}
    language = row.merchant.language
    with translation.override(language):
        return {
            "how": LETTER,
            "provider_account": account.id if account is not None else None,
            "language": language,
            "subject": _subject(row, account),
            "body": "\n".join(_body(row, account)),
        }


def _account(row: Discrepancy) -> ProviderAccount | None:
    """Return whose difference it is."""
    balance, line = open_balance(row), line_of(row)
    found = balance.provider_account_id if balance is not None else None
    if found is None and line is not None:
        found = line.settlement.provider_account_id
    if found is None and row.payment is not None:
        found = row.payment.provider_account_id
    return ProviderAccount.objects.filter(id=found, merchant=row.merchant).first() if found else None


def _fetches(row: Discrepancy, account: ProviderAccount) -> bool:
    """Have read what can be read of it at the provider; return False where nothing can."""
    if row.kind == Kind.OUTCOME_UNKNOWN:
        return look_again(row.key.partition(":")[2])
    if account.provider not in registry.sources():
        return False
    if row.kind in payouts.KINDS:
        _read_again(account, Payout.objects.get(merchant=row.merchant, item=row.item or 0).reference)
        return True
    if row.kind == Kind.MISSING_IN_SETTLEMENT:
        # It may be in a payout whose announcement got lost.
        task_queue.enqueue_on_commit("reconciliation.look_for_payouts")
        return True
    return False


def _read_again(account: ProviderAccount, reference: str) -> None:
    """Have the state of a payout read once more: it may have failed since."""
    about: dict[str, Any] = {"merchant_id": account.merchant_id, "provider_account": account, "reference": reference}
    found, _made = Announcement.objects.get_or_create(**about, event_id=None)
    Announcement.objects.filter(id=found.id).update(due_at=Now())
    task_queue.enqueue_on_commit("reconciliation.read_sources")


def _subject(row: Discrepancy, account: ProviderAccount | None) -> str:
    values = {"what": row.get_kind_display(), "merchant": row.merchant.name, "id": row.id}
    if account is not None and account.external_id:
        values["account"] = account.external_id
        return _("%(merchant)s (%(account)s): %(what)s, our reference %(id)s") % values
    return _("%(merchant)s: %(what)s, our reference %(id)s") % values


def _body(row: Discrepancy, account: ProviderAccount | None) -> Iterator[str]:
    """Yield the lines of a letter: what differs, all that it is known by, and what is asked."""
    yield _("Dear Sir or Madam,")
    yield ""
    yield _("We cannot explain the following:")
    yield render_message(row.detail, row.message) or row.get_kind_display()
    yield ""
    if account is not None and account.external_id:
        yield _("Our account with you: %(account)s") % {"account": account.external_id}
    if row.amount is not None and row.currency is not None:
        yield _("Amount: %(amount)s") % {"amount": amount(row.amount, row.currency)}
    yield from (f"{name}: {value}" for name, value in _references(row) if value)
    yield _("Our reference: %(id)s") % {"id": row.id}
    yield ""
    yield _("Could you tell us what happened to this, and when it is or was paid out?")
    yield ""
    yield _("Kind regards,")
    yield row.merchant.name


def _references(row: Discrepancy) -> Iterator[tuple[str, str]]:
    """Yield what the provider can find it by; nothing of it names a customer."""
    if row.kind in payouts.KINDS and row.item is not None:
        yield from _of_payout(Payout.objects.select_related("settlement").get(merchant=row.merchant, item=row.item))
    if (banked := bank_line_of(row)) is not None:
        yield _("On our bank account"), day(banked.booked_on)
        yield _("Description of the bank"), banked.remittance
    if (line := line_of(row)) is not None:
        yield from _of_line(line)
    if row.payment is not None:
        yield from _of_operation(row)


def _of_payout(payout: Payout) -> Iterator[tuple[str, str]]:
    yield _("Payout"), payout.reference
    yield _("Settlement"), payout.settlement.reference
    yield _("Announced"), amount(payout.amount, payout.currency)
    yield _("Received"), amount(payout.amount_received, payout.currency)
    yield _("Expected on"), day(payout.expected_on) if payout.expected_on else ""


def _of_line(line: SettlementLine) -> Iterator[tuple[str, str]]:
    yield _("Settlement"), line.settlement.reference
    yield _("Line"), str(line.number)
    yield _("Your reference"), line.reference
    yield _("Payment reference"), line.payment_reference
    yield "TID", line.tid
    yield "RRN", line.rrn
    yield "STAN", line.stan
    yield _("Authorization code"), line.authorization_code
    yield _("Settled"), amount(line.gross, line.currency)


def _of_operation(row: Discrepancy) -> Iterator[tuple[str, str]]:
    """What our own books have of it."""
    payment = row.payment
    assert payment is not None
    named = Operation.objects.filter(id=row.key.partition(":")[2]).first()
    operation = named or payment.operations.filter(outcome="succeeded").order_by("id").first()
    yield _("Payment"), payment.id
    yield _("Payment reference"), payment.provider_reference or ""
    if operation is not None:
        yield _("Your reference"), operation.provider_reference or ""
        yield _("Sent under"), operation.id
        yield _("Sold or refunded"), amount(operation.amount, operation.currency)
        yield _("On"), day(operation.occurred_at.astimezone(row.merchant.zone).date()) if operation.occurred_at else ""
    posted = CardEvidence.objects.filter(payment_id=payment.id).order_by("id").first()
    if posted is not None:
        yield "TID", posted.acquirer_tid or ""
        yield "RRN", posted.rrn or ""
        yield "STAN", posted.stan or ""
        yield _("Authorization code"), posted.authorization_code or ""
