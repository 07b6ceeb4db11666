"""The faults: each spoils something in one way, and writes down what must be told of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from payments.services.card_present.types import DeviceOutcome, Kind
from tests.reconciliation.conftest import BankLine, Line
from tests.reconciliation.planted.week import Week


def left_out(week: Week) -> None:
    """A sale that no settlement shows."""
    week.tell("missing_in_settlement", week.take().payment)


def refund_left_out(week: Week) -> None:
    week.tell("missing_in_settlement", week.take(kind="refund").payment)


def online_left_out(week: Week) -> None:
    week.tell("missing_in_settlement", week.take("simulator").payment)


def of_nobody(week: Week) -> None:
    """A line about a transaction that no till has made."""
    number = week.number()
    line = Line(1_250, 8, 2, "terminal_sale", f"X{number}", f"999{number:09}", "TID-1/999999/Z9Z9Z9")
    week.says(line)
    week.tell("unknown_line", line.reference)


def of_another_till(week: Week) -> None:
    """Numbers that a till of ours gave out, under the name of one that we do not have."""
    sold = week.take()
    _, stan, code = sold.line.payment_reference.split("/")
    strange = replace(sold.line, reference=f"X{week.number()}", payment_reference=f"TID-9/{stan}/{code}")
    week.says(strange)
    week.tell("unknown_line", strange.reference)
    week.tell("missing_in_settlement", sold.payment)


def twice(week: Week) -> None:
    """A sale in two settlements: which of the two comes first is a matter of chance."""
    sold = week.take()
    week.settled(sold)
    again = week.settled(sold, reference=f"T{week.number()}")
    week.tell("duplicate", f"{sold.name}|{again.reference}")


def of_another_amount(week: Week) -> None:
    sold = week.take("simulator")
    line = week.settled(sold, "simulator", gross=sold.line.gross - 100)
    week.tell("amount_differs", line.reference)


def pin_of_another_amount(week: Week) -> None:
    """Its numbers are those of one sale and its amount is not: it might be another till's, and nobody guesses."""
    sold = week.take()
    line = week.settled(sold, gross=sold.line.gross - 1)
    week.tell("amount_differs", line.reference)


def with_too_high_a_fee(week: Week) -> None:
    sold = week.take()
    week.tell("fee_differs", week.settled(sold, fee=sold.line.fee + 20, vat=sold.line.vat + 4).reference)


def with_wrong_vat(week: Week) -> None:
    sold = week.take()
    week.tell("fee_differs", week.settled(sold, vat=sold.line.vat + 3).reference)


def with_the_wrong_sign(week: Week) -> None:
    sold = week.take()
    line = replace(sold.line, gross=-sold.line.gross)
    week.says(line)
    week.tell("sign_differs", line.reference)


def names_two(week: Week) -> None:
    """A line that names one payment by our number and another one by the provider's: each has a line besides."""
    first, second = week.take("simulator"), week.take("simulator")
    line = replace(first.line, reference=second.line.reference, gross=first.line.gross)
    week.says(line, "simulator")
    week.settled(second, "simulator")
    week.tell("unknown_line", line.reference)


def fits_two(week: Week) -> None:
    """Two tills gave out the same number on the same amount, and the acquirer's line does not say which it was."""
    first = week.take()
    alike = [
        row
        for row in week.sold["external"]
        if (row.line.operation, row.line.gross) == (first.line.operation, first.line.gross)
    ]
    for row in alike:
        week.sold["external"].remove(row)
    if not alike:
        return week.tell("missing_in_settlement", first.payment)
    _, stan, code = first.line.payment_reference.split("/")
    line = replace(first.line, reference=f"Q{week.number()}", payment_reference=f"/{stan}/{code}")
    week.says(line)
    week.tell("unknown_line", line.reference)
    for row in (first, *alike):
        week.tell("missing_in_settlement", row.payment)
    return None


def reserve_never_held(week: Week) -> None:
    line = Line(10_000, type="reserve_release", reference=f"R{week.number()}")
    week.says(line, "simulator")
    week.tell("missing_in_books", line.reference)


def declined_and_paid(week: Week) -> None:
    """The device says declined, the acquirer pays."""
    till = week.chance.choice(week.tills)
    till.does(Kind.SALE, 3_300, DeviceOutcome.DECLINED)
    (sold,) = week.reported()
    week.says(sold.line)
    week.tell("missing_in_books", sold.name)


def unknown_and_paid(week: Week) -> None:
    """The device does not know, the acquirer does: it is settled, and there is nothing to tell."""
    week.chance.choice(week.tills).does(Kind.SALE, 4_400, DeviceOutcome.UNKNOWN)
    (sold,) = week.reported()
    week.settled(sold)


def unknown_for_ever(week: Week) -> None:
    week.chance.choice(week.tills).does(Kind.SALE, 5_500, DeviceOutcome.UNKNOWN)
    (sold,) = week.reported()
    week.tell("outcome_unknown", sold.payment)


def payout_too_small(week: Week) -> None:
    row = week.payout()
    row.short = 200
    week.tell("payout_differs", row.payout)


def payout_never_seen(week: Week) -> None:
    row = week.payout()
    row.is_paid = False
    week.tell("payout_not_received", row.payout)


def money_of_a_provider(week: Week) -> None:
    """The provider pays something that it has announced nowhere."""
    line = BankLine(8_800, "Nabetaling", name="Simulator", bank_reference=f"BANK{week.number()}")
    week.bank.append(line)
    week.tell("unknown_line", line.bank_reference)


FAULTS: Final[tuple[Callable[[Week], None], ...]] = (
    left_out,
    refund_left_out,
    online_left_out,
    of_nobody,
    of_another_till,
    twice,
    of_another_amount,
    pin_of_another_amount,
    with_too_high_a_fee,
    with_wrong_vat,
    with_the_wrong_sign,
    names_two,
    fits_two,
    reserve_never_held,
    declined_and_paid,
    unknown_and_paid,
    unknown_for_ever,
    payout_too_small,
    payout_never_seen,
    money_of_a_provider,
)
