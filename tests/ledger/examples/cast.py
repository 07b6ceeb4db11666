"""The shop of the examples: all that the builders' shop does, and what its provider and its bank send."""

from dataclasses import dataclass
from typing import Any, Final

from django.core.files.base import ContentFile

from payments.models import Merchant, Payment
from payments.services.receive import apply_event, receive
from reconciliation.models import SettlementFile
from reconciliation.services.import_file import import_file
from reconciliation.services.upload import upload
from tests.builders import BY, Shop
from tests.reconciliation.conftest import BankLine, statement
from tests.simulator import Receiver, RunningSimulator, eventually

IBAN: Final = "NL91ABNA0417164300"
FEE_RATES: Final = [{"fixed": 25, "basis_points": 0}]
VAT_ON_FEES: Final = 2100  # basis points


@dataclass
class Bloem:
    """A shop with a bank account, the provider behind its webshop, and the webhooks that come from there."""

    shop: Shop
    simulator: RunningSimulator
    receiver: Receiver
    bank_balance: int = 100_000

    @property
    def merchant(self) -> Merchant:
        return self.shop.merchant

    def customer_approves(self, payment: Payment) -> None:
        """The customer agrees on the page of the bank, and the provider's webhook comes in."""
        before = len(self.receiver.landed)
        self.simulator.customer(payment.redirect_url, "approve")
        eventually(lambda: len(self.receiver.landed) > before)
        account = self.shop.account("simulator")
        for webhook in self.receiver.landed[before:]:
            apply_event(receive(account, body=webhook.body, headers=webhook.headers))

    def settles(self) -> SettlementFile:
        """The provider settles all that it owes, at € 0.25 and 21 % VAT a line, and the file is imported."""
        account = self.shop.account("simulator").id
        body = {"account": account, "fee_rates": FEE_RATES, "vat_basis_points": VAT_ON_FEES}
        return self.sends(self.simulator.post("/settlements", **body)["csv"])

    def bank_shows(self, amount: int, text: str = "", **more: str) -> SettlementFile:
        """The next bank statement has this line."""
        opening, self.bank_balance = self.bank_balance, self.bank_balance + amount
        return self.sends(statement(BankLine(amount, text, **more), opening=opening))

    def sends(self, content: str, **options: Any) -> SettlementFile:
        """A file is uploaded and imported."""
        row = upload(merchant=self.merchant, file=ContentFile(content.encode()), name="file", actor=BY, **options)
        import_file(row.id)
        row.refresh_from_db()
        assert row.status == "imported", row.problems
        return row
