"""Ask a terminal to charge a card, to say what came of it, or to stop.

One customer at a time: a terminal that is at something takes nothing more (`terminal_busy`), but for a question or a
stop. What is charged stands as a payment, committed, before any device hears of it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from payments.core.errors import Conflict, wrong
from payments.core.ids import new_id
from payments.models import Operation, Order, Payment, RefundPart
from payments.people.models import Customer
from payments.people.permissions import May
from payments.people.services import authority, customers
from payments.runtime import task_queue, wake_up
from payments.runtime.fail_points import fail_point
from payments.services.create import Acknowledgement
from payments.services.idempotency import IdempotencyGuard
from payments.services.orders import OrderName
from payments.services.terminal_charge import TerminalCharge, request_charge
from terminals.models import ActionStatus, ActionType, Terminal, TerminalAction
from terminals.models.action import MONEY_TYPES, OPEN
from terminals.providers.registry import driver
from terminals.services.actions.end import end_unmade
from terminals.services.actions.transitions import entry, lock_terminal

SHORTEST: Final = 30  # seconds
LONGEST: Final = 900
USUAL: Final = 120
_ACTION: Final = "terminal.action_requested"  # what the audit log calls a try that may not


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleRequest:
    """A charge at a terminal, in minor units. Without an amount: what the order has due; without a currency: its own.

    `expires_in` is in seconds, from 30 to 900.
    """

    terminal_id: str
    amount: int | None = None
    currency: str | None = None
    order: OrderName = field(default_factory=OrderName)
    expires_in: int = USUAL
    operator: str = ""
    customer: str | None = None  # the merchant's reference, or our id
    loyalty_id: str | None = None  # in place of it
    acknowledge_unknown: Acknowledgement | None = None


def request_sale(request: SaleRequest, *, actor: str, guard: IdempotencyGuard | None = None) -> TerminalAction:
    """Have a terminal charge a card, and return the action; its payment is `processing` until it is answered.

    Raises:
        Conflict: `terminal_not_active`, `terminal_busy`, `payment_in_progress` or `outcome_unknown`.
        Invalid: `amount_exceeds_due` (with `due`), `order_currency_differs`, or an amount is required.
        ValidationFailed: `not_found`, of a customer's id that is none.
        Forbidden: `permission_missing`.
    """
    check_may_drive(request.terminal_id, actor)
    with transaction.atomic():
        fail_point("action.opened")
        terminal, action_id = begin(request.terminal_id, guard)
        payment, operation = request_charge(
            TerminalCharge(
                channel=_channel(terminal),
                order=request.order,
                currency=request.currency or _currency(terminal, request.order),
                amount=request.amount,
                provider_account=terminal.provider_account,
                terminal_id=terminal.id,
                terminal_label=terminal.label,
                customer=_customer(terminal, request),
                acknowledge_unknown=request.acknowledge_unknown,
            ),
            actor=actor,
        )
        action = write_action(
            terminal,
            ActionType.SALE,
            id=action_id,
            operation=operation,
            payment=payment,
            order=payment.order,
            expires_in=request.expires_in,
            operator=request.operator,
            actor=actor,
        )
        fail_point("action.written")
    fail_point("action.committed")
    return action


def request_abort(
    *, terminal_id: str, target_id: str | None = None, actor: str, guard: IdempotencyGuard | None = None
) -> TerminalAction:
    """Have a terminal stop what it is at; what no device has been given yet is canceled at once.

    Raises:
        Conflict: `action_ended`, there is nothing to stop.
        ValidationFailed: the terminal has no such action.
    """
    check_may_drive(terminal_id, actor)
    with transaction.atomic():
        terminal = lock_terminal(terminal_id)
        target = _target(terminal, target_id)
        if target is None or target.status not in (*OPEN, ActionStatus.UNKNOWN):
            raise Conflict("action_ended", "Nothing on this terminal can be stopped any more. Read the action.")
        action = _ask_once(terminal, ActionType.ABORT, target, actor=actor, guard=guard)
        if target.status == ActionStatus.QUEUED and target.sent_at is None:
            end_unmade(target, ActionStatus.CANCELED, cause="aborted", actor=actor, now=timezone.now())
            action.refresh_from_db()
    return action


def request_status(
    *, terminal_id: str, target_id: str | None = None, actor: str, guard: IdempotencyGuard | None = None
) -> TerminalAction:
    """Have a terminal say what came of an action; without a target of the last one it was given.

    Raises:
        Conflict: `action_ended`, there is nothing to ask about.
        ValidationFailed: the terminal has no such action.
    """
    check_may_drive(terminal_id, actor)
    with transaction.atomic():
        terminal = lock_terminal(terminal_id)
        target = _target(terminal, target_id)
        if target is None:
            raise Conflict("action_ended", "This terminal has not been asked for anything yet.")
        return _ask_once(terminal, ActionType.STATUS, target, actor=actor, guard=guard)


def ask_about(terminal: Terminal, target: TerminalAction, *, actor: str, now: datetime) -> TerminalAction:
    """Have the terminal, which the caller has locked, say what came of `target`; a question that is open stands."""
    return _ask_once(terminal, ActionType.STATUS, target, actor=actor, guard=None, now=now)


def check_may_drive(terminal_id: str, actor: str) -> None:
    """Refuse a person who takes no payments where this terminal stands; keys are held to theirs before.

    Raises:
        Forbidden: `permission_missing`.
    """
    place = Terminal.objects.only("merchant_id", "channel_id").get(id=terminal_id)
    authority.require_of_person(
        actor=actor,
        what=May.REQUEST_PAYMENT,
        merchant_id=place.merchant_id,
        channel_id=place.channel_id,
        action=_ACTION,
    )


def begin(terminal_id: str, guard: IdempotencyGuard | None) -> tuple[Terminal, str]:
    """Begin an action that moves money: return its terminal, locked and free, and the id that it will have.

    Raises:
        Conflict: as `check_free`.
    """
    action_id = new_id("act")
    if guard is not None:
        guard.begin(action_id)
    terminal = lock_terminal(terminal_id)
    check_free(terminal)
    return terminal, action_id


def check_free(terminal: Terminal) -> None:
    """Refuse a terminal that is not paired, or at something else.

    Raises:
        Conflict: `terminal_not_active`, or `terminal_busy` with the `action` it is at.
    """
    if terminal.status != Terminal.Status.ACTIVE:
        raise Conflict("terminal_not_active", f"{terminal.label} is {terminal.status}: pair a device with it first.")
    busy = open_action(terminal)
    if busy is not None:
        left = int((busy.expires_at - timezone.now()).total_seconds()) if busy.expires_at else SHORTEST
        raise Conflict(
            "terminal_busy",
            f"{terminal.label} is at something else. Wait until it is done, or abort that.",
            retry_after=min(max(1, left), SHORTEST),
            action=busy.id,
        )


def open_action(terminal: Terminal) -> TerminalAction | None:
    """The sale or refund that a terminal is at, or is to begin with."""
    money = TerminalAction.objects.filter(terminal=terminal, type__in=MONEY_TYPES)
    return money.filter(status__in=OPEN).first()


def write_action(
    terminal: Terminal,
    kind: ActionType,
    *,
    id: str,  # noqa: A002 (the column's name)
    operation: Operation,
    payment: Payment | None,
    order: Order,
    refund_part: RefundPart | None = None,
    expires_in: int = USUAL,
    operator: str = "",
    reason: str = "",
    actor: str,
) -> TerminalAction:
    """Write what moves money, for the device to fetch; joins the caller's transaction."""
    now = timezone.now()
    action = TerminalAction(
        id=id,
        merchant=terminal.merchant,
        channel_id=terminal.channel_id,
        terminal=terminal,
        type=kind,
        amount=operation.amount,
        currency=operation.currency,
        order=order,
        payment=payment,
        refund_part=refund_part,
        operation=operation,
        operator=operator,
        reason=reason,
        requested_by=actor,
        expires_at=now + timedelta(seconds=expires_in),
        created_at=now,
        history=[entry(ActionStatus.QUEUED, "requested", actor, now)],
    )
    return _insert(action)


