"""A bank refund can be made: whoever may release it finds what to copy; all others see that there is an account."""

import re

import pytest

from payments.models import Operation, Refund, RefundPart
from payments.people.models import AuditLog
from payments.services.refunds.plan import BankAccount
from payments.services.transfer import end_to_end_id, remittance
from tests.admin.conftest import SignIn
from tests.builders import Shop

pytestmark = pytest.mark.django_db

ANNA = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")
GROUPED = "NL91 ABNA 0417 1643 00"


@pytest.fixture
def waiting(shop: Shop) -> Refund:
    """25.50 of the webshop's customer, to be transferred."""
    return shop.refund(shop.pin(5_000).order, 2_550, bank_account=ANNA)


def looks() -> list[tuple[str, str]]:
    rows = AuditLog.objects.filter(action="bank_account.seen").order_by("id")
    return list(rows.values_list("actor", "object_id"))


def copied(page: str) -> list[str]:
    """What one click copies."""
    return re.findall(r'<code class="ot-copy">([^<]*)</code>', page)


@pytest.mark.parametrize(
    ("language", "amount", "text"),
    [("en", "25.50", "bank transfers to release"), ("nl", "25,50", "vrij te geven overboekingen")],
)
def test_finance_finds_what_to_copy_from_the_first_page(
    language: str, amount: str, text: str, shop: Shop, waiting: Refund, sign_in: SignIn
) -> None:
    finance = sign_in("finance", language=language)
    home = finance.get("")
    assert text in home
    (address,) = set(re.findall(r'href="/admin/(payments/banktransfer/)"', home))
    part = waiting.parts.get()
    found = [GROUPED, ANNA.name, amount, remittance(part), end_to_end_id(part)]
    assert copied(finance.get(address)) == found
    (row,) = set(re.findall(r'href="/admin/(payments/banktransfer/[^"]*/change/)[^"]*"', finance.get(address)))
    assert copied(finance.get(row)) == found
    assert copied(finance.get(f"payments/refund/{waiting.id}/change/")) == found
    assert f"/admin/payments/refund/{waiting.id}/release/" in finance.get(address)
    assert set(looks()) == {(finance.user.id, part.id)}
    assert len(looks()) == 5, "every look is written down"


def test_what_is_sent_names_the_order_and_is_what_banks_pass_on(shop: Shop, waiting: Refund) -> None:
    part = RefundPart.objects.get(refund=waiting)
    assert remittance(part) == f"Terugbetaling bestelling {waiting.order.id.replace('_', ' ')}, Bloem"
    shop.merchant.name, shop.merchant.country = "Café Bœuf & Söhne™ " + "x" * 170, "DE"
    shop.merchant.save()
    part = RefundPart.objects.get(refund=waiting)
    assert remittance(part).startswith(f"Refund of order {waiting.order.id.replace('_', ' ')}, Cafe B")
    assert "Sohne" in remittance(part)
    assert len(remittance(part)) <= 140
    assert re.fullmatch(r"OP-[0-9A-Z]{26}", end_to_end_id(part))
    assert Operation.objects.get(refund_part=part).id == end_to_end_id(part).replace("-", "_").lower()


@pytest.mark.parametrize("role", ["clerk", "store_manager", "auditor"])
def test_others_see_that_there_is_an_account_and_not_which(
    role: str, shop: Shop, waiting: Refund, sign_in: SignIn
) -> None:
    browser = sign_in(role)
    page = browser.get(f"payments/refund/{waiting.id}/change/")
    assert "NL…4300" in page
    assert "A…" in page
    for secret in (GROUPED, ANNA.iban, ANNA.name):
        assert secret not in page
    assert "/banktransfer/" not in browser.get("")
    browser.get("payments/banktransfer/", status=403)
    browser.get(f"payments/banktransfer/{waiting.parts.get().id}/change/", status=403)
    assert looks() == []


def test_finance_of_another_channel_or_merchant_sees_none(shop: Shop, waiting: Refund, sign_in: SignIn) -> None:
    store = sign_in("finance", channel_id=shop.store.id)
    assert GROUPED not in store.get("payments/banktransfer/")
    store.get(f"payments/banktransfer/{waiting.parts.get().id}/change/", status=404)
    page = store.get(f"payments/refund/{waiting.id}/change/")
    assert "NL…4300" in page
    assert GROUPED not in page
    assert looks() == []


def test_only_what_waits_is_in_the_list_unless_all_is_asked_for(shop: Shop, waiting: Refund, sign_in: SignIn) -> None:
    finance = sign_in("finance")
    RefundPart.objects.filter(refund=waiting).update(status="succeeded")
    assert GROUPED not in finance.get("payments/banktransfer/")
    assert GROUPED in finance.get("payments/banktransfer/", state="all")


def test_a_refund_by_another_route_has_no_such_table(shop: Shop, sign_in: SignIn) -> None:
    made = shop.refund(shop.pin(5_000).order, 100, route="voucher")
    assert 'id="transfers"' not in sign_in("finance").get(f"payments/refund/{made.id}/change/")
