"""Which routes a refund could take, and why the others cannot: as the service itself answers."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from payments.core.errors import OnetillError
from payments.models.refund import Route
from payments.people.actors import Actor
from payments.services.refunds.plan import BankAccount, RefundRequest
from payments.services.refunds.request import plan_refund

# Stands for the account that is asked for once the route is chosen; no refund is made with it.
ANY_ACCOUNT: Final = BankAccount(iban="NL91ABNA0417164300", name="-")


def obstacles(
    request: RefundRequest, *, actor: Actor, terminal_id: str | None, routes: Iterable[Route] = tuple(Route)
) -> dict[Route, OnetillError | None]:
    """What refuses each of these routes for this refund; None: it is possible.

    `terminal_id` is a terminal that could be chosen, None where there is none.
    """
    found: dict[Route, OnetillError | None] = {}
    for route in routes:
        try:
            plan_refund(replace(request, route=route, terminal_id=terminal_id, bank_account=ANY_ACCOUNT), actor=actor)
        except OnetillError as refusal:
            found[route] = refusal
        else:
            found[route] = None
    return found
