"""Lines are matched by what they say of themselves: what contradicts, fits several or has the wrong sign is asked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Payment
from payments.services.card_present.types import Kind
from reconciliation import audit
from reconciliation.models import SettlementLine
from reconciliation.services.overdue import raise_overdue
from tests.reconciliation.conftest import Line, Shop, card_present, settlement_csv


def operation(payment: Payment) -> str:
    return payment.operations.get(verb="sale").id


def named(payment: Payment) -> str:
    """What the provider calls it."""
    assert payment.provider_reference is not None
    return payment.provider_reference


def made_as(payment: Payment) -> str:
    """What the provider calls the one thing that was done with it."""
    reference = payment.operations.get().provider_reference
    assert reference is not None
    return reference


def settles(shop: Shop, *lines: Line, provider: str = "simulator", reference: str = "") -> None:
    file = shop.sends(settlement_csv(*lines, reference=reference), provider_account=shop.account(provider))
    assert file.status == "imported", file.problems


def open_kinds(shop: Shop) -> list[tuple[str, int | None]]:
    return [(row.kind, row.amount) for row in shop.disagreements()]


def rules(shop: Shop) -> list[tuple[str, str]]:
    """What each line is and by which rule, in the order of the files."""
    lines = SettlementLine.objects.filter(settlement__merchant=shop.merchant).order_by("id")
    return list(lines.values_list("state", "rule"))


@pytest.fixture(autouse=True)
def audited(shop: Shop) -> Iterator[None]:
    """Whatever is open is true, and whatever is true is open."""
    yield
    assert list(audit.check()) == []


def overdue(shop: Shop) -> list[tuple[str, int | None]]:
    """What stands open once everything unsettled is overdue."""
    raise_overdue(now=timezone.now() + timedelta(days=9))
    return open_kinds(shop)


@pytest.mark.parametrize("known_by", ["operation", "reference", "payment_reference"])
def test_a_sale_with_the_sign_of_a_refund_is_not_matched(shop: Shop, known_by: str) -> None:
    payment = shop.sells_online(12_300)
    names: dict[str, Any] = {"operation": operation(payment), "reference": "", "payment_reference": named(payment)}
    if known_by == "reference":
        names["reference"] = made_as(payment)
    settles(shop, replace(Line(-12_300), **{known_by: names[known_by]}))
    assert open_kinds(shop) == [("sign_differs", -12_300)]
    (row,) = shop.disagreements()
    assert "wrong sign" in row.detail
    assert row.payment_id == payment.id
    assert (shop.balance("receivable", payment.item), shop.balance("suspense")) == (12_300, 12_300)
    assert rules(shop) == [("unknown", "sign")]
    assert overdue(shop) == [("sign_differs", -12_300)]


def test_a_card_sale_with_the_sign_of_a_refund_is_that_sale_and_not_missing_beside(shop: Shop) -> None:
    numbers = {"rrn": "000000000001", "stan": "000001", "authorization_code": "A1B2C3"}
    payment = shop.sells_in_store(1_250, acquirer_tid="TID-1", **numbers)
    line = card_present(-1_250, rrn=numbers["rrn"], tid="TID-1", stan=numbers["stan"], code="A1B2C3")
    settles(shop, line, provider="external")
    assert overdue(shop) == [("sign_differs", -1_250)]
    assert shop.disagreements()[0].payment_id == payment.id


def test_a_refund_with_the_sign_of_a_sale_is_not_matched(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    settles(
        shop,
        Line(5_000, operation=operation(payment)),
        Line(2_000, type="refund", payment_reference=named(payment)),
    )
    assert open_kinds(shop) == [("sign_differs", 2_000)]


def test_a_line_that_names_one_sale_and_the_reference_of_another_is_asked(shop: Shop) -> None:
    first, second = shop.sells_online(5_000), shop.sells_online(5_000)
    settles(shop, Line(5_000, operation=operation(first), reference=made_as(second)))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount) == ("unknown_line", 5_000)
    assert "contradicts itself" in row.detail
    assert rules(shop) == [("unknown", "contradicts")]
    assert shop.balance("receivable", first.item) == shop.balance("receivable", second.item) == 5_000
    assert overdue(shop) == [("unknown_line", 5_000)]  # neither is missing as long as nobody knows whose it is


def test_a_line_that_names_one_sale_and_the_payment_of_another_is_asked(shop: Shop) -> None:
    first, second = shop.sells_online(5_000), shop.sells_online(6_000)
    settles(shop, Line(5_000, operation=operation(first), payment_reference=named(second)))
    assert rules(shop) == [("unknown", "contradicts")]
    assert overdue(shop) == [("unknown_line", 5_000)]


def test_what_agrees_in_all_it_says_is_matched_by_the_strongest(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    made = payment.operations.get()
    settles(
        shop,
        Line(5_000, operation=made.id, reference=made_as(payment), payment_reference=named(payment)),
    )
    assert (rules(shop), open_kinds(shop)) == ([("matched", "operation")], [])


def test_two_sales_of_equal_numbers_and_amounts_are_asked(shop: Shop) -> None:
    for _ in range(2):
        shop.reports(Kind.SALE, 1_000, rrn="632810000007", authorization_code="C0FFE1")
    settles(shop, card_present(1_000, rrn="632810000007", code="C0FFE1"), provider="external")
    (row,) = shop.disagreements("unknown_line")
    assert "fits several" in row.detail
    assert rules(shop) == [("unknown", "ambiguous")]


def test_another_amount_under_the_payments_reference_alone_is_one_difference(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    settles(shop, Line(4_900, payment_reference=named(payment)))
    assert (open_kinds(shop), rules(shop)) == ([("amount_differs", 100)], [("matched", "payment_only")])
    assert overdue(shop) == [("amount_differs", 100)]
    assert shop.balance("receivable", payment.item) == 100


@pytest.mark.parametrize("known_by", ["operation", "payment_reference"])
@pytest.mark.parametrize("files", [1, 2])
def test_a_sale_settled_in_two_halves_leaves_nothing_open(shop: Shop, known_by: str, files: int) -> None:
    payment = shop.sells_online(5_000)
    name: dict[str, Any] = {known_by: operation(payment) if known_by == "operation" else named(payment)}
    halves = [replace(Line(amount), **name) for amount in (3_000, 2_000)]
    if files == 1:
        settles(shop, *halves)
    else:
        for half in halves:
            settles(shop, half)
    assert open_kinds(shop) == []
    assert shop.balance("receivable", payment.item) == shop.balance("suspense") == 0
    assert overdue(shop) == []
    settles(shop, replace(Line(2_000), **name))
    assert open_kinds(shop) in ([("duplicate", 2_000)], [("missing_in_books", 2_000)])


def test_a_second_line_of_a_settled_sale_is_no_part_of_another(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    settles(shop, Line(5_000, operation=operation(payment)))
    settles(shop, Line(5_000, operation=operation(payment)))
    assert open_kinds(shop) == [("duplicate", 5_000)]


def test_a_reserve_that_was_never_held_is_told_until_it_is(shop: Shop) -> None:
    settles(shop, Line(25_000, type="reserve_release", reference="RES-1"))
    assert open_kinds(shop) == [("missing_in_books", 25_000)]
    assert "was never held" in shop.disagreements()[0].detail
    settles(shop, Line(-25_000, type="reserve_hold", reference="RES-1"))
    assert open_kinds(shop) == []
    assert shop.balance("reserve") == 0
    settles(shop, Line(-100, type="reserve_hold", reference="RES-2"))
    settles(shop, Line(300, type="reserve_release", reference="RES-2"))
    assert open_kinds(shop) == [("missing_in_books", 200)]


def test_wrong_vat_of_a_fee_is_told_as_vat(shop: Shop) -> None:
    account = shop.account("simulator")
    account.fee_rates = [{"fixed": 29, "vat_basis_points": 2_100}]
    account.save()
    right, wrong = shop.sells_online(5_000), shop.sells_online(6_000)
    settles(shop, Line(5_000, 29, 6, operation=operation(right)), Line(6_000, 29, 0, operation=operation(wrong)))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount, row.payment_id) == ("fee_differs", -6, wrong.id)
    assert "VAT" in row.detail
