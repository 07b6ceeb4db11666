"""Match the settlements of a file with their provider account and operations, book them, and open discrepancies."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Final

from payments.ledger.posting import next_items, post
from payments.models import ProviderAccount
from payments.notify.services.emit import NewEvent, emit
from payments.providers.registry import provider
from reconciliation import journal, payloads
from reconciliation.formats.base import LineType, Problem, SettlementHeader, SettlementTrailer, Transfer
from reconciliation.models import Payout, Settlement, SettlementFile
from reconciliation.services import payouts as payouts_
from reconciliation.services import tolerances
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.services.confirm_settled import confirm_settled
from reconciliation.services.doubts import decline_unpaid, settle_doubts
from reconciliation.services.match_totals import match_totals
from reconciliation.services.matching_rules import rules_of, ruleset
from reconciliation.services.open_differences import open_differences
from reconciliation.services.rematch import find_payouts
from reconciliation.services.staging import Reading
from reconciliation.sql import differences, matching, settlements

AT_ONCE: Final = 500


def match(file: SettlementFile, reading: Reading) -> list[Problem]:
    """Find the provider account and match every line. Return the problems that prevent it."""
    accounts = _accounts(file, reading)
    if len(accounts) != 1:
        return [_account_problem(accounts)]
    file.provider_account = accounts[0]
    # Each explains the next: where the settlement is known, so are its movements and payouts.
    problems = list(_known_before(file, reading)) or list(_overlaps(file, reading)) or list(_paid_before(file, reading))
    if not problems:
        matching.match_settlement_lines(
            merchant_id=file.merchant_id,
            account_id=accounts[0].id,
            zone=file.merchant.timezone,
            rules=ruleset(rules_of(accounts[0])),
        )
    return problems


def book(file: SettlementFile, reading: Reading) -> None:
    """Store, book and announce all of it, within the caller's transaction."""
    assert file.provider_account is not None
    # First: a sale that the acquirer settles is one it has approved, and is then booked as such.
    settle_doubts(file.provider_account)
    transfers = [_transfers(trailer) for _, trailer in reading.settlements]
    # All numbers in one round trip: a file may hold a settlement for every day of a year.
    items = iter(next_items(len(transfers) + sum(map(len, transfers))))
    rows = [_settlement(file, header, trailer, next(items)) for header, trailer in reading.settlements]
    Settlement.objects.bulk_create(rows)
    settlements.store_settlement_lines(account_id=file.provider_account.id, settlement_ids=[row.id for row in rows])
    for row, announced in zip(rows, transfers, strict=True):
        # Before the entry: what was provisional must be a receivable before it is settled.
        confirm_settled(row)
        decline_unpaid(row)
        payouts_.fail(_returned(row), at=row.closed_at)
        # One by one, though `post` takes many: an entry of a settlement may have tens of thousands of lines.
        for entry in journal.settled(file.merchant, row, settlements.bookings(row.id)):
            post([entry] if entry.lines else [])
        payouts = [_payout(row, transfer, next(items)) for transfer in announced]
        post([journal.payout_announced(file.merchant, payout) for payout in payouts])
        emit([_announced_event(payout) for payout in payouts])
        _update_discrepancies(row)
    match_totals(file.provider_account)
    # Last: the bank's statement may have come before the settlement that announces its payout.
    find_payouts(merchant=file.merchant)


def _accounts(file: SettlementFile, reading: Reading) -> list[ProviderAccount]:
    """Return the candidate accounts: the uploaded one, else by its lines, else the merchant's default of that kind.

    An account that only reports stands for any acquirer, and is nobody's in particular: it is taken only where a line
    names it, or where a PIN acquirer's numbers stand in the file.
    """
    if file.provider_account is not None:
        return [file.provider_account]
    mapped = getattr(reading.format, "account_id", "")
    if mapped:
        return list(ProviderAccount.objects.filter(merchant=file.merchant, id=mapped))
    providers = reading.format.providers if reading.format is not None else ()
    accounts = list(ProviderAccount.objects.filter(merchant=file.merchant, provider__in=providers).order_by("id"))
    named = matching.accounts_of_staged_lines(
        merchant_id=file.merchant_id, account_ids=[account.id for account in accounts]
    )
    if named:
        return [account for account in accounts if account.id in named]
    at_terminals = matching.staged_card_present()
    fitting = [account for account in accounts if at_terminals or not _only_reports(account)]
    if len(fitting) == 1:
        return fitting
    # A format names the provider itself first, and last the account that only reports: a PIN acquirer's.
    wanted = providers[-1] if at_terminals else providers[0]
    return [account for account in accounts if account.default and account.provider == wanted]


