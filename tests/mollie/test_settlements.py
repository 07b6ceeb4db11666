"""Mollie's settlements: read with the organization's token, booked to zero with their costs, matched to the bank's line."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.utils import timezone

from payments.ledger.models import Posting
from payments.models import Discrepancy
from reconciliation.models import Announcement, Payout, Settlement, SettlementLine
from reconciliation.services import read_sources
from reconciliation.services.import_file import import_due
from reconciliation.services.upload import upload
from tests.api.conftest import BY
from tests.fake_mollie import afterwards
from tests.fake_mollie.books import Object
from tests.fake_mollie.server import FakeMollie
from tests.fakes.faults import Fault
from tests.mollie.conftest import MollieShop
from tests.reconciliation.conftest import BankLine, statement, violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _files(settings: LazySettings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def reconcile() -> None:
    """What workers do within the hour."""
    read_sources.look_for_lost()
    Announcement.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    read_sources.read_due()
    import_due()


def settled(settlement: Object) -> Settlement:
    """What was booked of a settlement."""
    booked = Settlement.objects.get(reference=settlement["reference"])
    assert booked.file.status == "imported", booked.file.problems
    assert booked.net == cents(settlement["amount"]["value"])
    assert violations() == []
    return booked


def cents(value: str) -> int:
    return round(float(value) * 100)


def balances(shop: MollieShop) -> dict[str, int]:
    """Balance by the first word of the account, debit positive; what nets to zero is left out."""
    sums: dict[str, int] = {}
    for row in Posting.objects.filter(account__merchant_id=shop.shop.merchant.id).select_related("account"):
        name = row.account.code.partition(":")[0]
        sums[name] = sums.get(name, 0) + row.amount
    return {name: amount for name, amount in sums.items() if amount}


def test_a_settlement_nets_everything_to_zero(mollie_shop: MollieShop) -> None:
    """Sales, a capture in part, our refund and one at the dashboard, a chargeback; and four decimals of costs."""
    sold = [mollie_shop.paid(amount) for amount in (43_20, 30_00, 12_90)]
    held = mollie_shop.paid(80_00, method="card", capture="manual")
    mollie_shop.ask(f"/v1/payments/{held['id']}/capture", amount=60_00)
    mollie_shop.refund(sold[0], 20_00)
    afterwards.refund_at_dashboard(mollie_shop.books, mollie_shop.at_mollie(sold[1])["id"], "5.00")
    afterwards.charge_back(mollie_shop.books, mollie_shop.at_mollie(sold[2])["id"], "12.90")
    afterwards.refunds_leave(mollie_shop.books)
    mollie_shop.tell()
    settlement = afterwards.settle(mollie_shop.books, "1234567.2611.03")
    reconcile()
    booked = settled(settlement)
    found = balances(mollie_shop)
    assert "receivable" not in found
    assert "suspense" not in found
    assert found["in_transit"] == cents(settlement["amount"]["value"])
    assert found["fees"] == booked.fee > 0
    assert found["vat_on_fees"] == booked.vat > 0
    assert not Discrepancy.objects.exclude(status="resolved").exists()


@pytest.mark.parametrize("text", ["1234567.2611.03", "T1234567.2611.03", "Settlement T 1234567.2611.03"])
def test_a_settlement_is_the_banks_line_of_its_reference(mollie_shop: MollieShop, text: str) -> None:
    mollie_shop.paid(43_20)
    settlement = afterwards.settle(mollie_shop.books, "1234567.2611.03")
    reconcile()
    payout = Payout.objects.get()
    send_statement(mollie_shop, payout.amount, text)
    payout.refresh_from_db()
    assert (payout.status, payout.amount_received) == ("received", cents(settlement["amount"]["value"]))
    assert "in_transit" not in balances(mollie_shop)


def send_statement(shop: MollieShop, amount: int, text: str) -> None:
    """The bank shows that Mollie has paid."""
    line = BankLine(amount, text=text, name="Stichting Mollie Payments")
    file = ContentFile(statement(line).encode())
    upload(merchant=shop.shop.merchant, file=file, name="statement.xml", actor=BY)
    import_due()


def test_what_stands_in_no_list_is_explained_by_the_balance(mollie_shop: MollieShop) -> None:
    """A refund that came back after it was settled, a chargeback that was won, and a reserve that is held."""
    first, second = mollie_shop.paid(50_00), mollie_shop.paid(40_00)
    mollie_shop.refund(first, 20_00)
    taken = afterwards.charge_back(mollie_shop.books, mollie_shop.at_mollie(second)["id"], "40.00")
    afterwards.refunds_leave(mollie_shop.books)
    mollie_shop.tell()
    afterwards.settle(mollie_shop.books, "1234567.2611.01")
    reconcile()
    mollie_shop.paid(30_00)
    afterwards.refund_comes_back(mollie_shop.books, mollie_shop.books.all("re")[0]["id"])
    afterwards.reverse_chargeback(mollie_shop.books, taken["id"])
    afterwards.correct_balance(mollie_shop.books, "balance-reserve", "-3.00")
    mollie_shop.tell()
    settlement = afterwards.settle(mollie_shop.books, "1234567.2611.02")
    reconcile()
    settled(settlement)
    found = balances(mollie_shop)
    assert (found.get("receivable"), found["reserve"], found.get("suspense")) == (None, 3_00, None)


def test_what_nothing_explains_goes_to_suspense(mollie_shop: MollieShop) -> None:
    mollie_shop.paid(50_00)
    settlement = afterwards.settle(mollie_shop.books, "1234567.2611.01")
    settlement["amount"]["value"] = f"{float(settlement['amount']['value']) - 7:.2f}"
    reconcile()
    settled(settlement)
    assert balances(mollie_shop)["suspense"] in (7_00, -7_00)
    assert Discrepancy.objects.get(kind="unknown_line").status == "open"


def test_costs_of_fractions_leave_a_rounding_line_of_less_than_a_cent_each(mollie_shop: MollieShop) -> None:
    for amount in (10_10, 20_30, 30_70):
        mollie_shop.paid(amount, method="card")
    settlement = afterwards.settle(mollie_shop.books)
    [year] = settlement["periods"].values()
    [month] = year.values()
    month["costs"][0]["amountNet"]["value"] = "1.8550"
    month["costs"][0]["amountVat"]["value"] = "0.3950"  # 2.25 together, 2.26 when each is rounded
    settlement["amount"]["value"] = "58.85"
    reconcile()
    settled(settlement)
    [rounding] = SettlementLine.objects.filter(type="rounding")
    assert rounding.gross == 1


def test_a_settlement_that_is_still_open_waits(mollie_shop: MollieShop) -> None:
    mollie_shop.paid(50_00)
    settlement = afterwards.settle(mollie_shop.books, status="pending")
    reconcile()
    assert not Settlement.objects.exists()
    settlement["status"] = "processing-at-bank"
    reconcile()
    settled(settlement)


def test_a_settlement_that_the_bank_sent_back_is_owed_again(mollie_shop: MollieShop) -> None:
    mollie_shop.paid(50_00)
    settlement = afterwards.settle(mollie_shop.books)
    afterwards.fail_payout(mollie_shop.books, settlement["id"])
    reconcile()
    reconcile()
    settled(settlement)
    assert Payout.objects.get().status == "failed"


@pytest.mark.parametrize("broken", [Fault.DROPPED_NOT_DONE, Fault.UNREADABLE, Fault.RATE_LIMITED])
def test_a_reading_that_breaks_is_taken_up_again(
    mollie_shop: MollieShop, fake_mollie: FakeMollie, broken: Fault
) -> None:
    mollie_shop.paid(50_00)
    settlement = afterwards.settle(mollie_shop.books)
    fake_mollie.faults.plan(None, None, None, broken)
    reconcile()
    assert not Settlement.objects.exists()
    reconcile()
    settled(settlement)


def test_without_the_organizations_token_nothing_is_read(mollie_shop: MollieShop, fake_mollie: FakeMollie) -> None:
    mollie_shop.account.credentials = json.dumps({"api_key": mollie_shop.books.api_key})
    mollie_shop.account.save()
    asked = len(fake_mollie.received)
    reconcile()
    assert len(fake_mollie.received) == asked
    assert Announcement.objects.count() == 0


def test_its_file_holds_no_personal_data(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.paid(50_00)
    settlement = afterwards.settle(mollie_shop.books)
    reconcile()
    content: Any = settled(settlement).file.file.read()
    assert b"Jansen" not in content
    assert mollie_shop.at_mollie(payment)["id"].encode() in content
