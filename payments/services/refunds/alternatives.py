"""Which routes a refund could take, and why the others cannot: as the service itself answers."""

from collections.abc import Iterable
from dataclasses import replace

from payments.core.errors import OnetillError
from payments.models.refund import Route
from payments.people.actors import Actor
from payments.services.refunds.plan import RefundRequest
from payments.services.refunds.request import plan_refund


def obstacles(
    request: RefundRequest, *, actor: Actor, terminal_id: str | None, routes: Iterable[Route] = tuple(Route)
) -> dict[Route, OnetillError | None]:
    """What refuses each of these routes for this refund; None: it is possible.

    `terminal_id` is a terminal that could be chosen, None where there is none. A bank account is asked for once its
    route is chosen, and where no amount is named a smaller one may go.
    """
    found: dict[Route, OnetillError | None] = {}
    for route in routes:
        found[route] = None
        try:
            plan_refund(replace(request, route=route, terminal_id=terminal_id), actor=actor)
        except OnetillError as refusal:
            if not _lacks_only_input(refusal, request):
                found[route] = refusal
    return found


def _lacks_only_input(refusal: OnetillError, request: RefundRequest) -> bool:
    """Whether only the account, or an amount that fits, is missing."""
    if refusal.code == "bank_account_required":
        return True
    fits = refusal.members.get("limit") if refusal.code == "refund_limit_exceeded" else refusal.members.get("balance")
    return request.amount is None and bool(fits)
