"""Late matches: lines that were unknown or early when their file was imported, and can be matched now."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from payments.ledger.posting import Entry, post
from payments.models import Discrepancy, Merchant, ProviderAccount
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.runtime.sweeps import Sweep
from reconciliation import journal
from reconciliation.card_present import sql as card_present
from reconciliation.models import Payout, Settlement, SettlementLine
from reconciliation.services import payment_credits, payout_tolerances, till_deposits, tolerances
from reconciliation.services.allocations import allocate, free_bank_lines, unallocated
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.services.confirm_settled import confirm_settled
from reconciliation.services.doubts import decline_unpaid, settle_doubts
from reconciliation.services.line_discrepancies import UNEXPLAINED, key, kind_of
from reconciliation.services.match_totals import match_totals
from reconciliation.services.matching_rules import rules_of, ruleset
from reconciliation.services.open_differences import open_differences
from reconciliation.sql import differences, late_lines, matching, payout_batches, payout_names, session, settlements

_State = SettlementLine.State
_Found = tuple[int, tuple[tuple[str, int | None], ...]]  # a bank line, and the payouts that it is with their amounts
_CHANGED: Final = (
    *("state", "item", "operation_id", "payment_id", "evidence_id"),
    *("booked_currency", "booked_amount", "rule"),
)
_FOUND: Final = (*_CHANGED, "expected", "before_match")


def rematch() -> int:
    """Match the unexplained lines of every provider account again (beat). Return how many were matched."""
    lines = SettlementLine.objects.filter(state__in=UNEXPLAINED)
    payouts = Payout.objects.filter(status=Payout.Status.ANNOUNCED, amount_received=0)
    accounts = ProviderAccount.objects.filter(
        Q(id__in=lines.values("settlement__provider_account_id")) | Q(id__in=payouts.values("provider_account_id"))
    )
    sweep = Sweep("reconciliation.rematch")
    found = 0
    for account_id, merchant_id in accounts.order_by("id").values_list("id", "merchant_id"):
        if account_id not in sweep.resting:
            with sweep.item(account_id, merchant_id=merchant_id):
                found += rematch_account(ProviderAccount.objects.select_related("merchant").get(id=account_id))
    return found + till_deposits.rematch()


def rematch_account(account: ProviderAccount) -> int:
    """Match the unexplained lines of one provider account again. Return how many were matched.

    Does nothing while a file of its merchant is being imported.
    """
    with session.session_lock(f"merchant:{account.merchant_id}") as free:
        if not free:
            return 0  # the next round of the sweep finds what is left
        with session.staging():
            sweep = Sweep("reconciliation.rematch_line")
            matching.stage_stored_lines(account.id, leave=[int(line_id) for line_id in sweep.resting])
            rules = rules_of(account)
            matching.match_settlement_lines(
                merchant_id=account.merchant_id,
                account_id=account.id,
                zone=account.merchant.timezone,
                rules=ruleset(rules),
            )
            # Before the late matches: what is proven now is an operation that a line may settle.
            _apply_confirmations(account)
            found = matching.late_matches()
            sweep.together(
                found,
                partial(_apply, account, tolerances.tolerant(rules)),
                subject=lambda match: str(match.line_id),
                merchant_id=account.merchant_id,
            )
            together = match_totals(account)
            with transaction.atomic():
                find_payouts(merchant=account.merchant)
    return len(found) + together


def _apply_confirmations(account: ProviderAccount) -> None:
    """Apply lines that prove, confirm or decline a transaction which was not known when they were imported."""
    with transaction.atomic():
        settle_doubts(account)
        for settlement in Settlement.objects.filter(id__in=card_present.link_confirmations()).order_by("id"):
            confirm_settled(settlement)
            decline_unpaid(settlement)


def find_payouts(*, merchant: Merchant) -> None:
    """Match payouts with bank lines that were imported before the payout was announced, and payments with theirs.

    The caller holds the merchant's lock, so that no payout gets the same line twice.
    """
    payout_names.find_names(payout_names.STORED, merchant_id=merchant.id)
    sets = payout_names.payout_parts()
    found: list[_Found] = [(line_id, tuple(parts)) for line_id, parts in sets.items()]
    found += [(line_id, ((payout_id, None),)) for line_id, payout_id in late_lines.late_payouts(merchant.id)]
    sweep = Sweep("reconciliation.find_payout")
    found = [one for one in found if one[1][0][0] not in sweep.resting]
    sweep.together(found, partial(_give, merchant), subject=lambda one: one[1][0][0], merchant_id=merchant.id)
    _find_batches(merchant, sweep, found)
    sweep = Sweep("reconciliation.find_credit")
    credited = [pair for pair in payment_credits.late(merchant) if pair[1] not in sweep.resting]
    sweep.together(
        credited, partial(payment_credits.find, merchant), subject=lambda pair: pair[1], merchant_id=merchant.id
    )


def _find_batches(merchant: Merchant, sweep: Sweep, found: Sequence[_Found]) -> None:
    """Match several lines that are several payouts together; what was found by itself is in none of them."""
    known = {payout_id for _line, parts in found for payout_id, _amount in parts}
    batches = payout_batches.find_batches(
        merchant.id, lines=[line_id for line_id, _parts in found], payouts=[*known, *sweep.resting]
    )
    sweep.together(
        batches, partial(_give_batches, merchant), subject=lambda one: one.payouts[0][0], merchant_id=merchant.id
    )


def _give_batches(merchant: Merchant, batches: Sequence[payout_batches.Batch]) -> None:
    """Give payouts the lines that they are together, or none of them where somebody has matched one meanwhile."""
    for batch in batches:
        payouts = Payout.objects.select_for_update(of=("self",)).filter(id__in=dict(batch.payouts)).order_by("id")
        waiting = [payout for payout in payouts if payout.status == Payout.Status.ANNOUNCED]
        free = free_bank_lines(merchant_id=merchant.id).filter(id__in=dict(batch.lines)).select_for_update(of=("self",))
        lines = {line.id: unallocated(line) for line in free.order_by("id")}
        if {payout.id: payout.owed for payout in waiting} == dict(batch.payouts) and lines == dict(batch.lines):
            _give(merchant, list(batch.parts()))


def _give(merchant: Merchant, found: Sequence[_Found]) -> None:
    """Give payouts the lines that they are; a line without amounts is the one payout as a whole."""
    by_line = dict(found)
    # By id, as every sweep and every person locks them: payouts before lines.
    names = {payout_id for parts in by_line.values() for payout_id, _amount in parts}
    payouts = Payout.objects.select_for_update(of=("self",)).filter(id__in=names).order_by("id")
    by_id = {payout.id: payout for payout in payouts.select_related("merchant", "settlement", "provider_account")}
    free = free_bank_lines(merchant_id=merchant.id).filter(id__in=by_line).select_for_update(of=("self",))
    entries: list[Entry] = []
    suspended: list[int] = []
    for line in free.order_by("id"):
        parts = [
            (by_id[payout_id], line.amount if amount is None else amount) for payout_id, amount in by_line[line.id]
        ]
        # What a person has matched at this moment is not there any more.
        waiting = all(payout.status == Payout.Status.ANNOUNCED for payout, _amount in parts)
        if waiting and unallocated(line) == line.amount:
            suspended += [line.id] if line.item is not None else []
            entries.append(allocate(line, parts))
    post(entries)
    payout_tolerances.settle(by_id.values(), at=timezone.now())
    resolve_explained(merchant, [f"{Kind.UNKNOWN_LINE}:bank:{line_id}" for line_id in suspended])


def _apply(account: ProviderAccount, tolerant: tolerances.Rules, found: Sequence[matching.LateMatch]) -> None:
    rows = SettlementLine.objects.select_related("settlement__merchant", "settlement__provider_account")
    stored = rows.in_bulk([match.line_id for match in found])
    for line in stored.values():
        line.before_match = {name: getattr(line, name) for name in _CHANGED}
    entries = [entry for match in found for entry in _out_of_suspense(account, stored[match.line_id], match)]
    keys = [key(kind_of(line.state, line.rule), line.settlement, line.number) for line in stored.values()]
    written_off = _resolved(account.merchant, keys)
    for match in found:
        line = stored[match.line_id]
        line.state, line.item, line.rule = match.state, match.item, match.rule
        line.operation_id, line.payment_id, line.evidence_id = match.operation_id, match.payment_id, match.evidence_id
        # What a person has written off is not reported as a difference once more.
        if key(Kind.MISSING_IN_BOOKS, line.settlement, line.number) not in written_off:
            line.expected = match.differs
    SettlementLine.objects.bulk_update(stored.values(), _FOUND)
    resolve_explained(account.merchant, keys)
    post(entries)
    for line in stored.values():
        # No rates: its fee was held against them when its file was imported.
        issues = list(differences.issues(settlement_id=line.settlement_id, rates="[]", number=line.number))
        open_differences(line.settlement, issues, tolerant, at=timezone.now())
    for settlement in {line.settlement_id: line.settlement for line in stored.values()}.values():
        resolve_explained(account.merchant, settlements.explained_keys(settlement.id))
        confirm_settled(settlement)


def _resolved(merchant: Merchant, keys: Sequence[str]) -> set[str]:
    """Return the keys that a person has resolved: their open amount is booked elsewhere already."""
    rows = Discrepancy.objects.filter(merchant=merchant, key__in=keys, status=Discrepancy.Status.RESOLVED)
    return set(rows.values_list("key", flat=True))


def _out_of_suspense(account: ProviderAccount, line: SettlementLine, match: matching.LateMatch) -> Iterator[Entry]:
    """Yield the entry that takes a line out of suspense; an early line is booked on its payment already."""
    if line.state != _State.EARLY:
        line.booked_currency, line.booked_amount = match.booked_currency, match.booked_amount
        yield journal.late_match(account.merchant, line, match.item, timezone.now())
