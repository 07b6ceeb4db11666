"""What a till or back office asks a terminal to do, and how far that has come."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads as payment_payloads
from payments.api.idempotency import Answer
from payments.api.inputs import Paging, Query
from payments.api.openapi import described
from payments.api.payment_inputs import AcknowledgementInput
from payments.api.references import Namespace
from payments.api.schemas import page_of
from payments.core.errors import Fault
from payments.core.input_types import Amount, Currency, number_of_query, text, whole_number
from payments.core.inputs import Beside, Input, OneOf
from payments.models import Order, Payment, Refund
from payments.queries import refunds as refund_queries
from payments.services.create import Acknowledgement
from payments.services.idempotency import IdempotencyGuard
from payments.services.orders import OrderName
from terminals import payloads, queries
from terminals.api.schemas import ACTION, WAITING_REFUND
from terminals.api.terminals import TerminalView
from terminals.models import ActionStatus, ActionType, TerminalAction
from terminals.schemas import MAX_REFERENCE
from terminals.services.actions.refunds import present_again, refund_at_terminal
from terminals.services.actions.request import (
    LONGEST,
    SHORTEST,
    USUAL,
    SaleRequest,
    request_abort,
    request_sale,
    request_status,
)

TAG: Final = "Terminals"
LONGEST_WAIT: Final = 60  # seconds of one poll

# The fields that belong to each type; the others are refused there, and never passed over.
_OF_SALE: Final = {
    *("amount", "currency", "order", "order_reference", "namespace", "expires_in", "operator", "acknowledge_unknown"),
    *("customer", "loyalty_id"),
}
_OF_REFUND: Final = {"amount", "currency", "payment", "refund", "expires_in", "operator", "reason"}
_FIELDS: Final = {
    ActionType.SALE: _OF_SALE,
    ActionType.REFUND: _OF_REFUND,
    ActionType.STATUS: {"target"},
    ActionType.ABORT: {"target"},
}


class ActionInput(Input, kw_only=True):
    """What a terminal is to do."""

    rules = (
        OneOf(("order_reference", "order"), required=False),
        OneOf(("payment", "refund"), required=False),
        OneOf(("customer", "loyalty_id"), required=False),
        Beside("namespace", "order_reference"),
    )

    type: ActionType
    """What the terminal does: take a payment, give back, tell what came of an action, or stop one."""
    amount: Amount | None = None
    """How much, in minor units; required by a sale, and of a refund all that is refundable when left out."""
    currency: Currency | None = None
    """Currency of `amount`."""
    order: Order | None = None
    """Id of the order that is paid, in place of `order_reference`."""
    order_reference: Annotated[str, text(64)] | None = None
    """Your own number of the order that is paid; makes the order at its first use."""
    namespace: Namespace | None = None
    """Namespace of `order_reference`, where it is another than the store's."""
    payment: Payment | None = None
    """Id of the payment whose card gets the money back."""
    refund: Refund | None = None
    """Id of a refund with a part that waits for this terminal."""
    target: Annotated[str, text(64)] | None = None
    """Id of the action that `status` asks about or `abort` stops."""
    expires_in: Annotated[int, whole_number(SHORTEST, LONGEST)] | None = None
    """Seconds until a terminal that has not taken it need not begin any more; 120 when left out."""
    operator: Annotated[str, text(100)] | None = None
    """Name or number of the person at the till."""
    reason: Annotated[str, text(200)] | None = None
    """Why money is given back."""
    customer: Annotated[str, text(MAX_REFERENCE)] | None = None
    """Whose sale it is: your own reference of the customer, or the customer's id."""
    loyalty_id: Annotated[str, text(MAX_REFERENCE)] | None = None
    """Number on the loyalty card or app that the customer showed, in place of `customer`."""
    acknowledge_unknown: AcknowledgementInput | None = None
    """Who answers for charging an order of which another payment's outcome is unknown."""

    def contradictions(self) -> Iterator[Fault]:
        for name in sorted(self.given().keys() - _FIELDS[self.type] - {"type"}):
            yield Fault(name, "not_together", f"This says nothing about an action of type {self.type}; leave it out.")
        if self.type == ActionType.REFUND and self.payment is None and self.refund is None:
            yield Fault("payment", "required", "Name the payment to give back, or a refund that waits.")
        if self.refund is not None and self.amount is not None:
            yield Fault("amount", "not_together", "The refund says how much; leave amount out.")
        given_back = self.payment or self.refund
        if given_back is not None and self.currency not in (None, given_back.currency):
            yield Fault("currency", "order_currency_differs", f"What is given back is in {given_back.currency}.")


