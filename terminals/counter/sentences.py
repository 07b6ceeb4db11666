"""What the counter says in sentences that a cashier can read out: how money goes back, and what happened."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from payments.models import Order, Payment, PaymentLink, RefundPart
from payments.models.payment import PaymentStatus
from payments.models.refund import PartStatus, Route
from payments.queries.happening import Happening
from payments.services.refunds.sentences import by, paid_with
from payments.text.formatting import amount, moment
from terminals.models import ActionStatus, ActionType, TerminalAction

_BY: Final[Mapping[str, Any]] = {
    Route.CASH: pgettext_lazy("refund", "in cash"),
    Route.BANK: pgettext_lazy("refund", "by bank transfer"),
    Route.VOUCHER: pgettext_lazy("refund", "on a voucher"),
    Route.TERMINAL: pgettext_lazy("refund", "on the card, at the terminal"),
}
_PARTS: Final[Mapping[str, Any]] = {
    PartStatus.REQUIRES_APPROVAL: gettext_lazy("A second person has to agree first. Nothing has moved yet."),
    PartStatus.QUEUED: gettext_lazy("It is being sent."),
    PartStatus.PENDING: gettext_lazy("It is on its way."),
    PartStatus.UNKNOWN: gettext_lazy("It is not known yet whether it went through. Do not give it back again."),
    PartStatus.SUCCEEDED: gettext_lazy("Done."),
    PartStatus.FAILED: gettext_lazy("It did not go through. The customer is still owed this: choose another way."),
    PartStatus.CANCELED: gettext_lazy("Canceled."),
}
_PAYMENTS: Final[Mapping[str, Any]] = {
    PaymentStatus.REQUIRES_ACTION: gettext_lazy("waits for the customer"),
    PaymentStatus.PROCESSING: gettext_lazy("under way"),
    PaymentStatus.AUTHORIZED: gettext_lazy("reserved, not taken yet"),
    PaymentStatus.CAPTURED: gettext_lazy("paid"),
    PaymentStatus.DECLINED: gettext_lazy("declined"),
    PaymentStatus.CANCELED: gettext_lazy("canceled"),
    PaymentStatus.EXPIRED: gettext_lazy("expired"),
    PaymentStatus.REVERSED: gettext_lazy("taken back"),
    PaymentStatus.UNKNOWN: gettext_lazy("not known whether it came through"),
}
_HAPPENED: Final[Mapping[str, Any]] = {
    "payment.created": gettext_lazy("A payment of %(amount)s was begun"),
    "payment.requires_action": gettext_lazy("The customer was asked to pay %(amount)s"),
    "payment.processing": gettext_lazy("A payment of %(amount)s was under way"),
    "payment.authorized": gettext_lazy("%(amount)s was reserved on the customer's card"),
    "payment.captured": gettext_lazy("%(amount)s was paid"),
    "payment.declined": gettext_lazy("A payment of %(amount)s was declined"),
    "payment.canceled": gettext_lazy("A payment of %(amount)s was canceled"),
    "payment.expired": gettext_lazy("A payment of %(amount)s expired"),
    "payment.reversed": gettext_lazy("%(amount)s was taken back by the bank or the terminal"),
    "payment.unknown": gettext_lazy("Nobody knew whether %(amount)s came through"),
    "payment.unknown_acknowledged": gettext_lazy("%(amount)s was taken although an earlier payment was in doubt"),
    "refund.requires_approval": gettext_lazy("A refund of %(amount)s waited for a second person"),
    "refund.pending": gettext_lazy("A refund of %(amount)s was begun"),
    "refund.succeeded": gettext_lazy("%(amount)s was given back"),
    "refund.failed": gettext_lazy("A refund of %(amount)s did not go through"),
    "refund.canceled": gettext_lazy("A refund of %(amount)s was canceled"),
    "chargeback.inquiry": gettext_lazy("The customer's bank asked about %(amount)s"),
    "chargeback.opened": gettext_lazy("The customer had %(amount)s charged back"),
    "chargeback.won": gettext_lazy("The chargeback of %(amount)s was won"),
    "chargeback.lost": gettext_lazy("The chargeback of %(amount)s was lost"),
}
_SALE: Final[Mapping[str, Sequence[Any]]] = {
    ActionStatus.QUEUED: (gettext_lazy("%(terminal)s is being asked."),),
    ActionStatus.PRESENTED: (gettext_lazy("The customer pays on %(terminal)s now."),),
    ActionStatus.SUCCEEDED: (gettext_lazy("Paid."),),
    ActionStatus.DECLINED: (
        gettext_lazy("Declined. Nothing was taken."),
        gettext_lazy("The customer can try again, with another card or in another way."),
    ),
    ActionStatus.CANCELED: (gettext_lazy("Stopped. Nothing was taken."),),
    ActionStatus.EXPIRED: (
        gettext_lazy("%(terminal)s did not take it in time. Nothing was taken."),
        gettext_lazy("Look whether it is on and has a line, then try again."),
    ),
    ActionStatus.UNKNOWN: (
        gettext_lazy("It is not known yet whether the card was charged."),
        gettext_lazy("Do not charge the card again. Ask for cash, or wait: %(terminal)s is asked until it is known."),
        gettext_lazy("If the customer has gone, leave it: what comes of it is booked by itself."),
    ),
}
_RETURN: Final[Mapping[str, Sequence[Any]]] = {
    ActionStatus.QUEUED: (gettext_lazy("%(terminal)s is being asked. Have the customer's card ready."),),
    ActionStatus.PRESENTED: (gettext_lazy("The customer holds the card to %(terminal)s now."),),
    ActionStatus.SUCCEEDED: (gettext_lazy("Given back on the card."),),
    ActionStatus.DECLINED: (
        gettext_lazy("The card's bank declined it. Nothing was given back."),
        gettext_lazy("Try the card that was paid with, or give it back in another way from the order."),
    ),
    ActionStatus.CANCELED: (gettext_lazy("Stopped. Nothing was given back."),),
    ActionStatus.EXPIRED: (
        gettext_lazy("%(terminal)s did not take it in time. Nothing was given back."),
        gettext_lazy("Look whether it is on and has a line, then have it asked once more."),
    ),
    ActionStatus.UNKNOWN: (
        gettext_lazy("It is not known yet whether the card was given its money back."),
        gettext_lazy("Do not give it back again, not in cash either: %(terminal)s is asked until it is known."),
    ),
}
_CAUSES: Final[Mapping[str, Any]] = {
    "requested": gettext_lazy("Asked for"),
    "presented": gettext_lazy("On the terminal"),
    "aborted": gettext_lazy("Stopped"),
    "expired": gettext_lazy("The terminal did not take it in time"),
    "not_found": gettext_lazy("The terminal knew of no such payment"),
    "unknown": gettext_lazy("The terminal did not know what came of it"),
    "no_answer": gettext_lazy("The terminal gave no answer"),
    "reported": gettext_lazy("The terminal told what came of it"),
    "late": gettext_lazy("Afterwards the terminal told that it did succeed"),
    "refund_ended": gettext_lazy("The refund was canceled before"),
}
AT_ONCE: Final = timedelta(minutes=5)  # in which cash is handed over, after its refund was confirmed


def going(part: RefundPart, currency: str) -> str:
    """By which way a part of a refund goes back: `€ 49.90 to iDEAL`."""
    route = Route.CASH if part.in_cash else Route(part.route)
    way = str(_BY[route]) if route in _BY else paid_with(part.payment) if part.payment is not None else ""
    return f"{amount(part.amount, currency)} · {way}"


def part_status(part: RefundPart, currency: str) -> str:
    """How a part of a refund stands, and what to do. Cash is handed over when it has just been booked, not later."""
    if part.status == PartStatus.PENDING and part.route == Route.BANK:
        return _("It waits until a colleague has released the transfer.")
    if part.status == PartStatus.QUEUED and part.route == Route.TERMINAL:
        return _("The terminal is to be told. Have the customer's card ready.")
    if part.status in (PartStatus.PENDING, PartStatus.QUEUED) and part.expected_at is not None:
        return _("It is on its way, and there %(when)s.") % {"when": by(part.expected_at)}
    if part.status == PartStatus.SUCCEEDED and part.in_cash and timezone.now() - part.refund.created_at < AT_ONCE:
        return _("Give the customer %(amount)s from the till now.") % {
            "amount": amount(part.amount + part.rounding, currency)
        }
    if part.status == PartStatus.SUCCEEDED and part.expected_at is not None and part.expected_at > timezone.now():
        return _("Done: the customer has it %(when)s.") % {"when": by(part.expected_at)}
    return str(_PARTS.get(PartStatus(part.status), part.get_status_display()))


def on_terminal(action: TerminalAction) -> list[str]:
    """What goes on at a terminal, and what to do: the first sentence is the state, the others are advice."""
    texts = _SALE if action.type == ActionType.SALE else _RETURN
    values = {"terminal": action.terminal.label}
    return [str(text) % values for text in texts[ActionStatus(action.status)]]


def course(action: TerminalAction, zone: ZoneInfo) -> list[dict[str, str]]:
    """What happened to an action, line by line."""
    lines = []
    for entry in action.history:
        cause = _CAUSES.get(entry["cause"])
        at = datetime.fromisoformat(entry["at"])
        text = str(cause) if cause is not None else str(ActionStatus(entry["status"]).label)
        lines.append({"when": moment(at, zone), "what": text})
    return lines


def state_of(action: TerminalAction) -> str:
    """A text that differs whenever anything about an action has changed."""
    questions = action.about.count()
    return f"{action.status} {len(action.history)} {questions}"


def payment_status(payment: Payment) -> str:
    """How a payment stands, in two or three words."""
    return str(_PAYMENTS.get(PaymentStatus(payment.status), payment.get_status_display()))


def happened(line: Happening) -> str:
    """One line of an order's history."""
    template = _HAPPENED.get(line.type)
    values = {"amount": amount(line.amount, line.currency)}
    return str(template) % values if template is not None else f"{line.type} {values['amount']}"


