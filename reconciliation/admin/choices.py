"""Candidates as the form of a discrepancy offers them, and what agrees and differs of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from payments.admin.base import render
from payments.core.money import Money
from reconciliation.services.candidates import Candidate, Signal

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


def choice(one: Candidate) -> Choice:
    """A candidate as the form offers it."""
    agreeing, differing = compared(one.signals)
    return Choice(one.id, one.label, written(one.money), one.money.amount, agreeing, differing)


def compared(signals: Sequence[Signal]) -> tuple[str, str]:
    """What agrees on both sides, and what differs: `reference, amount` and `day 2026-11-29 / 2026-11-30`."""
    agreeing = ", ".join(str(SIGNALS[signal.name]) for signal in signals if signal.agrees)
    differing = "; ".join(
        f"{SIGNALS[signal.name]} {written(signal.ours)} / {written(signal.theirs)}"
        for signal in signals
        if not signal.agrees
    )
    return agreeing, differing


def written(value: str | Money) -> str:
    """A value of either side as people write it."""
    return render.amount(value.amount, value.currency) if isinstance(value, Money) else value
