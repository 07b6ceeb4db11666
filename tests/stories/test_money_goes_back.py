"""How money goes back, one case each, as a shop manager would tell it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from payments.core.bank_days import bank_day_from
from payments.core.errors import Forbidden
from payments.ledger import audit as ledger_audit
from payments.models import RefundPart
from payments.people.models import Approval, Role
from payments.people.services import approvals
from payments.services import refund_rules
from payments.services.orders import OrderName
from payments.services.refunds.exchange import ExchangeRequest, exchange
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.request import request_refund
from payments.services.transfer import bank_spelling, end_to_end_id
from payments.services.transfer_batches.download import download_batch
from payments.services.transfer_batches.prepare import prepare_batch
from reconciliation.services.import_file import import_file
from reconciliation.services.upload import upload
from tests.builders import BY, Shop, fresh, open_shop, work
from tests.people.cast import finance_of, person
from tests.reconciliation.conftest import BankLine, statement

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]

OURS = "NL91ABNA0417164300"
ANNA = BankAccount(iban="NL20INGB0001234567", name="A. de Vries")


@pytest.fixture
def shop(settings: Any, tmp_path: Path) -> Shop:
    """A shop with a bank account of its own."""
    settings.MEDIA_ROOT = tmp_path
    return open_shop(iban=OURS)


@pytest.fixture(autouse=True)
def _the_books_are_right_at_the_end(shop: Shop) -> Iterator[None]:
    yield
    assert list(ledger_audit.violations()) == []


def the_bank_sends(shop: Shop, *lines: BankLine, opening: int, number: int) -> None:
    text = statement(*lines, opening=opening, number=number)
    row = upload(merchant=shop.merchant, file=ContentFile(text.encode()), name="camt.xml", actor=BY)
    import_file(row.id)


def test_bought_online_brought_back_to_the_store(shop: Shop) -> None:
    """Anna bought shoes for 79.50 in the webshop. The store takes them back; the money goes back to her card."""
    shoes = shop.pay(7_950)
    refund = shop.refund(shoes, channel=shop.store)
    work()
    refund = fresh(refund)
    assert (refund.status, refund.channel, refund.parts.get().route) == ("succeeded", shop.store, "original")


def test_a_transfer_that_the_bank_sends_back(shop: Shop) -> None:
    """Her card is not there, so Anna gives her account. Finance sends the file; the bank returns the transfer."""
    refund = shop.refund(shop.pin(2_500), bank_account=ANNA)
    part = refund.parts.get()
    maker = person("maker", shop.merchant.id)
    batch = prepare_batch(
        merchant=shop.merchant,
        iban=OURS,
        part_ids=[part.id],
        execute_on=bank_day_from(shop.merchant.business_day(timezone.now())),
        user=maker,
    )
    waiting = Approval.objects.get(subject_id=batch.id)
    approvals.settle(approval_id=waiting.id, user=finance_of(shop.merchant.id), approved=True, note="")
    assert ANNA.iban.encode() in download_batch(batch, user=maker)
    the_bank_sends(shop, BankLine(-2_500, f"Batch {bank_spelling(batch.id)}"), opening=10_000, number=1)
    back = BankLine(2_500, "AC04", end_to_end_id=end_to_end_id(part))
    the_bank_sends(shop, back, opening=7_500, number=2)
    part = RefundPart.objects.get(id=part.id)
    operation = part.operations.get()
    assert (part.status, operation.failure_detail) == (
        "failed",
        "The bank returned the transfer: the account is closed (AC04).",
    )
    assert fresh(refund.order).refundable == 2_500, "it is owed again, and may go back in another way"


@pytest.mark.parametrize(("price", "due", "back"), [(12_000, 4_050, None), (5_000, 0, 2_950)])
def test_exchanged_for_something_dearer_or_cheaper(shop: Shop, price: int, due: int, back: int | None) -> None:
    """The shoes of 79.50 pinch. Only the difference to the other pair moves."""
    shoes = shop.pay_cash(7_950)
    done = exchange(
        ExchangeRequest(
            order=shoes.order,
            channel=shop.store,
            returned=7_950,
            new_order=OrderName(reference="OTHER-PAIR"),
            total=price,
            reason="Too small.",
        ),
        actor=person("clerk", shop.merchant.id, role=Role.Name.CLERK),
    )
    assert done.due == due
    assert (done.given_back.refund.amount if done.given_back else None) == back


def test_a_clerk_reaches_the_limit_and_the_manager_decides(shop: Shop) -> None:
    """Clerks give back up to 50.00 a day by themselves; beyond it the manager looks."""
    refund_rules.add_rule(
        shop.merchant,
        name="Clerks: € 50 a day",
        kind="per_person",
        role="clerk",
        amount=5_000,
        beyond="second_person",
        actor=BY,
    )
    clerk = person("clerk", shop.merchant.id, role=Role.Name.CLERK, channel_id=shop.store.id)
    manager = person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)
    first, second = (shop.pay_cash(3_000).order for _ in range(2))
    asked: dict[str, Any] = {"channel": shop.store, "route": "cash"}
    assert request_refund(shop.asks(first, 3_000, **asked), actor=clerk).refund.status == "succeeded"
    waits = request_refund(shop.asks(second, 3_000, **asked), actor=clerk).refund
    assert waits.status == "requires_approval"
    waiting = Approval.objects.get(subject_id=waits.id)
    clerk.second_factor_at = timezone.now()
    with pytest.raises(Forbidden, match="own_request"):
        approvals.settle(approval_id=waiting.id, user=clerk, approved=True, note="")
    approvals.settle(approval_id=waiting.id, user=manager, approved=True, note="Seen it.")
    assert fresh(waits).status == "succeeded"


def test_a_voucher_given_in_the_store_is_spent_in_the_webshop(shop: Shop) -> None:
    """Bo wants store credit for his lamp, and buys a smaller one online with it."""
    lamp = shop.pay_cash(4_000)
    made = shop.request_refund(lamp, 4_000, channel=shop.store, route="voucher")
    assert made.voucher_code is not None
    smaller = shop.pay(2_500, method="voucher", voucher_code=made.voucher_code)
    assert smaller.channel == shop.webshop
    left = fresh(made.refund.parts.get().voucher)
    assert (smaller.status, left.balance) == ("captured", 1_500)
