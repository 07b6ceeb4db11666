"""The online chaos run at an Adyen that fails: nothing can be asked of it, and its answers to refunds decide nothing.

The stack's `ADYEN_CHECKOUT_URL` and `ADYEN_REPORTS_URL` are the fake's address.
"""

from typing import Any, ClassVar

from tests.fake_adyen import afterwards
from tests.fake_adyen.reports import COMMISSION, close_batch
from tests.faults.online import OnlineOrdeal


class AdyenOrdeal(OnlineOrdeal):
    """One run; the webhooks, whose items are signed one by one, are all that tells what became of a change."""

    token: ClassVar[dict[str, str]] = {"adyen_stored_payment_method": "8415", "adyen_shopper": "shopper-1"}

    def _open_account(self) -> tuple[str, Any]:
        return self._opened("adyen", self.fake.account(f"chaos{self.shop.merchant[-8:]}"))

    def _visit(self, shown: dict[str, Any], *, gives_up: bool = False) -> None:
        name = str(shown["next_action"]["url"]).rpartition("/")[2]
        if gives_up:
            afterwards.close_page(self.books, name)
        else:
            afterwards.pay(self.books, name)

    def _pay_out(self) -> int:
        """The batch is closed, and its report announced."""
        close_batch(self.books)
        charges = sum(effect.verb in ("sale", "capture") for effect in self.books.effects)
        return int(sum(effect.net for effect in self.books.effects)) - COMMISSION * charges
