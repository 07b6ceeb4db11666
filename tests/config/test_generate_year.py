"""A generated year is as good as one that was lived: the books prove themselves, and the figures are its payments'."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Sum
from django.utils import timezone

from payments import statistics
from payments.ledger.audit import violations
from payments.models import CardEvidence, Channel, Discrepancy, Merchant, Payment, Refund
from payments.services import create_setup
from reconciliation.models import Settlement, SettlementLine

pytestmark = pytest.mark.django_db(transaction=True)
PAYMENTS = 160


def year(merchant: Merchant, **options: Any) -> dict[str, int]:
    out = io.StringIO()
    call_command("generate_year", merchant=merchant.id, payments=PAYMENTS, json=True, stdout=out, **options)
    told: dict[str, int] = json.loads(out.getvalue())
    return told


@pytest.fixture
def merchant() -> Merchant:
    return create_setup.create_merchant(name="Bloem & Blad", actor="tests")


def test_a_year_proves_itself(merchant: Merchant) -> None:
    counted = year(merchant)
    assert counted["payments"] == PAYMENTS == Payment.objects.count()
    assert counted["refunds"] == Refund.objects.count() > 0
    assert counted["settlement_lines"] > PAYMENTS / 2
    assert list(violations()) == []
    assert Discrepancy.objects.count() == 0
    assert Settlement.objects.count() >= 12
    _statistics_agree(merchant)
    _is_like_a_shop()
    _is_named_alike_at_the_till_and_in_the_settlement()


def _is_named_alike_at_the_till_and_in_the_settlement() -> None:
    """The acquirer's numbers name one transaction, and the settlement's line has those of the device."""
    names = ("acquirer_tid", "stan", "rrn", "authorization_code")
    posted = CardEvidence.objects.filter(posted__outcome="approved")
    by_name = {tuple(getattr(row, name) for name in names): row for row in posted}
    assert len(by_name) == posted.count() > 0
    assert all(all(name) for name in by_name)
    lines = list(SettlementLine.objects.exclude(rrn=""))
    assert len(lines) == len(by_name)
    for line in lines:
        row = by_name[line.tid, line.stan, line.rrn, line.authorization_code]
        assert (line.state, line.payment_id, abs(line.gross)) == ("matched", row.payment_id, row.amount)


def _statistics_agree(merchant: Merchant) -> None:
    today = timezone.now().date()
    [figures] = statistics.figures(merchant_id=merchant.id, first=today - timedelta(days=730), last=today)
    captured = Payment.objects.filter(status="captured").aggregate(sum=Sum("amount_captured"))["sum"]
    refunded = Refund.objects.aggregate(sum=Sum("amount"))["sum"]
    assert (figures["sales_amount"], figures["refunds_amount"]) == (captured, refunded)
    assert figures["sales_count"] == Payment.objects.filter(status="captured").count()


def _is_like_a_shop() -> None:
    assert {"ideal", "card", "cash"} <= set(Payment.objects.values_list("method", flat=True))
    assert set(Channel.objects.values_list("kind", flat=True)) == {"online", "in_store"}
    days = Payment.objects.values_list("business_day", flat=True)
    assert max(days) - min(days) > timedelta(days=300)
    elsewhere = [
        refund for refund in Refund.objects.select_related("order") if refund.channel_id != refund.order.channel_id
    ]
    assert elsewhere


def test_a_live_merchant_has_no_made_up_year() -> None:
    live = create_setup.create_merchant(name="Real", actor="tests", mode="live")
    with pytest.raises(CommandError, match="test merchant"):
        year(live)
    assert Payment.objects.count() == 0