class ActionsFilter(Paging):
    """Which actions to list."""

    status: ActionStatus | None = None
    """Only actions of this status."""
    type: ActionType | None = None
    """Only actions of this type."""


class ActionQuery(Query):
    """How long to wait for a change; only the stream waits."""

    wait: Annotated[int, number_of_query(least=0, most=LONGEST_WAIT)] | None = None
    """Seconds to wait for a change, at `stream_url` only; this port answers at once."""


class Actions(TerminalView):
    """What one terminal was asked to do."""

    @described(
        "list_terminal_actions",
        "What it was asked to do",
        {200: page_of(ACTION)},
        query=ActionsFilter,
        refusals=[404],
        tag=TAG,
    )
    def get(self, request: Request, terminal_id: str) -> HttpResponse:
        """List what a terminal was asked to do, newest first."""
        query = self.query(ActionsFilter)
        rows = queries.actions(terminal_id=self.terminal(terminal_id).id)
        for name in ("status", "type"):
            if getattr(query, name) is not None:
                rows = rows.filter(**{name: getattr(query, name)})
        return self.page(rows, payloads.action, query)

    @described(
        "create_terminal_action",
        "Have it charge, give back, say what came of it, or stop",
        {201: ACTION, 202: WAITING_REFUND},
        body=ActionInput,
        refusals=[404, 409],
        tag=TAG,
    )
    def post(self, request: Request, terminal_id: str) -> HttpResponse:
        """Have a terminal take a payment, give back on a card, tell what came of an earlier action, or stop it. One
        at a time: else 409 `terminal_busy`.
        """

        def create(guard: IdempotencyGuard) -> Answer:
            terminal = self.terminal(terminal_id)
            return self._answer(self._create(terminal.id, self.input(ActionInput), guard))

        return self.once(create, self._resume)

    def _create(self, terminal_id: str, given: ActionInput, guard: IdempotencyGuard) -> TerminalAction | Refund:
        if given.type == ActionType.SALE:
            return request_sale(_sale(terminal_id, given), actor=self.caller.actor, guard=guard)
        if given.type == ActionType.REFUND:
            return self._refund(terminal_id, given, guard)
        ask = request_abort if given.type == ActionType.ABORT else request_status
        return ask(terminal_id=terminal_id, target_id=given.target, actor=self.caller.actor, guard=guard)

    def _refund(self, terminal_id: str, given: ActionInput, guard: IdempotencyGuard) -> TerminalAction | Refund:
        words: dict[str, Any] = {"operator": given.operator or "", "reason": given.reason or ""}
        words |= {"expires_in": given.expires_in or USUAL, "actor": self.caller, "guard": guard}
        if given.refund is not None:
            return present_again(terminal_id=terminal_id, refund=given.refund, **words)
        assert given.payment is not None
        return refund_at_terminal(terminal_id=terminal_id, payment=given.payment, amount=given.amount, **words)

    def _answer(self, made: TerminalAction | Refund) -> Answer:
        if isinstance(made, TerminalAction):
            return Answer(201, payloads.action(queries.actions().get(id=made.id)))
        approvals = refund_queries.approvals_of([made.id]).get(made.id, [])
        refund = payment_payloads.refund(made, approvals=approvals)
        return Answer(202, {"status": made.status, "refund": refund, "approval": next(iter(approvals), None)})

    def _resume(self, object_id: str) -> Answer:
        return Answer(201, payloads.action(self.one(self.own(queries.actions()), id=object_id)))


class OneAction(TerminalView):
    """One action of one terminal. Asked on the stream, it waits for the next change."""

    @described("get_terminal_action", "How far it has come", {200: ACTION}, query=ActionQuery, refusals=[404], tag=TAG)
    def get(self, request: Request, terminal_id: str, action_id: str) -> HttpResponse:
        """Return one action with its status; at `stream_url`, `wait` waits for a change."""
        self.query(ActionQuery)
        rows = queries.actions(terminal_id=self.terminal(terminal_id).id)
        return self.answer(payloads.action(self.one(rows, id=action_id)))


def _sale(terminal_id: str, given: ActionInput) -> SaleRequest:
    named = given.namespace.name if given.namespace else None
    by = given.acknowledge_unknown
    return SaleRequest(
        terminal_id=terminal_id,
        amount=given.amount,
        currency=given.currency,
        order=OrderName(
            order_id=given.order.id if given.order else None, reference=given.order_reference, namespace=named
        ),
        expires_in=given.expires_in or USUAL,
        operator=given.operator or "",
        customer=given.customer,
        loyalty_id=given.loyalty_id,
        acknowledge_unknown=Acknowledgement(operator=by.operator, reason=by.reason) if by else None,
    )
