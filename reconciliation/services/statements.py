"""Match the bank statements of a file with payouts and refunds, book them, and open discrepancies."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.ledger.posting import Entry, post
from payments.models import Discrepancy, Merchant, Operation, RefundPart
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services import discrepancy
from payments.services.record import record
from payments.text.messages import message_columns
from reconciliation import journal
from reconciliation.formats.base import Kind as FileKind
from reconciliation.formats.base import Problem, StatementHeader, StatementTrailer
from reconciliation.models import BankStatement, BankStatementLine, Payout, SettlementFile
from reconciliation.services import notified_batches, payment_credits, payout_tolerances, till_deposits
from reconciliation.services.allocations import allocate_imported
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.services.line_discrepancies import of_bank_line
from reconciliation.services.own_accounts import account_named, ibans_of
from reconciliation.services.staging import Reading
from reconciliation.services.transfer_returns import returned_because
from reconciliation.sql import notified_parts, payout_names, session, statement_gaps, statements

ACTOR: Final = "system:reconciliation"


def match(file: SettlementFile, reading: Reading) -> list[Problem]:
    """Match every line of the statements that can be booked.

    Each statement is taken by itself: one of an unknown account, or that was imported before, is left out and named.
    Return those problems if nothing is left.
    """
    _name_accounts(file.merchant, reading)
    _leave_out(file, reading)
    if not reading.booked:
        return reading.noted
    # A notification repeats what the statement books.
    booked = reading.format is not None and reading.format.kind == FileKind.STATEMENT
    headers = [header for header, _trailer in reading.statements]
    if booked:
        accounts = [header.account for header in headers]
        reading.lines += notified_parts.put_parts_in_place(merchant_id=file.merchant_id, accounts=accounts)
    statements.match_statement_lines(
        merchant_id=file.merchant_id,
        accounts=[header.account for header in headers],
        openings=[header.opening.amount if header.opening is not None else None for header in headers],
        booked=booked,
    )
    return []


def _name_accounts(merchant: Merchant, reading: Reading) -> None:
    """Give each statement its account's IBAN in place of the bank's own name for it; leave out those of no account."""
    ibans = ibans_of(merchant)
    for place, (header, trailer) in enumerate(reading.statements):
        iban = account_named(header.account, ibans)
        if iban is None:
            reading.left_out[place] = Problem(None, "account_unknown", _unknown(header.account))
        else:
            reading.statements[place] = (replace(header, account=iban), trailer)


def _unknown(account: str) -> str:
    return (
        f"Account {account} is not known here. Enter its IBAN as a bank account (or as the one that a provider pays "
        "out to), then send the file again."
    )


def _leave_out(file: SettlementFile, reading: Reading) -> None:
    reading.left_out |= dict(_known_before(file, reading))
    if reading.left_out:
        reading.lines -= session.leave_out_statements(reading.left_out)
    file.partial = any(problem.code == "account_unknown" for problem in reading.noted) and bool(reading.booked)


def book(file: SettlementFile, reading: Reading) -> None:
    """Store and book all of it, within the caller's transaction."""
    kind = reading.format.kind.value if reading.format is not None else FileKind.STATEMENT.value
    rows = [_statement(file, kind, header, trailer) for header, trailer in reading.booked]
    BankStatement.objects.bulk_create(rows)
    ids = iter([row.id for row in rows])
    places = range(len(reading.statements))
    statements.store_statement_lines([None if place in reading.left_out else next(ids) for place in places])
    lines = BankStatementLine.objects.filter(statement__in=rows)
    if kind == FileKind.NOTIFICATION:
        lines = notified_batches.put_parts_in_place(file.merchant, notifications=rows)
    _book_lines(file.merchant, lines)
    # After all statements of the file are stored: they may come in any order, and fill one another's gaps.
    for account in sorted({row.account for row in rows}):
        check_gaps(merchant=file.merchant, account=account, file_id=file.id)


