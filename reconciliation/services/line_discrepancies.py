"""The discrepancies of a settlement line that differs from the books."""

from collections.abc import Iterator
from typing import Any, Final

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.text.messages import Translatable, message_columns
from reconciliation.formats.base import LineType
from reconciliation.models import BankStatementLine, Settlement, SettlementLine
from reconciliation.sql.differences import Issue

UNEXPLAINED: Final = {
    SettlementLine.State.UNKNOWN: Kind.UNKNOWN_LINE,
    SettlementLine.State.REPEATED: Kind.DUPLICATE,
    SettlementLine.State.EARLY: Kind.MISSING_IN_BOOKS,
}
_SETTLED: Final = gettext_noop("Settled as {settled}; the books have {booked}.")


def key(kind: str, settlement: Settlement, number: int) -> str:
    """Return the key of a discrepancy about one line."""
    return f"{kind}:{settlement.id}:{number}"


def line_of(row: Discrepancy) -> SettlementLine | None:
    """Return the settlement's line that a discrepancy is about; None if it is about none, as of a bank's line."""
    _, _, where = row.key.partition(":")
    settlement_id, _, number = where.partition(":")
    if row.settlement_file_id is None or not (settlement_id.isdecimal() and number.isdecimal()):
        return None
    lines = SettlementLine.objects.select_related("settlement__merchant", "settlement__provider_account")
    return lines.filter(settlement_id=settlement_id, number=number, settlement__merchant_id=row.merchant_id).first()


def bank_line_of(row: Discrepancy) -> BankStatementLine | None:
    """Return the bank's line that a discrepancy is about."""
    _, bank, number = row.key.rpartition(":bank:")
    if not bank or not number.isdecimal():
        return None
    return BankStatementLine.objects.filter(id=number, statement__merchant_id=row.merchant_id).first()


def of_bank_line(kind: Kind, line: BankStatementLine, *, amount: int | None = None) -> Discrepancy:
    """Return the discrepancy of a bank's line, or of an amount of it; needs its statement with the merchant."""
    amount = line.amount if amount is None else amount
    texts = {
        Kind.UNKNOWN_LINE: gettext_noop("{day}: {amount} from {name} at the bank is announced by no settlement."),
        Kind.DUPLICATE: gettext_noop("{day}: {amount} from {name} stands on an earlier statement too."),
    }
    return Discrepancy(
        merchant=line.statement.merchant,
        kind=kind,
        key=f"{kind}:bank:{line.id}",
        amount=amount,
        currency=line.currency,
        settlement_file_id=line.statement.file_id,
        item=line.item,
        **message_columns(
            texts[kind],
            day=line.booked_on,
            amount=Money(amount, line.currency),
            name=line.counterparty_name or "–",
        ),
    )


def discrepancies_of(settlement: Settlement, line: Issue) -> Iterator[Discrepancy]:
    """Yield the discrepancies of one line."""
    gross = Money(line.gross, line.currency)
    if line.state in UNEXPLAINED and line.gross:  # a line of 0.00 leaves nothing to resolve
        kind = kind_of(line.state, line.rule)
        yield _row(kind, settlement, line, line.gross, _found(kind, line, gross))
    if line.booked_currency is not None:
        detail = message_columns(_SETTLED, settled=gross, booked=Money(line.expected or 0, line.booked_currency))
        yield _row(Kind.CURRENCY_DIFFERS, settlement, line, line.gross, detail)
    elif line.expected is not None and line.expected != line.gross and line.state == SettlementLine.State.MATCHED:
        detail = message_columns(_SETTLED, settled=gross, booked=Money(line.expected, line.currency))
        yield _row(Kind.AMOUNT_DIFFERS, settlement, line, line.expected - line.gross, detail)
    if line.released_too_much:
        too_much = Money(line.released_too_much, line.currency)
        text = gettext_noop("Line {number}: {amount} of the reserve {reference} is released, and was never held.")
        detail = message_columns(text, number=line.number, amount=too_much, reference=line.reference or "–")
        yield _row(Kind.MISSING_IN_BOOKS, settlement, line, line.released_too_much, detail)
    # One minor unit apart is rounding: providers round per line or per sum, and do not say which.
    if line.expected_fee is not None and abs(line.expected_fee - line.fee) > 1:
        detail = message_columns(
            gettext_noop("A fee of {charged} instead of {agreed}."),
            charged=Money(line.fee, line.currency),
            agreed=Money(line.expected_fee, line.currency),
        )
        yield _row(Kind.FEE_DIFFERS, settlement, line, line.fee - line.expected_fee, detail)
    elif line.expected_vat is not None and abs(line.expected_vat - line.vat) > 1:
        detail = message_columns(
            gettext_noop("VAT of {charged} on the fee of {fee} instead of {agreed}."),
            charged=Money(line.vat, line.currency),
            fee=Money(line.fee, line.currency),
            agreed=Money(line.expected_vat, line.currency),
        )
        yield _row(Kind.FEE_DIFFERS, settlement, line, line.vat - line.expected_vat, detail)


def kind_of(state: str, rule: str) -> Kind:
    """Return the kind of discrepancy that a line in this state has open."""
    return Kind.SIGN_DIFFERS if rule == SettlementLine.Rule.SIGN else UNEXPLAINED[SettlementLine.State(state)]


def _found(kind: Kind, line: Issue, gross: Money) -> dict[str, Any]:
    texts = {
        Kind.UNKNOWN_LINE: gettext_noop("Line {number}: {type} {reference} of {gross} is about nothing we know."),
        Kind.DUPLICATE: gettext_noop("Line {number}: {type} {reference} of {gross} was settled before."),
        Kind.MISSING_IN_BOOKS: gettext_noop("Line {number}: {type} {reference} of {gross} is not in the books yet."),
        Kind.SIGN_DIFFERS: gettext_noop("Line {number}: a {type} {reference} of {gross} has the wrong sign."),
    }
    doubts = {
        SettlementLine.Rule.AMBIGUOUS: gettext_noop("Line {number}: {type} {reference} of {gross} fits several."),
        SettlementLine.Rule.CONTRADICTS: gettext_noop(
            "Line {number}: {type} {reference} of {gross} contradicts itself: it names more than one payment."
        ),
    }
    # Of a known payment, but nobody can say yet what it is in the sale's currency: it waits in suspense.
    known = kind == Kind.UNKNOWN_LINE and line.payment_id is not None
    text = doubts.get(SettlementLine.Rule(line.rule)) if line.rule else None
    text = text or texts[Kind.MISSING_IN_BOOKS if known else kind]
    kind_of_line = Translatable(LineType(line.type).label)
    return message_columns(text, number=line.number, type=kind_of_line, reference=line.reference or "–", gross=gross)


def _row(kind: Kind, settlement: Settlement, line: Issue, amount: int, detail: dict[str, Any]) -> Discrepancy:
    return Discrepancy(
        merchant=settlement.merchant,
        kind=kind,
        key=key(kind, settlement, line.number),
        amount=amount,
        currency=line.currency,
        payment_id=line.payment_id,
        settlement_file_id=settlement.file_id,
        item=line.item,
        **detail,
    )
