"""Candidates as the form of a discrepancy offers them, and what agrees and differs of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.admin.base import render
from payments.core.money import Money
from payments.models import Operation
from reconciliation.services.candidates import Candidate, Signal, called

SIGNALS = {
    "operation": _("our number"),
    "reference": _("reference"),
    "payment_reference": _("payment's reference"),
    "order_reference": _("order"),
    "tid": "TID",
    "rrn": "RRN",
    "stan": "STAN",
    "authorization_code": _("authorization code"),
    "card": _("card"),
    "amount": _("amount"),
    "counterparty": _("counterparty"),
    "day": _("day"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate as the form offers it: what agrees speaks for it, what differs against."""

    id: str
    label: str
    amount: str
    minor: int  # minor units, by which the page adds up what is chosen
    agrees: str
    differs: str


def choices(found: Sequence[Candidate], *, merchant_id: str) -> list[Choice]:
    """Candidates as the form offers them."""
    operations = operations_of((signal for one in found for signal in one.signals), merchant_id=merchant_id)
    return [_choice(one, operations) for one in found]


def _choice(one: Candidate, operations: Mapping[str, Operation]) -> Choice:
    agreeing, differing = compared(one.signals, operations)
    return Choice(one.id, one.label, written(one.money), one.money.amount, agreeing, differing)


def operations_of(signals: Iterable[Signal], *, merchant_id: str) -> dict[str, Operation]:
    """The merchant's operations that differing signals tell of, by their ids; asks nothing where none differs."""
    ids = {
        str(told) for one in signals if one.name == "operation" and not one.agrees for told in (one.ours, one.theirs)
    }
    if not ids:
        return {}
    rows = Operation.objects.filter(id__in=ids, payment__merchant_id=merchant_id)
    return {row.id: row for row in rows.select_related("payment__order")}


def compared(signals: Sequence[Signal], operations: Mapping[str, Operation]) -> tuple[str, str]:
    """What agrees on both sides, and what differs: `reference, amount` and `day 29 Nov 2026 / 30 Nov 2026`."""
    agreeing = ", ".join(str(SIGNALS[signal.name]) for signal in signals if signal.agrees)
    differing = "; ".join(_differing(signal, operations) for signal in signals if not signal.agrees)
    return agreeing, differing


def _differing(signal: Signal, operations: Mapping[str, Operation]) -> str:
    """Both values as people call them: an id of ours by the payment that it is of, an amount with the difference."""
    name, ours, theirs = str(SIGNALS[signal.name]), signal.ours, signal.theirs
    if signal.name == "operation":
        return f"{gettext('payment')} {_payments(operations.get(str(ours)), operations.get(str(theirs)))}"
    if signal.name == "card":
        return f"{name} •{ours} / •{theirs}"
    if signal.name == "day":
        return f"{name} {' / '.join(render.day(date.fromisoformat(str(day))) for day in (ours, theirs))}"
    both = f"{name} {written(ours)} / {written(theirs)}"
    if isinstance(ours, Money) and isinstance(theirs, Money) and ours.currency == theirs.currency:
        return f"{both} ({_less_or_more(theirs.amount - ours.amount, ours.currency)})"
    return both


def _payments(ours: Operation | None, theirs: Operation | None) -> str:
    """The payments of two operations; what was done tells two of one payment apart."""
    same = ours is not None and theirs is not None and ours.payment_id == theirs.payment_id
    return " / ".join(_payment(one, with_verb=same) for one in (ours, theirs))


def _payment(operation: Operation | None, *, with_verb: bool) -> str:
    if operation is None or operation.payment is None:
        return gettext("one that is not ours")
    name = called(operation.payment)
    return f"{name} ({render.VERBS[operation.verb]})" if with_verb else name


def _less_or_more(difference: int, currency: str) -> str:
    amount = render.amount(abs(difference), currency)
    words = gettext("%(amount)s more") if difference > 0 else gettext("%(amount)s less")
    return words % {"amount": amount}


def written(value: str | Money) -> str:
    """A value of either side as people write it."""
    return render.amount(value.amount, value.currency) if isinstance(value, Money) else value
