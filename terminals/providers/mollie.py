"""Terminals of Mollie: a payment of the method `pointofsale` on a device; its metadata names our action.

Not verified live. The device shows the amount within seconds; what came of it is read, never waited for. Busy or out
of reach is a refusal with its code: nothing ran, and nothing is sent again by itself with nobody at the till. A payment
may be paid while it is being stopped, so that a stop is asked for first, and then the payment is read. Mollie gives
back without the card, by the payment, whose name the first answer tells: a refund is none of the device's. Where that
answer was lost, the payment is found among the newest.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import takewhile
from typing import Any, Final

from payments.core.ids import made_at
from payments.core.money import Money
from payments.providers.base import Card, Credentials, Outcome, Verb
from payments.providers.mollie import translate
from payments.providers.mollie.amounts import from_mollie, to_mollie
from payments.providers.mollie.client import NoSuccess, ask, listed, unusable_key
from payments.providers.mollie.requests import ACTION, OPERATION
from payments.providers.payload import Payload, text
from terminals.providers.base import Answer, Request, Till, Total

_SLACK: Final = timedelta(minutes=1)  # between Mollie's clock and ours


class Mollie:
    """Devices that Mollie's API starts."""

    code = "mollie"
    asks = True
    test_only = False

    def start(self, request: Request, till: Till) -> Answer:
        body: dict[str, Any] = {
            "amount": to_mollie(request.amount),
            "description": request.action_id,
            "method": "pointofsale",
            "terminalId": till.device_id,
            # Nobody is sent there; Mollie's specification asks for it all the same.
            "redirectUrl": "https://www.mollie.com",
            "metadata": {ACTION: request.action_id, OPERATION: request.operation_id},
        } | ({"webhookUrl": request.webhook_url} if request.webhook_url else {})
        unusable = unusable_key(_credentials(till))
        if unusable is not None:
            return Answer(outcome=Outcome.NOT_SENT, code=unusable[0])
        try:
            return _read(ask(_credentials(till), "POST", "payments", body=body, key=request.action_id))
        except NoSuccess as error:
            return _without_success(error)

    def refund(self, request: Request, till: Till) -> Answer:
        return Answer(outcome=Outcome.DECLINED, code="not_supported")

    def cancel(self, request: Request, till: Till) -> Answer:
        try:
            payment = _found(request, till)
            if payment is None:
                return Answer(outcome=Outcome.DECLINED, code="not_found")
            path = f"payments/{text(payment, 'id')}"
            if payment.get("isCancelable") is True:
                _stop(path, till)
            return _read(ask(_credentials(till), "GET", path))
        except NoSuccess:
            return Answer(outcome=Outcome.UNKNOWN, code="no_answer")

    def status(self, request: Request, till: Till) -> Answer:
        try:
            payment = _found(request, till)
        except NoSuccess:
            return Answer(outcome=Outcome.UNKNOWN, code="no_answer")
        return _read(payment) if payment is not None else Answer(outcome=Outcome.DECLINED, code="not_found")

    def totals(self, till: Till) -> Sequence[Total] | None:
        # Mollie counts nothing for a device.
        return None


def _credentials(till: Till) -> Credentials:
    return Credentials("", "mollie", "", secrets=till.secrets, test_mode=till.test_mode)


def _found(request: Request, till: Till) -> Payload | None:
    """The payment of an action: by its name, else among those made since; the action's id tells when it was made.

    Raises:
        NoSuccess: Mollie could not be asked.
    """
    credentials = _credentials(till)
    if unusable_key(credentials) is not None:
        raise NoSuccess(None)
    if request.reference is not None:
        return ask(credentials, "GET", f"payments/{request.reference}")
    since = made_at(request.action_id) - _SLACK
    rows = takewhile(
        lambda row: (translate.moment(row, "createdAt") or since) >= since, listed(credentials, "payments", "payments")
    )
    return next((row for row in rows if text(translate.metadata_of(row), ACTION) == request.action_id), None)


def _stop(path: str, till: Till) -> None:
    """Ask for it to be stopped. What is refused was paid meanwhile, or is the device's alone to stop: both are read."""
    try:
        ask(_credentials(till), "DELETE", path)
    except NoSuccess as error:
        if error.status != 422:
            raise


def _without_success(error: NoSuccess) -> Answer:
    result = translate.from_no_success(error, Verb.SALE)
    return Answer(outcome=result.outcome, code=result.code or "")


def _read(payment: Payload) -> Answer:
    result, name = translate.charged(payment, Verb.SALE), text(payment, "id")
    if result.outcome is not Outcome.SUCCEEDED:
        # It ran out with nobody there: as canceled as if somebody had pressed the button.
        code = "canceled" if result.code == "expired" else result.code or ""
        return Answer(outcome=result.outcome, code=code, reference=name, payment_reference=name)
    return Answer(
        outcome=Outcome.SUCCEEDED,
        reference=name,
        payment_reference=name,
        charged=from_mollie(payment, "amount") or Money(0, "EUR"),
        card=result.card or Card(),
        occurred_at=result.occurred_at,
        # Mollie tells no retrieval reference; its own name for the payment is what its settlement shows.
        rrn=name,
        authorization_code=text(payment, "details", "receipt", "authorizationCode"),
    )