def worth_reading(lines: Iterable[Happening]) -> list[Happening]:
    """The lines that tell somebody at a counter anything: not how a payment began that was paid at that moment."""
    lines = list(lines)
    decided = {line.object_id for line in lines if line.type not in ("payment.created", "payment.processing")}
    return [
        line
        for line in lines
        if not (line.type in ("payment.created", "payment.processing") and line.object_id in decided)
    ]


def name_of(order: Order, payments: Iterable[Payment] | None = None) -> str:
    """What to call an order: by its own number, else by that of a receipt of it."""
    if order.reference:
        return _("Order %(name)s") % {"name": order.reference}
    rows = order.payments.order_by("id") if payments is None else payments
    number = next((row.receipt_number for row in rows if row.receipt_number), None)
    return _("Receipt %(number)s") % {"number": number} if number else _("Sale without a number")


def link_status(link: PaymentLink) -> str:
    """How a payment link stands."""
    texts = {
        PaymentLink.Status.ACTIVE: _("Waiting for the customer to pay."),
        PaymentLink.Status.PAID: _("Paid."),
        PaymentLink.Status.EXPIRED: _("Expired. Nothing was paid by it."),
        PaymentLink.Status.CANCELED: _("Canceled."),
    }
    return texts[PaymentLink.Status(link.status)]
