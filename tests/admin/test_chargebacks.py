"""A dispute's page says how it stands and what to do; the first page counts those that wait for an answer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Chargeback
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, fresh, report_dispute

pytestmark = pytest.mark.django_db

Stage, Status = Chargeback.Stage, Chargeback.Status


def test_its_page_says_what_to_do_in_every_state(shop: Shop, root: Browser, sign_in: SignIn) -> None:
    payment = shop.pin(2_500)
    soon = timezone.now() + timedelta(days=2, hours=1)
    steps = [
        (Stage.INQUIRY, Status.INQUIRY, {"respond_by": soon}, ["asks about this sale", "from now"]),
        (Stage.CHARGEBACK, Status.OPEN, {}, ["has taken €25.00, for now", "named no deadline"]),
        (Stage.CHARGEBACK, Status.WON, {}, ["yours again"]),
        (Stage.PRE_ARBITRATION, Status.OPEN, {"respond_by": timezone.now()}, ["contests", "has passed"]),
        (Stage.PRE_ARBITRATION, Status.LOST, {}, ["The customer keeps €25.00"]),
    ]
    for stage, status, more, words in steps:
        row = report_dispute(payment, stage, status, **more)
        page = root.get(f"payments/chargeback/{row.id}/change/")
        for word in (*words, "fraudulent", 'id="steps"'):
            assert word in page, (stage, status, word)
    assert "pre-arbitration" in page
    assert "pre-arbitrage" in sign_in(language="nl").get(f"payments/chargeback/{row.id}/change/")


def test_who_has_a_refund_too_is_told_to_be_given_twice(shop: Shop, root: Browser) -> None:
    payment = shop.pay_cash(2_500)
    shop.refund(payment.order, 1_000, route="cash", channel=shop.store)
    row = report_dispute(payment, Stage.CHARGEBACK, Status.OPEN)
    assert fresh(payment.order).excess == 1_000
    assert "€10.00 more was given back" in root.get(f"payments/chargeback/{row.id}/change/")


def test_the_first_page_counts_those_to_answer(shop: Shop, root: Browser) -> None:
    wanted = "chargebacks to answer, the first within"
    row = report_dispute(
        shop.pin(2_500), Stage.CHARGEBACK, Status.OPEN, respond_by=timezone.now() - timedelta(minutes=1)
    )
    assert wanted not in root.get("")
    report_dispute(row.payment, Stage.CHARGEBACK, Status.OPEN, respond_by=timezone.now() + timedelta(days=2, hours=1))
    assert wanted in root.get("")
    assert row.provider_reference in root.get("payments/chargeback/", to_answer="yes")
    report_dispute(row.payment, Stage.CHARGEBACK, Status.WON)
    assert row.provider_reference not in root.get("payments/chargeback/", to_answer="yes")
    assert wanted not in root.get("")
