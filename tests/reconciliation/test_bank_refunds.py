"""A refund by bank transfer is proved by the statement: it leaves, or it comes back."""

import pytest

from payments.ledger import audit as ledger_audit
from payments.models import Operation, Payment, RefundPart
from payments.services.refunds.plan import BankAccount, RefundRequest
from payments.services.refunds.release import release_bank_part
from payments.services.refunds.request import request_refund
from payments.services.transfer import end_to_end_id
from reconciliation import audit
from tests.people.cast import finance_of
from tests.reconciliation.conftest import BankLine, Shop, statement

_CHECKS = [audit.check]


def transfer(shop: Shop, amount: int, currency: str = "EUR") -> tuple[Payment, RefundPart, Operation]:
    """A PIN sale brought back, to be paid to a bank account."""
    payment = shop.sells_in_store(amount, rrn="000000000042", currency=currency)
    request = RefundRequest(
        order=payment.order,
        channel=shop.webshop,
        reason="Returned by post.",
        route="bank",
        bank_account=BankAccount(iban="NL20INGB0001234567", name="J. Jansen"),
    )
    part = request_refund(request, actor="tests").refund.parts.get()
    return payment, part, part.operations.get()


def test_a_released_transfer_is_in_transit_until_the_bank_shows_it(shop: Shop) -> None:
    _, part, operation = transfer(shop, 2500)
    release_bank_part(part, user=finance_of(part.refund.merchant_id))
    assert shop.balance("in_transit", part.item) == -2500
    shop.sends(statement(BankLine(-2500, "Refund", end_to_end_id=operation.id)))
    assert shop.balance("in_transit", part.item) == 0
    assert shop.balance("bank") == -2500
    assert shop.balance("refunds_payable", part.item) == 0
    assert shop.disagreements() == []


def test_a_transfer_that_nobody_released_here_succeeds_when_the_bank_shows_it(shop: Shop) -> None:
    _, part, operation = transfer(shop, 2500)
    shop.sends(statement(BankLine(-2500, end_to_end_id=operation.id)))
    part.refresh_from_db()
    operation.refresh_from_db()
    assert (part.status, operation.outcome) == ("succeeded", "succeeded")
    assert shop.balance("in_transit", part.item) == shop.balance("refunds_payable", part.item) == 0


def test_a_transfer_that_comes_back_is_owed_again(shop: Shop) -> None:
    _, part, operation = transfer(shop, 2500)
    shop.sends(statement(BankLine(-2500, end_to_end_id=operation.id), opening=5000, number=1))
    shop.sends(statement(BankLine(2500, "Account closed", end_to_end_id=operation.id), opening=2500, number=2))
    part.refresh_from_db()
    assert part.status == "failed"
    assert shop.balance("bank") == shop.balance("in_transit", part.item) == 0
    assert shop.balance("refunds_payable", part.item) == -2500


def test_out_and_back_on_one_statement(shop: Shop) -> None:
    _, part, operation = transfer(shop, 2500)
    shop.sends(statement(BankLine(-2500, end_to_end_id=operation.id), BankLine(2500, end_to_end_id=operation.id)))
    part.refresh_from_db()
    assert part.status == "failed"
    assert shop.balance("bank") == shop.balance("in_transit", part.item) == 0
    assert list(ledger_audit.violations(_CHECKS)) == []


@pytest.mark.parametrize("spelled", ["{id}", "OP {name}", "op-{name}", "OP_{NAME}", "OP{NAME}", "{ours}"])
@pytest.mark.parametrize("in_text", [False, True])
def test_a_bank_may_spell_it_in_its_own_way(shop: Shop, spelled: str, in_text: bool) -> None:
    """The underscore is none of the characters that all banks keep; some pass the id on in the text alone."""
    _, part, operation = transfer(shop, 2500)
    name = operation.id.removeprefix("op_")
    stated = spelled.format(id=operation.id, name=name, NAME=name.upper(), ours=end_to_end_id(part))
    line = BankLine(-2500, end_to_end_id=stated)
    if in_text:
        line = BankLine(-2500, f"Refund {stated} of order 1", end_to_end_id="NOTPROVIDED")
    shop.sends(statement(line))
    part.refresh_from_db()
    assert part.status == "succeeded"
    assert shop.balance("bank") == -2500
    assert shop.balance("in_transit", part.item) == shop.balance("refunds_payable", part.item) == 0


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 25), ("KWD", 25_000), ("USD", 2_500)])
def test_it_is_proved_in_every_currency(shop: Shop, currency: str, amount: int) -> None:
    _, part, operation = transfer(shop, amount, currency)
    release_bank_part(part, user=finance_of(part.refund.merchant_id))
    line = BankLine(-2500, end_to_end_id=end_to_end_id(part))
    shop.sends(statement(line).replace("EUR", currency))  # 25.00 of it
    part.refresh_from_db()
    operation.refresh_from_db()
    assert (part.status, operation.outcome) == ("succeeded", "succeeded")
    assert shop.balance("bank") == -amount
    assert shop.balance("in_transit", part.item) == shop.balance("refunds_payable", part.item) == 0
    assert shop.disagreements() == []
    assert list(ledger_audit.violations(_CHECKS)) == []


def test_the_id_of_another_refund_is_none_of_it(shop: Shop) -> None:
    _, part, operation = transfer(shop, 2500)
    for expected in (operation.id[:-1] + "0", f"s{operation.id}", f"{operation.id}0"):
        shop.sends(statement(BankLine(-2500, end_to_end_id=expected)))
    part.refresh_from_db()
    assert part.status == "pending"


def test_another_amount_under_that_name_is_not_taken_for_it(shop: Shop) -> None:
    _, part, operation = transfer(shop, 2500)
    shop.sends(statement(BankLine(-2400, end_to_end_id=operation.id)))
    part.refresh_from_db()
    assert part.status == "pending"
    assert shop.balance("bank") == 0
