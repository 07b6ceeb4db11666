"""Orders that two channels give back at once: what fits is given back once, also where only the database says no.

`ORDERS` and `AT_ONCE` say how much of it (200 and 100 in `make soak`).
"""

import os
from functools import partial
from typing import Any, Final

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from payments.core.errors import Invalid
from payments.ledger.audit import one_moment, violations
from payments.models import Order, Payment, Refund
from payments.services.refunds import plan, request
from payments.services.refunds.plan import BankAccount, Share
from tests.builders import Shop, open_shop
from tests.threads import crowd

ORDERS: Final = int(os.environ.get("ORDERS", "2"))
AT_ONCE: Final = int(os.environ.get("AT_ONCE", "12"))
ANNA: Final = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")
WORKERS: Final = min(AT_ONCE, 20)  # connections at the same moment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(0)]


def ask(shop: Shop, paid: Payment, number: int) -> Refund:
    """60 % of this very payment, in the webshop or in the store, by one of all routes that a PIN sale may take."""
    ways: list[dict[str, Any]] = [
        {"channel": shop.webshop, "bank_account": ANNA},
        {"channel": shop.store, "terminal_id": shop.terminal.terminal_id},
        {"channel": shop.webshop, "route": "voucher"},
        {"channel": shop.store, "route": "cash"},
        {"channel": shop.store},
    ]
    allocation = (Share(payment_id=paid.id, amount=3000),)
    return shop.refund(paid.order, 3000, allocation=allocation, **ways[number % len(ways)])


def give_back(shop: Shop) -> None:
    """Every order is asked 60 % back by everybody, from both channels: exactly one gets it."""
    for _ in range(ORDERS):
        answers = crowd(AT_ONCE, partial(ask, shop, shop.pin(5000)), width=WORKERS)
        refusals = [row for row in answers if isinstance(row, Invalid)]
        assert len(answers) - len(refusals) == 1
        assert {(row.code, row.members["amount_refundable"]) for row in refusals} == {
            ("amount_exceeds_refundable", 2000)
        }
        after = Order.objects.latest("id")
        assert (after.refunded + after.refund_reserved, after.excess) == (3000, 0)
    with one_moment():
        assert list(violations(map(import_string, settings.LEDGER_AUDITS))) == []


def test_one_of_all_gets_it() -> None:
    give_back(open_shop(refund_fallback="voucher"))


def test_the_database_alone_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application's own check is switched off: the lock stays, and the CHECK refuses."""
    told: list[str] = []
    monkeypatch.setattr(plan, "check_refundable", lambda *args, **more: None)

    def refused(*args: Any) -> Invalid:
        told.append("CHECK")
        return plan.exceeds_refundable(*args)

    monkeypatch.setattr(request, "exceeds_refundable", refused)
    give_back(open_shop(refund_fallback="voucher"))
    assert len(told) == ORDERS * (AT_ONCE - 1)
