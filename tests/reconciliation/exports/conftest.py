"""A shop that has sold, given back, been settled and paid out; and what asks for exports of its books."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest

from payments.ledger.models import Account
from payments.people.services import api_keys
from reconciliation.models import Export
from reconciliation.services.make_export import make_export
from reconciliation.services.request_export import ExportRequest, request_export
from tests.api.client import Api
from tests.reconciliation.conftest import BY, BankLine, Shop, statement


@dataclass
class Books:
    """A shop with a month of business, and its accountant."""

    shop: Shop
    today: dt.date

    def asks(self, kind: str, **options: Any) -> Export:
        """Ask for an export of the month, and leave it to the workers."""
        given: dict[str, Any] = {"first": self.today.replace(day=1), "last": self.today} | options
        return request_export(ExportRequest(merchant=self.shop.merchant, kind=kind, **given), actor=BY)

    def exports(self, kind: str, **options: Any) -> Export:
        """Ask for an export and have it made."""
        export = self.asks(kind, **options)
        make_export(export.id)
        export.refresh_from_db()
        return export

    def content(self, kind: str, **options: Any) -> bytes:
        """The file of an export that is released."""
        export = self.exports(kind, **options)
        assert export.status == "ready", export.problems
        with export.file.open("rb") as file:
            return bytes(file.read())

    @property
    def receivable(self) -> str:
        """The account of what the test provider owes."""
        return f"receivable:{self.shop.account_id('simulator')}"

    def balance(self, code: str) -> int:
        """What stands on an account."""
        return self.shop.balance(code)

    def accounts(self) -> list[Account]:
        return list(Account.objects.filter(merchant_id=self.shop.merchant.id).order_by("number"))

    def api(self, *scopes: str, channel: bool = False) -> Api:
        key = api_keys.create(
            merchant_id=self.shop.merchant.id,
            test_mode=True,
            scopes=scopes or ["all"],
            channel_id=self.shop.webshop.id if channel else None,
            actor=BY,
        )
        return Api(key.text)


@pytest.fixture
def books(shop: Shop) -> Books:
    """Sales online and by PIN, a settlement with fees, its payout at the bank, and something still open."""
    shop.sells_online(5_000)
    shop.sells_online(2_550)
    shop.sells_in_store(1_995)
    file = shop.sends(shop.settlement())
    payout = file.settlements.get().payouts.get()
    shop.sends(statement(BankLine(payout.amount, text=payout.reference)))
    shop.sells_online(999)
    return Books(shop, shop.merchant.business_day(shop.merchant.created_at))
