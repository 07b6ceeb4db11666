"""What a provider reports without our asking: placed by its references, taken once, and never guessed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from payments.core.money import Money
from payments.models import Payment, Refund
from payments.payloads import PAYMENT_RELATED
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.capture import capture_payment
from payments.services.record import record
from payments.services.voucher import _expire
from tests.builders import BY, Shop, fresh, open_shop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def reported(payment: Payment, fact: ReportType, outcome: Outcome = Outcome.SUCCEEDED, **more: Any) -> bool:
    """The provider of a payment reports this of it; return whether it could be placed."""
    result = Result(outcome, payment_reference=fresh(payment).provider_reference, occurred_at=timezone.now(), **more)
    recording = record(payment.provider_account, [ProviderReport(fact=fact, result=result)], actor="provider")
    return recording.waiting == []


def test_a_reversal_is_taken_once_however_often_it_is_told(shop: Shop) -> None:
    payment = shop.pay(5_000)
    assert reported(payment, ReportType.REVERSAL)
    assert reported(payment, ReportType.REVERSAL)
    assert (fresh(payment).status, fresh(payment).amount_captured) == ("reversed", 0)
    assert not any(shop.books().values())


def test_a_reversal_of_what_was_never_charged_waits(shop: Shop) -> None:
    held = shop.pay(5_000, manual_capture=True)
    assert not reported(held, ReportType.REVERSAL)
    assert fresh(held).status == "authorized"


def test_a_capture_of_what_is_captured_at_once_is_none_of_the_dashboards(shop: Shop) -> None:
    payment = shop.pay(5_000)
    assert not reported(payment, ReportType.CAPTURE, reference="cap_x", amount=Money(5_000, "EUR"))
    assert payment.operations.count() == 1


@pytest.mark.parametrize("fact", [ReportType.CAPTURE, ReportType.REFUND])
def test_what_failed_at_the_provider_moved_nothing_and_is_done_with(shop: Shop, fact: ReportType) -> None:
    payment = shop.pay(5_000, manual_capture=fact == ReportType.CAPTURE)
    before = shop.books()
    assert reported(payment, fact, Outcome.DECLINED, reference="elsewhere_1")
    assert (shop.books(), payment.operations.count(), Refund.objects.count()) == (before, 1, 0)


def test_our_only_capture_without_a_name_is_the_one_that_is_told(shop: Shop, settings: Settings) -> None:
    held = shop.pay(5_000, manual_capture=True)
    settings.SIMULATOR_URL = "http://127.0.0.1:9"  # nothing of it arrives, as far as we know
    row = Payment.objects.select_related(*PAYMENT_RELATED).get(id=held.id)
    capture_payment(row, amount=5_000, final=True, actor=BY)
    ours = held.operations.get(verb="capture")
    assert (ours.outcome, ours.provider_reference) == ("not_sent", None)
    assert reported(held, ReportType.CAPTURE, reference="cap_1", amount=Money(5_000, "EUR"))
    assert held.operations.filter(verb="capture").count() == 1
    assert (fresh(ours).outcome, fresh(ours).provider_reference) == ("succeeded", "cap_1")
    assert fresh(held).amount_captured == 5_000


def test_a_voucher_that_was_spent_since_it_was_found_is_not_expired(shop: Shop) -> None:
    voucher = shop.voucher(2_500, expires_at=timezone.now() + timedelta(days=1)).voucher
    with transaction.atomic():
        _expire([voucher.id], now=timezone.now())
    assert (fresh(voucher).status, fresh(voucher).balance) == ("active", 2_500)
