"""Adyen's settlement detail report: announced by a webhook, fetched by its name, booked to zero, and read once."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone

from payments.models import Discrepancy
from reconciliation.models import Announcement, Payout, Settlement
from reconciliation.services import read_sources
from reconciliation.services.import_file import import_due
from tests.adyen.conftest import AdyenShop, adyen_account
from tests.fake_adyen.reports import close_batch
from tests.fake_adyen.server import FakeAdyen
from tests.fakes.faults import Fault
from tests.reconciliation.conftest import violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _files(settings: LazySettings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def reconcile() -> None:
    """What workers do within the hour."""
    read_sources.look_for_lost()
    read_sources.read_due()
    Announcement.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    read_sources.read_due()
    import_due()


def sold_and_given_back(adyen_shop: AdyenShop) -> None:
    adyen_shop.paid(50_00)
    payment = adyen_shop.paid(30_00, capture="manual")
    adyen_shop.ask(f"/v1/payments/{payment['id']}/capture", amount=30_00)
    adyen_shop.work()
    adyen_shop.carry_out("capture")
    adyen_shop.refund(payment, 10_00)
    adyen_shop.carry_out("refund")


def test_a_report_is_fetched_and_every_line_of_it_is_placed(adyen_shop: AdyenShop) -> None:
    sold_and_given_back(adyen_shop)
    close_batch(adyen_shop.books)
    adyen_shop.tell()
    reconcile()
    settlement = Settlement.objects.get()
    assert settlement.file.status == "imported", settlement.file.problems
    assert (settlement.net, settlement.fee) == (50_00 + 30_00 - 10_00 - 50, 50)
    assert {line.state for line in settlement.lines.all()} == {"matched"}
    assert Payout.objects.get().amount == settlement.net
    assert not Discrepancy.objects.filter(status="open").exists()
    assert violations() == []


def test_a_report_that_is_announced_twice_is_booked_once(adyen_shop: AdyenShop) -> None:
    sold_and_given_back(adyen_shop)
    close_batch(adyen_shop.books)
    told = list(adyen_shop.happened)
    adyen_shop.tell()
    reconcile()
    adyen_shop.happened.extend(told)
    adyen_shop.tell()
    reconcile()
    assert Settlement.objects.count() == 1


@pytest.mark.parametrize("fault", [Fault.DROPPED_NOT_DONE, Fault.ERROR_NOT_DONE])
def test_a_report_that_cannot_be_fetched_is_fetched_later(
    adyen_shop: AdyenShop, fake_adyen: FakeAdyen, fault: Fault
) -> None:
    adyen_shop.paid()
    close_batch(adyen_shop.books)
    adyen_shop.tell()
    fake_adyen.faults.plan(fault)
    read_sources.read_due()
    assert Announcement.objects.get().detail.startswith("Adyen")
    reconcile()
    assert Settlement.objects.count() == 1


def test_the_address_in_the_webhook_is_never_asked(adyen_shop: AdyenShop, fake_adyen: FakeAdyen) -> None:
    """The reason is not signed: whoever changed it would be sent the key."""
    adyen_shop.paid()
    close_batch(adyen_shop.books)
    adyen_shop.happened[-1]["reason"] = "http://127.0.0.1:9/stolen"
    adyen_shop.tell()
    reconcile()
    assert Settlement.objects.count() == 1


def test_an_account_without_the_key_says_what_is_missing(adyen_shop: AdyenShop) -> None:
    adyen_shop.account = adyen_account(adyen_shop.shop, adyen_shop.books, report_api_key="")
    close_batch(adyen_shop.books)
    adyen_shop.tell()
    read_sources.read_due()
    assert "report_api_key" in Announcement.objects.get().detail