def _book_lines(merchant: Merchant, lines: QuerySet[BankStatementLine]) -> None:
    """Book lines just stored, by what explains them."""
    # What is nobody's business here (wages, rent) is stored, and never read into memory.
    explained = lines.exclude(state=BankStatementLine.State.OTHER)
    stored = list(explained.select_related("statement__merchant").order_by("id"))
    _book_payouts(merchant, stored)
    _book_transfers(merchant, stored)
    payment_credits.book(merchant, _of(stored, BankStatementLine.State.PAYMENT))
    till_deposits.match(merchant, lines)
    _hold_unknown(merchant, stored)


def check_gaps(*, merchant: Merchant, account: str, file_id: str | None = None) -> None:
    """Open a discrepancy where a statement does not open with the last one's closing balance; resolve filled gaps."""
    found = statement_gaps.gaps(merchant_id=merchant.id, account=account)
    gaps = {f"statement_gap:{account}:{row[0]}": row for row in found}
    unresolved = Discrepancy.objects.filter(
        merchant=merchant, kind=Kind.STATEMENT_GAP, key__startswith=f"statement_gap:{account}:"
    ).exclude(status=Discrepancy.Status.RESOLVED)
    filled = [row.key for row in unresolved if row.key not in gaps]
    resolve_explained(merchant, filled)
    currencies = dict(
        BankStatement.objects.filter(id__in=[row[0] for row in gaps.values()]).values_list("id", "currency")
    )
    discrepancy.open_discrepancies(
        [
            Discrepancy(
                merchant=merchant,
                kind=Kind.STATEMENT_GAP,
                key=key,
                amount=opening - before,
                currency=currencies[statement_id],
                settlement_file_id=file_id,
                **message_columns(
                    gettext_noop("{account}: a statement opens with {opening}, the one before closed with {closing}."),
                    account=account,
                    opening=Money(opening, currencies[statement_id]),
                    closing=Money(before, currencies[statement_id]),
                ),
            )
            for key, (statement_id, opening, before) in gaps.items()
        ]
    )


def _known_before(file: SettlementFile, reading: Reading) -> Iterator[tuple[int, Problem | None]]:
    """Statements that an earlier file has (None: this same file, sent again for what it lacked), or this one twice."""
    kind = reading.format.kind.value if reading.format is not None else ""
    seen: set[tuple[object, ...]] = set()
    for place, (header, trailer) in enumerate(reading.statements):
        if place in reading.left_out:
            continue
        named = _identity(file, kind, header, trailer)
        known = BankStatement.objects.select_related("file").filter(merchant=file.merchant, **named).first()
        if known is not None and known.file.sha256 == file.sha256:
            yield place, None
        elif known is not None or tuple(named.values()) in seen:
            where = f"with {known.file_id}" if known is not None else "further up in this file"
            detail = (
                f"Statement {header.reference or header.sequence} was imported {where}. One statement is booked once."
            )
            yield place, Problem(header.line, "statement_known", detail)
        seen.add(tuple(named.values()))


def _identity(file: SettlementFile, kind: str, header: StatementHeader, trailer: StatementTrailer) -> dict[str, Any]:
    """What names a statement, as the columns have it."""
    balances = header.opening is not None or trailer.closing is not None or kind != FileKind.STATEMENT
    return {
        "kind": kind,
        "account": header.account,
        # A list without balances has no name: it may be fetched again on the same day with more in it.
        "reference": header.reference[:255] or ("" if balances else file.id),
        "sequence": header.sequence[:35],
        "currency": header.currency,
        "opening": header.opening.amount if header.opening is not None else None,
        "opened_on": header.opened_on,
        "closing": trailer.closing.amount if trailer.closing is not None else None,
        "closed_on": trailer.closed_on,
    }


def _statement(file: SettlementFile, kind: str, header: StatementHeader, trailer: StatementTrailer) -> BankStatement:
    return BankStatement(file=file, merchant=file.merchant, **_identity(file, kind, header, trailer))


