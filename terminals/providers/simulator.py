"""A maker of terminals that are driven over HTTP, as its simulator behaves (`manage.py terminal_simulator`)."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import httpx
from django.conf import settings

from payments.core.money import Money
from payments.providers.base import Card, Outcome
from terminals.providers.base import BUSY, TIMEOUT, Answer, Request, Till, Total

_OUTCOMES: Final = {
    "approved": Outcome.SUCCEEDED,
    "declined": Outcome.DECLINED,
    "canceled": Outcome.DECLINED,
    "not_found": Outcome.DECLINED,
    "in_progress": Outcome.PENDING,
}
_UNREADABLE: Final = Answer(outcome=Outcome.UNKNOWN, code="unreadable")


class Simulator:
    """Terminals of nobody's, for trying out and for tests."""

    code = "simulator"
    asks = True
    test_only = True

    def start(self, request: Request, till: Till) -> Answer:
        return self._ask("POST", f"/terminals/{till.device_id}/payments", _body(request))

    def refund(self, request: Request, till: Till) -> Answer:
        return self._ask("POST", f"/terminals/{till.device_id}/refunds", _body(request))

    def cancel(self, request: Request, till: Till) -> Answer:
        return self._ask("POST", f"/terminals/{till.device_id}/payments/{request.action_id}/cancel", {})

    def status(self, request: Request, till: Till) -> Answer:
        return self._ask("GET", f"/terminals/{till.device_id}/payments/{request.action_id}", None)

    def totals(self, till: Till) -> Sequence[Total] | None:
        try:
            answer = _client().get(_address(f"/terminals/{till.device_id}/totals"))
            rows = answer.raise_for_status().json()["totals"]
            return [Total(row["brand"], row["type"], row["count"], _money(row)) for row in rows]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        try:
            answer = _client().request(method, _address(path), json=body)
        except httpx.ConnectError:
            return Answer(outcome=Outcome.NOT_SENT, code="unreachable")
        except httpx.HTTPError:  # sent, as far as anybody knows
            return Answer(outcome=Outcome.UNKNOWN, code="no_answer")
        if answer.status_code == 404 and method == "GET":
            return Answer(outcome=Outcome.DECLINED, code="not_found")
        if answer.status_code == 409:
            return Answer(outcome=Outcome.DECLINED, code=BUSY)
        if answer.status_code != 200:
            return _UNREADABLE
        try:
            return _read(answer.json())
        except (ValueError, KeyError, TypeError):
            return _UNREADABLE


def _body(request: Request) -> dict[str, Any]:
    return {
        "id": request.action_id,
        "amount": request.amount.amount,
        "currency": request.amount.currency,
        "original": request.original,
    }


def _read(shape: dict[str, Any]) -> Answer:
    outcome = _OUTCOMES[shape["state"]]
    if outcome != Outcome.SUCCEEDED:
        code = shape.get("reason") or ("" if shape["state"] == "in_progress" else shape["state"])
        return Answer(outcome=outcome, code=code)
    card = shape["card"]
    return Answer(
        outcome=outcome,
        charged=_money(shape),
        tip=int(shape.get("tip") or 0),
        card=Card(
            brand=card["brand"],
            last4=card["last4"],
            fingerprint=card.get("token"),
            entry_mode=card.get("entry"),
        ),
        occurred_at=datetime.fromisoformat(shape["at"]),
        rrn=shape.get("rrn"),
        stan=shape.get("stan"),
        authorization_code=shape.get("authorization"),
        acquirer_tid=shape.get("tid"),
    )


def _money(shape: dict[str, Any]) -> Money:
    return Money(shape["amount"], shape["currency"])


def _address(path: str) -> str:
    return f"{settings.TERMINAL_SIMULATOR_URL}{path}"


@cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=httpx.Timeout(TIMEOUT, connect=2.0), trust_env=False)
