"""What a settlement line that disagrees with the books is called."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.money import Money
from reconciliation.models import Settlement, SettlementLine
from reconciliation.settlements.sql import Issue

_STATES = {
    SettlementLine.State.UNKNOWN: Kind.UNKNOWN_LINE,
    SettlementLine.State.REPEATED: Kind.DUPLICATE,
    SettlementLine.State.EARLY: Kind.MISSING_IN_BOOKS,
}


def key(kind: str, settlement: Settlement, number: int) -> str:
    """What names a disagreement about one line."""
    return f"{kind}:{settlement.id}:{number}"


def issues(settlement: Settlement, line: Issue) -> Iterator[Discrepancy]:
    """The disagreements that one line is."""
    gross = Money(line.gross, line.currency)
    if line.state in _STATES:
        kind = _STATES[SettlementLine.State(line.state)]
        yield _row(kind, settlement, line, line.gross, _found(kind, line, gross))
    if line.booked_currency is not None:
        detail = _("Settled as {settled}; the books have {booked}.").format(
            settled=gross, booked=Money(line.expected or 0, line.booked_currency)
        )
        yield _row(Kind.CURRENCY_DIFFERS, settlement, line, line.gross, detail)
    elif line.expected is not None and line.expected != line.gross and line.state != SettlementLine.State.REPEATED:
        detail = _("Settled as {settled}; the books have {booked}.").format(
            settled=gross, booked=Money(line.expected, line.currency)
        )
        yield _row(Kind.AMOUNT_DIFFERS, settlement, line, line.expected - line.gross, detail)
    if line.expected_fee is not None and abs(line.expected_fee - line.fee) > 1:
        detail = _("A fee of {charged} instead of {agreed}.").format(
            charged=Money(line.fee, line.currency), agreed=Money(line.expected_fee, line.currency)
        )
        yield _row(Kind.FEE_DIFFERS, settlement, line, line.fee - line.expected_fee, detail)


def _found(kind: Kind, line: Issue, gross: Money) -> str:
    texts = {
        Kind.UNKNOWN_LINE: _("Line {number}: {type} {reference} of {gross} is about nothing we know."),
        Kind.DUPLICATE: _("Line {number}: {type} {reference} of {gross} was settled before."),
        Kind.MISSING_IN_BOOKS: _("Line {number}: {type} {reference} of {gross} is not in the books yet."),
    }
    # Of a known payment, but nobody can say yet what it is in the sale's currency: it waits in suspense.
    known = kind == Kind.UNKNOWN_LINE and line.payment_id is not None
    text = texts[Kind.MISSING_IN_BOOKS if known else kind]
    return text.format(number=line.number, type=line.type, reference=line.reference or "–", gross=gross)


def _row(kind: Kind, settlement: Settlement, line: Issue, amount: int, detail: str) -> Discrepancy:
    return Discrepancy(
        merchant=settlement.merchant,
        kind=kind,
        key=key(kind, settlement, line.number),
        amount=amount,
        currency=line.currency,
        payment_id=line.payment_id,
        settlement_file_id=settlement.file_id,
        item=line.item,
        detail=detail,
    )