def _only_reports(account: ProviderAccount) -> bool:
    return provider(account.provider).capabilities.reports_only


def _account_problem(accounts: list[ProviderAccount]) -> Problem:
    if accounts:
        names = ", ".join(account.id for account in accounts)
        return Problem(None, "account_ambiguous", f"The lines are about {names}. Send one file per provider account.")
    return Problem(None, "account_unknown", "No provider account is known for this file. Name provider_account.")


def _known_before(file: SettlementFile, reading: Reading) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for header, _ in reading.settlements:
        known = Settlement.objects.filter(
            provider_account=file.provider_account, reference=header.reference, currency=header.currency
        ).first()
        if known is not None or (header.reference, header.currency) in seen:
            where = f"with {known.file_id}" if known is not None else "further up in this file"
            detail = f"Settlement {header.reference} was imported {where}. One settlement is booked once."
            yield Problem(header.line, "settlement_known", detail)
        seen.add((header.reference, header.currency))


def _paid_before(file: SettlementFile, reading: Reading) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for header, trailer in reading.settlements:
        for transfer in _transfers(trailer):
            name = (transfer.reference, header.currency)
            known = Payout.objects.filter(provider_account=file.provider_account, reference=name[0], currency=name[1])
            if name in seen or known.exists():
                detail = f"Payout {name[0]} was announced by another settlement. One payout pays one settlement."
                yield Problem(header.line, "payout_known", detail)
            seen.add(name)


def _overlaps(file: SettlementFile, reading: Reading) -> Iterator[Problem]:
    """Of exports of any period, a movement that is known shows that this one begins before another ended."""
    if not getattr(reading.format, "movements_once", False) or file.provider_account is None:
        return
    known = settlements.known_line(file.provider_account.id)
    if known is not None:
        line, reference, earlier = known
        detail = f"Row {line}: {reference} was imported with {earlier}. Export the days after those of that file."
        yield Problem(line, "movement_known", detail)


def _settlement(file: SettlementFile, header: SettlementHeader, trailer: SettlementTrailer, item: int) -> Settlement:
    return Settlement(
        file=file,
        merchant=file.merchant,
        provider_account=file.provider_account,
        reference=header.reference,
        currency=header.currency,
        item=item,
        closed_at=trailer.closed_at or header.closed_at,
        gross=trailer.gross.amount,
        fee=trailer.fee.amount,
        vat=trailer.vat.amount,
        net=trailer.net.amount,
    )


def _returned(settlement: Settlement) -> list[Payout]:
    """Return earlier payouts that came back by this settlement's lines."""
    names = settlement.lines.filter(type=LineType.PAYOUT_RETURNED).values("reference")
    return list(Payout.objects.filter(provider_account=settlement.provider_account, reference__in=names))


def _transfers(trailer: SettlementTrailer) -> list[Transfer]:
    """Return the payouts that a settlement announces; none of 0.00."""
    if trailer.transfers:
        return [transfer for transfer in trailer.transfers if transfer.amount.amount]
    if not trailer.payout_reference or not trailer.net.amount:
        return []
    return [Transfer(trailer.line, trailer.payout_reference, trailer.net, trailer.payout_on)]


def _payout(settlement: Settlement, transfer: Transfer, item: int) -> Payout:
    payout = Payout(
        merchant=settlement.merchant,
        provider_account=settlement.provider_account,
        settlement=settlement,
        item=item,
        reference=transfer.reference,
        amount=transfer.amount.amount,
        currency=settlement.currency,
        expected_on=transfer.on,
    )
    payout.save(force_insert=True)
    return payout


def _update_discrepancies(settlement: Settlement) -> None:
    """Open discrepancies of its lines, and resolve those that only waited for this settlement."""
    explained = [*settlements.complete_parts(settlement.id), *settlements.explained_keys(settlement.id)]
    resolve_explained(settlement.merchant, explained)
    rates = json.dumps(settlement.provider_account.fee_rates or [])
    rules = tolerances.tolerant(rules_of(settlement.provider_account))
    # In pieces, so that memory stays flat where every line of a file has a discrepancy.
    issues = differences.issues(settlement_id=settlement.id, rates=rates)
    while some := list(islice(issues, AT_ONCE)):
        open_differences(settlement, some, rules, at=settlement.closed_at)


def _announced_event(payout: Payout) -> NewEvent:
    return NewEvent(
        merchant_id=payout.merchant_id,
        channel_id=None,
        type="payout.announced",
        object_type=payout.OBJECT,
        object_id=payout.id,
        data={"object": payloads.payout(payout)},
        test_mode=payout.merchant.test_mode,
    )
