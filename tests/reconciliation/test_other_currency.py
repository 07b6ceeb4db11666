"""What is settled in another currency than it was sold in: every item nets to zero in the currency of its sale."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from payments.core.errors import ValidationFailed
from payments.core.money import Money
from payments.ledger import audit as ledger_audit
from payments.ledger.models import Posting
from payments.models import Discrepancy, Payment
from payments.providers.base import Outcome, ProviderReport, ReportType, Result, Stage
from payments.services.record import record
from reconciliation import audit
from reconciliation.models import SettlementFile, SettlementLine
from reconciliation.services import rematch
from reconciliation.services.resolve import Resolution, decide, resolve
from tests.people.cast import person
from tests.reconciliation.conftest import Line, Shop, settlement_csv

DISPUTE = "dispute_1"


@pytest.fixture
def sold(shop: Shop) -> Payment:
    """50.00 EUR by card, settled as 55.00 USD."""
    payment = shop.sells_online(5000)
    settles(shop, Line(5500, 50, operation=payment.operations.get().id))
    return payment


def settles(shop: Shop, *lines: Line) -> SettlementFile:
    """The provider settles in dollars."""
    file = shop.sends(settlement_csv(*lines, currency="USD"), provider_account=shop.account("simulator"))
    assert file.status == "imported", file.problems
    return file


def about(payment: Payment, kind: str, gross: int, *, fee: int = 0, reference: str = DISPUTE) -> Line:
    return Line(gross, fee, type=kind, reference=reference, payment_reference=str(payment.provider_reference))


def tell(
    payment: Payment, fact: ReportType, *, amount: int = 5000, reference: str = DISPUTE, stage: Stage | None = None
) -> None:
    """The provider tells of a dispute."""
    at = timezone.now() + timedelta(seconds=len(Discrepancy.objects.all()))
    name = Payment.objects.get(id=payment.id).provider_reference
    result = Result(
        Outcome.SUCCEEDED,
        reference=reference,
        payment_reference=name,
        amount=Money(amount, payment.currency),
        occurred_at=at,
    )
    record(payment.provider_account, [ProviderReport(fact=fact, result=result, stage=stage)], actor="provider")


def open_items(payment: Payment) -> dict[str, int]:
    """What stands open about a payment, by account and currency."""
    sums: dict[str, int] = {}
    for row in Posting.objects.filter(item=payment.item).select_related("account"):
        name = f"{row.account.code.partition(':')[0]} {row.account.currency}"
        sums[name] = sums.get(name, 0) + row.amount
    return {name: amount for name, amount in sums.items() if amount}


def in_dollars(shop: Shop, name: str, currency: str = "USD") -> int:
    rows = Posting.objects.filter(account__merchant_id=shop.merchant.id, account__currency=currency)
    return sum(row.amount for row in rows.filter(account__code__startswith=name))


def proven() -> None:
    assert list(ledger_audit.violations([import_string(path) for path in settings.LEDGER_AUDITS])) == []


@pytest.mark.parametrize("end", [ReportType.CHARGEBACK_WON, ReportType.CHARGEBACK_LOST])
def test_a_chargeback_and_its_end(shop: Shop, sold: Payment, end: ReportType) -> None:
    tell(sold, ReportType.CHARGEBACK_OPENED)
    settles(shop, about(sold, "chargeback", -5600, fee=1500))
    assert open_items(sold) == {}
    assert (in_dollars(shop, "exchange"), in_dollars(shop, "exchange", "EUR")) == (-5500 + 5600, 5000 - 5000)
    assert in_dollars(shop, "fees") == 50 + 1500
    tell(sold, end)
    if end == ReportType.CHARGEBACK_WON:
        settles(shop, about(sold, "chargeback_reversal", 5400))
    assert open_items(sold) == {}
    assert {row.kind for row in shop.disagreements()} == {"currency_differs"}
    assert SettlementLine.objects.exclude(state="matched").count() == 0
    proven()


def test_of_part_of_the_sale_what_the_books_have_of_it(shop: Shop, sold: Payment) -> None:
    tell(sold, ReportType.CHARGEBACK_OPENED, amount=2000)
    tell(sold, ReportType.CHARGEBACK_OPENED, amount=1000, reference="dispute_2")
    settles(
        shop,
        about(sold, "chargeback", -1100, reference="dispute_2"),
        about(sold, "chargeback", -2200),
    )
    assert dict(SettlementLine.objects.filter(type="chargeback").values_list("reference", "booked_amount")) == {
        "dispute_2": -1000,
        DISPUTE: -2000,
    }
    assert open_items(sold) == {}
    proven()


def test_a_second_chargeback_takes_the_same_amount_again(shop: Shop, sold: Payment) -> None:
    """The provider calls the later stages by other names: the n-th line is the n-th movement."""
    tell(sold, ReportType.CHARGEBACK_OPENED, amount=3000)
    tell(sold, ReportType.CHARGEBACK_WON, amount=3000)
    tell(sold, ReportType.CHARGEBACK_OPENED, amount=3000, stage=Stage.PRE_ARBITRATION)
    settles(shop, about(sold, "chargeback", -3300), about(sold, "chargeback_reversal", 3200, reference="cha_1"))
    settles(shop, about(sold, "chargeback", -3100, fee=1500, reference="cbk_again"))
    assert open_items(sold) == {}
    assert in_dollars(shop, "exchange", "EUR") == 5000 - 3000 + 3000 - 3000
    proven()


def test_a_second_chargeback_under_the_same_name_is_no_duplicate(shop: Shop, sold: Payment) -> None:
    tell(sold, ReportType.CHARGEBACK_OPENED)
    settles(shop, about(sold, "chargeback", -5500))
    tell(sold, ReportType.CHARGEBACK_WON)
    tell(sold, ReportType.CHARGEBACK_OPENED, stage=Stage.PRE_ARBITRATION)
    settles(shop, about(sold, "chargeback_reversal", 5500), about(sold, "chargeback", -5500))
    settles(shop, about(sold, "chargeback", -5500))  # and a third time it is one
    assert open_items(sold) == {}
    assert [row.kind for row in shop.disagreements() if row.kind != "currency_differs"] == ["duplicate"]
    assert in_dollars(shop, "suspense") == 5500
    proven()


def test_one_that_the_books_do_not_know_yet_waits_in_suspense(shop: Shop, sold: Payment) -> None:
    settles(shop, about(sold, "chargeback", -5600, fee=1500))
    (row,) = shop.disagreements("unknown_line")
    assert row.payment_id == sold.id
    assert row.detail.endswith("is not in the books yet.")
    assert (open_items(sold), in_dollars(shop, "suspense")) == ({}, 5600)
    proven()
    tell(sold, ReportType.CHARGEBACK_OPENED)
    assert rematch.rematch() == 1
    assert rematch.rematch() == 0
    assert (open_items(sold), in_dollars(shop, "suspense")) == ({}, 0)
    assert {one.kind for one in shop.disagreements()} == {"currency_differs"}
    proven()


def test_what_seemed_to_be_settled_before_is_matched_when_the_books_have_heard_of_it(shop: Shop, sold: Payment) -> None:
    tell(sold, ReportType.CHARGEBACK_OPENED)
    settles(shop, about(sold, "chargeback", -5500))
    settles(shop, about(sold, "chargeback_reversal", 5500), about(sold, "chargeback", -5400))
    assert [row.kind for row in shop.disagreements("duplicate", "unknown_line")] == ["unknown_line", "duplicate"]
    assert rematch.rematch() == 0
    tell(sold, ReportType.CHARGEBACK_WON)
    tell(sold, ReportType.CHARGEBACK_OPENED, stage=Stage.PRE_ARBITRATION)
    assert rematch.rematch() == 2
    assert (open_items(sold), in_dollars(shop, "suspense")) == ({}, 0)
    assert shop.disagreements("duplicate", "unknown_line") == []
    proven()


def test_what_a_person_took_out_of_suspense_stays_as_they_decided(shop: Shop, sold: Payment) -> None:
    settles(shop, about(sold, "chargeback", -5600))
    (row,) = shop.disagreements("unknown_line")
    resolution = Resolution(action="book_fee", note="They never told us.")
    resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor="tests")
    tell(sold, ReportType.CHARGEBACK_OPENED)
    assert rematch.rematch() == 0
    assert in_dollars(shop, "suspense") == 0
    proven()


def test_a_person_says_which_sale_it_is_about_and_a_second_one_agrees(shop: Shop, sold: Payment) -> None:
    tell(sold, ReportType.CHARGEBACK_OPENED, amount=2000)
    settles(shop, Line(-2100, type="chargeback", reference="who?"))
    (row,) = shop.disagreements("unknown_line")
    resolution = Resolution(action="match", note="It is that one.", with_=(sold.id,))
    assert (
        resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor="tests").status
        == "proposed"
    )
    decide(row.id, user=person("bob", shop.merchant.id), approved=True)
    assert (open_items(sold), in_dollars(shop, "suspense")) == ({}, 0)
    proven()


@pytest.mark.parametrize("gross", [-2100, 2100])
def test_of_which_nothing_is_open_in_that_direction_it_cannot_be(shop: Shop, sold: Payment, gross: int) -> None:
    if gross > 0:
        tell(sold, ReportType.CHARGEBACK_OPENED, amount=2000)
    settles(shop, Line(gross, type="chargeback", reference="who?"))
    (row,) = shop.disagreements("unknown_line")
    resolution = Resolution(action="match", note="It is that one.", with_=(sold.id,))
    with pytest.raises(ValidationFailed):
        resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor="tests")
    assert shop.disagreements("unknown_line") == [row]
    proven()


def test_a_refund_at_the_dashboard_waits_in_suspense_too(shop: Shop, sold: Payment) -> None:
    settles(shop, about(sold, "refund", -2200, reference="re_1"))
    assert (open_items(sold), in_dollars(shop, "suspense")) == ({}, 2200)
    result = Result(
        Outcome.SUCCEEDED,
        reference="re_1",
        payment_reference=Payment.objects.get(id=sold.id).provider_reference,
        amount=Money(2000, "EUR"),
        occurred_at=timezone.now(),
    )
    record(sold.provider_account, [ProviderReport(fact=ReportType.REFUND, result=result)], actor="provider")
    assert rematch.rematch() == 1
    assert (open_items(sold), in_dollars(shop, "suspense")) == ({}, 0)
    assert in_dollars(shop, "exchange", "EUR") == 5000 - 2000
    proven()


def test_a_sale_that_is_taken_back(shop: Shop, sold: Payment) -> None:
    result = Result(
        Outcome.SUCCEEDED,
        reference="rev_1",
        payment_reference=Payment.objects.get(id=sold.id).provider_reference,
        occurred_at=timezone.now(),
    )
    record(sold.provider_account, [ProviderReport(fact=ReportType.REVERSAL, result=result)], actor="provider")
    settles(shop, about(sold, "reversal", -5450, reference="rev_1"))
    assert open_items(sold) == {}
    proven()


def test_a_sale_settled_twice_is_a_duplicate_and_the_audit_agrees(shop: Shop, sold: Payment) -> None:
    settles(shop, Line(5500, 50, operation=sold.operations.get().id))
    assert [row.kind for row in shop.disagreements() if row.kind != "currency_differs"] == ["duplicate"]
    assert (open_items(sold), in_dollars(shop, "suspense")) == ({}, -5500)
    proven()


def test_the_audit_names_what_is_booked_in_the_wrong_currency(shop: Shop, sold: Payment) -> None:
    SettlementLine.objects.update(booked_currency=None, booked_amount=None)
    assert "settled_currency_wrong" in {violation.rule for violation in audit.check()}
