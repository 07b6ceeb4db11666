"""What terminals were asked for, as lines in the story of the order: who asked, who answered, and why it ended so."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop

from payments.queries.happening import Happening
from terminals.models import ActionType, TerminalAction

CAUSES: Final = {
    "requested": gettext_noop("The terminal is asked."),
    "presented": gettext_noop("The terminal asks for the card."),
    "reported": gettext_noop("The terminal reported what it did."),
    "late": gettext_noop("The terminal reported late what it had done."),
    "aborted": gettext_noop("It was stopped before a card was charged."),
    "expired": gettext_noop("No device fetched it in time; nothing can have happened."),
    "no_answer": gettext_noop("The terminal gave no answer in time: it may have happened, and the terminal is asked."),
    "not_found": gettext_noop("The terminal knows of nothing: as far as it knows, no card was charged."),
    "unknown": gettext_noop("The terminal does not know what came of it."),
    "in_progress": gettext_noop("The terminal is still at it."),
    "refund_ended": gettext_noop("The refund was not wanted any more."),
    "target_succeeded": gettext_noop("What it was about had succeeded."),
    "target_declined": gettext_noop("What it was about had been declined."),
    "target_canceled": gettext_noop("What it was about was canceled."),
    "target_expired": gettext_noop("What it was about had expired."),
}
_REQUESTED: Final = {
    ActionType.STATUS: gettext_noop("The terminal is asked what came of it."),
    ActionType.ABORT: gettext_noop("The terminal is asked to stop."),
}


def happenings(order_ids: Iterable[str]) -> Iterator[tuple[str, Happening]]:
    """Yield what terminals were asked for about these orders, each with its order's id."""
    rows = TerminalAction.objects.filter(order_id__in=list(order_ids)).select_related("channel", "target", "order")
    for action in rows.order_by("id"):
        for line in action.history:
            yield str(action.order_id), _happening(action, line)


def cause_of(action: TerminalAction, cause: str) -> str:
    """Why an action got a status, in words to be translated."""
    requested = _REQUESTED.get(ActionType(action.type)) if cause == "requested" else None
    return requested or CAUSES.get(cause, cause)


def _happening(action: TerminalAction, line: dict[str, str]) -> Happening:
    money = action.target or action
    assert action.order is not None
    return Happening(
        at=datetime.fromisoformat(line["at"]),
        type=f"terminal_{action.type}.{line['status']}",
        channel=action.channel,
        actor=line["actor"],
        amount=money.amount or 0,
        currency=money.currency or action.order.currency,
        object_id=action.id,
        object_type=action.OBJECT,
        operator=action.operator if line["cause"] == "requested" else "",
        reason=action.reason if line["cause"] == "requested" else "",
        cause=cause_of(action, line["cause"]),
    )