def _of(lines: Sequence[BankStatementLine], state: BankStatementLine.State) -> list[BankStatementLine]:
    return [line for line in lines if line.state == state]


def _book_payouts(merchant: Merchant, lines: Sequence[BankStatementLine]) -> None:
    """Book each line with the payout that it is, or with the set of payouts that it can only be."""
    sets = payout_names.payout_parts()
    by_line = {
        line.id: [(str(line.payout_id), line.amount)] if line.payout_id is not None else sets[line.position]
        for line in _of(lines, BankStatementLine.State.PAYOUT)
    }
    names = {payout_id for parts in by_line.values() for payout_id, _amount in parts}
    payouts = Payout.objects.select_for_update(of=("self",)).filter(id__in=names).order_by("id")
    by_id = {payout.id: payout for payout in payouts.select_related("merchant", "settlement", "provider_account")}
    entries: list[Entry] = []
    shown: dict[str, list[tuple[BankStatementLine, int]]] = defaultdict(list)
    for line in _of(lines, BankStatementLine.State.PAYOUT):
        parts = [(by_id[payout_id], amount) for payout_id, amount in by_line[line.id]]
        entries.append(journal.payout_received(line, parts))
        for payout, amount in parts:
            shown[payout.id].append((line, amount))
    for payout_id in sorted(shown):
        allocate_imported(by_id[payout_id], shown[payout_id])
    post(entries)
    payout_tolerances.settle(by_id.values(), at=timezone.now())


def _book_transfers(merchant: Merchant, lines: Sequence[BankStatementLine]) -> None:
    """A transfer that left makes its refund succeed; one that came back makes it fail. A batch was paid already."""
    seen = _of(lines, BankStatementLine.State.REFUND)
    for line in (line for line in seen if line.transfer_batch_id is not None):
        parts = RefundPart.objects.filter(batch=line.transfer_batch_id).select_related("batch").order_by("item")
        post([journal.transfer_seen(merchant, line, parts)])
    transfers = [line for line in seen if line.operation_id is not None]
    related = ("refund_part__batch", "provider_account__merchant")
    operations = Operation.objects.select_related(*related).in_bulk([str(line.operation_id) for line in transfers])
    for line in transfers:
        operation = operations[str(line.operation_id)]
        record(operation.provider_account, [_report(merchant, operation, line)], actor=ACTOR)
        if operation.refund_part is not None:
            post([journal.transfer_seen(merchant, line, [operation.refund_part])])


def _report(merchant: Merchant, operation: Operation, line: BankStatementLine) -> ProviderReport:
    outgoing = line.amount < 0
    noon = journal.noon(merchant, line.booked_on)
    result = Result(
        outcome=Outcome.SUCCEEDED if outgoing else Outcome.DECLINED,
        reference=operation.provider_reference,
        amount=Money(operation.amount, operation.currency),
        code=None if outgoing else "transfer_returned",
        detail=None if outgoing else returned_because(line),
        # A statement has days only: on the same day it counts as later than what is known already.
        occurred_at=max(noon, operation.occurred_at or noon),
    )
    return ProviderReport(fact=ReportType.REFUND, result=result, operation_id=operation.id)


def _hold_unknown(merchant: Merchant, lines: Sequence[BankStatementLine]) -> None:
    unknown = _of(lines, BankStatementLine.State.SUSPENSE)
    post([journal.held_at_bank(merchant, line) for line in unknown])
    rows = [(Kind.UNKNOWN_LINE, line) for line in unknown]
    # What was never booked (rent) is not booked twice either: its twin is marked, and is nothing to look at.
    again = statements.booked_before()
    repeated = _of(lines, BankStatementLine.State.REPEATED)
    rows += [(Kind.DUPLICATE, line) for line in repeated if line.position in again]
    discrepancy.open_discrepancies([of_bank_line(kind, line) for kind, line in rows])
