"""A little of everything that the audit speaks about, in one set of books."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from payments import statistics
from payments.core.money import Money
from payments.ledger import days
from payments.models import RefundPart
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.card_present.types import Kind
from payments.services.record import record
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.release import release_bank_part
from reconciliation.models import Payout
from tests.api.client import Api
from tests.builders import Shop, work
from tests.ledger.books import fold_everything
from tests.people.cast import finance_of
from tests.reconciliation.conftest import BankLine, Line, settlement_csv, statement
from tests.reconciliation.conftest import Shop as Finance
from tests.terminals.conftest import paired
from tests.terminals.device import refund, reversal, sale

ANNA = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")


def fill(shop: Shop, finance: Finance, api: Api) -> None:
    """Sell, give back, dispute, settle; the first half of it is folded."""
    sell(shop)
    at_the_counter(api)
    fold_everything()
    statistics.fold_all()
    give_back(shop)
    dispute(shop)
    settle(finance)
    days.close_day(shop.merchant.id, shop.merchant.business_day(timezone.now()) - timedelta(days=1), actor="tests")


def sell(shop: Shop) -> None:
    """Every tender."""
    shop.pay(5000)
    shop.pay(3001)  # declined
    shop.pay(2500, manual_capture=True)
    shop.pay_cash(1252)
    shop.pay(1000, method="voucher", voucher_code=shop.voucher(1500).code)
    shop.pin(2000)
    shop.pin(900, offline=True)
    sold = shop.pin(1100)
    shop.at_terminal(Kind.REVERSAL, 1100, original=_original(sold))
    shop.pin_back(300, shop.pin(700))
    shop.pin_back(250)  # of no sale of ours


def give_back(shop: Shop) -> None:
    """By every route: done, waiting, given up."""
    card = shop.pay(4000)
    shop.refund(card, 1000)
    work()
    shop.refund(card, 500)  # nobody has sent it yet
    shop.refund(card, 300, route="voucher")
    cash = shop.pay_cash(3000)
    shop.refund(cash, 1000, route="cash", channel=shop.store)
    shop.refund(cash, 500, route="bank", bank_account=ANNA)
    released = shop.refund(cash, 400, route="bank", bank_account=ANNA)
    release_bank_part(RefundPart.objects.get(refund=released), user=finance_of(released.merchant_id))


def dispute(shop: Shop) -> None:
    """One chargeback opened, one lost, one won."""
    for ends in ([], [ReportType.CHARGEBACK_LOST], [ReportType.CHARGEBACK_WON]):
        payment = shop.pay(2000)
        for at, fact in enumerate([ReportType.CHARGEBACK_OPENED, *ends]):
            result = Result(
                Outcome.SUCCEEDED,
                reference=f"dispute_{payment.id}",
                payment_reference=payment.provider_reference,
                amount=Money(2000, "EUR"),
                occurred_at=timezone.now() + timedelta(seconds=at),
            )
            record(payment.provider_account, [ProviderReport(fact=fact, result=result)], actor="provider")


def at_the_counter(api: Api) -> None:
    """A real terminal, with a number that never came."""
    device = paired(api)
    day: list[dict[str, Any]] = [
        sale(1, 1000),
        sale(2, 500, outcome="declined"),
        sale(3, 800, outcome="unknown"),
        sale(4, 800, resolves=3),
        refund(5, 400, original={"sequence": 1}),
        sale(6, 600),
        reversal(7, of=6, amount=600),
        sale(9, 750),
        sale(10, 300, outcome="unknown"),
        refund(11, 100, original={"sequence": 1}, outcome="unknown"),
    ]
    answer = device.batch(day)
    assert answer.status_code == 200, answer.content


def settle(finance: Finance) -> None:
    """A settlement with a payout that reaches the bank, short of a little."""
    operations = [finance.sells_online(5000).operations.get().id for _ in range(2)]
    finance.sends(
        settlement_csv(
            Line(5000, 100, 21, operation=operations[0]),
            Line(4800, 100, 21, operation=operations[1]),
            Line(700, reference="who?"),
            Line(0, 500, 105, type="fee", reference="F"),
            Line(-1000, type="reserve_hold", reference="R"),
            payout="PAY-1",
        )
    )
    payout = Payout.objects.get(reference="PAY-1")
    lines = BankLine(payout.amount - 100, "PAY-1"), BankLine(123, "Something", name="Simulator B.V.")
    finance.sends(statement(*lines, BankLine(-5000, "Rent")))


def _original(sold: Any) -> Any:
    from payments.services.card_present.types import Original

    return Original(payment_id=sold.id)