def _ask_once(
    terminal: Terminal,
    kind: ActionType,
    target: TerminalAction,
    *,
    actor: str,
    guard: IdempotencyGuard | None,
    now: datetime | None = None,
) -> TerminalAction:
    known = TerminalAction.objects.filter(target=target, type=kind, status__in=OPEN).first()
    action_id = known.id if known is not None else new_id("act")
    if guard is not None:
        guard.begin(action_id)
    if known is not None:
        return known
    at = now or timezone.now()
    return _insert(
        TerminalAction(
            id=action_id,
            merchant=terminal.merchant,
            channel_id=terminal.channel_id,
            terminal=terminal,
            type=kind,
            target=target,
            order_id=target.order_id,
            requested_by=actor,
            created_at=at,
            history=[entry(ActionStatus.QUEUED, "requested", actor, at)],
        )
    )


def _insert(action: TerminalAction) -> TerminalAction:
    action.save(force_insert=True)
    wake_up.wake_on_commit(action.terminal_id, action.id)
    if driver(action.terminal.driver).asks:
        task_queue.enqueue_on_commit("terminals.drive", action.terminal_id)
    return action


def _target(terminal: Terminal, target_id: str | None) -> TerminalAction | None:
    """What is meant: the named one, else what the terminal is at, else the last it was at."""
    money = TerminalAction.objects.filter(terminal=terminal, type__in=MONEY_TYPES).select_related(
        "operation__provider_account__merchant", "operation__payment", "operation__refund_part__refund"
    )
    if target_id is None:
        return money.order_by("-id").first()
    target = money.filter(id=target_id).first()
    if target is None:
        raise wrong("target", "not_found", "This terminal has no such action that charges or gives back.")
    return target


def _customer(terminal: Terminal, request: SaleRequest) -> Customer | None:
    """Whose sale it is; a name not seen before becomes a customer."""
    key = customers.counter_key(customer=request.customer, loyalty_id=request.loyalty_id)
    if not key:
        return None
    found = customers.at_counter(merchant_id=terminal.merchant_id, keys=[key]).get(key)
    if found is None:
        raise wrong("customer", "not_found", "There is no such customer. Check the id, or send your own reference.")
    return found


def _channel(terminal: Terminal) -> Any:
    channel = terminal.channel
    channel.merchant = terminal.merchant
    return channel


def _currency(terminal: Terminal, name: OrderName) -> str:
    """The order's own currency where there is one, else the merchant's."""
    rows = Order.objects.filter(merchant=terminal.merchant)
    if name.order_id is not None:
        rows = rows.filter(id=name.order_id)
    elif name.reference is not None:
        rows = rows.filter(namespace=name.namespace or terminal.channel.namespace, reference=name.reference)
    else:
        return terminal.merchant.currency
    return rows.values_list("currency", flat=True).first() or terminal.merchant.currency
