"""What providers owe, when it is expected, and what they charge: from real settlements, payouts and statements."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.bank_days import after_bank_days, bank_day_from, bank_day_until, is_bank_day
from payments.ledger import fold
from payments.models import Payment, TransferBatch
from payments.services.card_present.types import Kind
from payments.services.refunds.release import release_bank_part
from payments.services.transfer import end_to_end_id
from reconciliation.forecast import FeeRate, OwedBy, fee_rates, forecast
from reconciliation.models import Payout, SettlementLine
from tests.api.client import refusal
from tests.people.cast import finance_of, person, signed_in
from tests.reconciliation.conftest import IBAN, BankLine, Shop, card_present, settlement_csv, statement
from tests.reconciliation.test_api import api, read
from tests.reconciliation.test_close import ago, noon
from tests.reconciliation.test_transfer_batches import decides, owes, prepared

OPENING = 100_000


def sells(shop: Shop, amount: int, day: date, name: str, **more: Any) -> Payment:
    proof = {"rrn": f"R{name}", "acquirer_tid": "T1", "authorization_code": f"A{name}"}
    return shop.sells_in_store(amount, at=noon(shop, day), **proof, **more)


def is_settled(shop: Shop, amount: int, name: str, *, fee: int, payout: str, on: date | None) -> None:
    line = card_present(amount, rrn=f"R{name}", tid="T1", code=f"A{name}", fee=fee)
    shop.sends(settlement_csv(line, payout=payout, on=on), provider_account=shop.account("external"))


def was_paid(shop: Shop, days: list[date], *, took: int) -> None:
    """On each of these days something was sold, settled and paid out `took` bank days later."""
    opening = OPENING
    for number, day in enumerate(days):
        sells(shop, 10_000, day, f"{number}")
        is_settled(shop, 10_000, f"{number}", fee=100, payout=f"PAY-{number}", on=after_bank_days(day, took))
        # The files' moments are when the test writes them; of the lines they are when it was sold.
        SettlementLine.objects.filter(settlement__payouts__reference=f"PAY-{number}").update(
            occurred_at=noon(shop, day)
        )
        line = BankLine(9_900, f"PAY-{number}", name="Acquirer")
        shop.sends(statement(line, opening=opening, on=after_bank_days(day, took), number=number + 1))
        opening += 9_900
    assert set(Payout.objects.values_list("status", flat=True)) == {"received"}


def bank_days_ago(shop: Shop, count: int) -> date:
    day = ago(shop, 0)
    for _ in range(count):
        day = bank_day_until(day - timedelta(days=1))
    return day


def external(shop: Shop) -> OwedBy:
    return next(owed for owed in forecast(shop.merchant, days=14).owed if owed.account.provider == "external")


def test_a_sale_is_expected_as_the_last_payouts_came(shop: Shop) -> None:
    was_paid(shop, [bank_days_ago(shop, number) for number in (9, 8, 7)], took=2)
    sells(shop, 10_000, ago(shop, 0), "new")
    owed = external(shop)
    assert (owed.delay.bank_days, owed.delay.source, owed.delay.payouts) == (2, "payouts", 3)
    (expected,) = owed.expected
    assert expected.on == after_bank_days(ago(shop, 0), 2)
    assert is_bank_day(expected.on)
    # One percent was charged lately, so that much less will come.
    assert (expected.amount, expected.fees, expected.net, expected.overdue) == (10_000, 100, 9_900, False)
    assert owed.iban == IBAN
    assert owed.by_day() == {expected.on: 9_900}


def test_without_enough_payouts_the_contract_counts_and_without_one_nobody_can_tell(shop: Shop) -> None:
    sells(shop, 10_000, ago(shop, 0), "new")
    (expected,) = external(shop).expected
    assert (expected.on, external(shop).delay.source, external(shop).total(dated=False)) == (None, None, 10_000)
    account = shop.account("external")
    account.payout_days = 3
    account.save()
    (expected,) = external(shop).expected
    assert (expected.on, external(shop).delay.source) == (after_bank_days(ago(shop, 0), 3), "contract")
    account.bank_iban = "NL44RABO0123456789"
    account.save()
    assert external(shop).iban == "NL44RABO0123456789"


def test_a_payout_is_expected_when_the_provider_says_and_overdue_after_it(shop: Shop) -> None:
    sells(shop, 10_000, ago(shop, 1), "a")
    is_settled(shop, 10_000, "a", fee=100, payout="PAY-A", on=ago(shop, -3))
    sells(shop, 5_000, ago(shop, 9), "b")
    is_settled(shop, 5_000, "b", fee=50, payout="PAY-B", on=ago(shop, 7))
    owed = external(shop)
    late, soon = owed.expected
    assert (late.payout and late.payout.reference, late.overdue, late.net) == ("PAY-B", True, 4_950)
    assert (soon.payout and soon.payout.reference, soon.overdue, soon.net) == ("PAY-A", False, 9_900)
    assert soon.on is not None
    assert is_bank_day(soon.on)
    assert soon.on >= ago(shop, -3)
    assert (owed.total(), owed.total(overdue=True)) == (14_850, 4_950)
    assert sum(owed.by_day().values()) == 9_900
    shop.sends(statement(BankLine(4_950, "PAY-B", name="Acquirer"), on=ago(shop, 1)))
    assert external(shop).total(overdue=True) == 0


def test_what_is_owed_is_what_the_books_have_open(shop: Shop) -> None:
    sells(shop, 10_000, ago(shop, 1), "a")
    sells(shop, 7_000, ago(shop, 0), "b")
    shop.reports(Kind.REFUND, 2_500, original=2)
    owed = external(shop)
    assert owed.total() == shop.balance("receivable") == 14_500
    is_settled(shop, 10_000, "a", fee=100, payout="PAY-A", on=ago(shop, -3))
    assert external(shop).total() - 4_500 + sum(each.fees for each in external(shop).expected) == 9_900


def test_fees_stand_beside_the_contracts_rates(shop: Shop) -> None:
    account = shop.account("external")
    account.fee_rates = [
        {"brand": "maestro", "fixed": 5, "basis_points": 20},
        {"method": "card", "basis_points": 150},
    ]
    account.save()
    sells(shop, 10_000, ago(shop, 1), "a")
    is_settled(shop, 10_000, "a", fee=190, payout="PAY-A", on=ago(shop, 0))
    rate: FeeRate
    (rate,) = fee_rates(shop.merchant)
    assert (rate.charged.method, rate.charged.sales, rate.charged.gross, rate.charged.fee) == ("card", 1, 10_000, 190)
    assert (rate.effective, rate.agreed, rate.agreed_fee) == (190, {"basis_points": 150}, 150)


def test_the_api_tells_the_forecast_and_the_fees(shop: Shop) -> None:
    was_paid(shop, [bank_days_ago(shop, number) for number in (9, 8, 7)], took=1)
    sells(shop, 10_000, ago(shop, 0), "new")
    client = api(shop)
    answer = read(client.get("/v1/forecast", days=14))
    assert (answer["from"], answer["to"]) == (f"{ago(shop, 0)}", f"{ago(shop, -13)}")
    (account,) = answer["accounts"]
    assert account["provider_account"]["provider"] == "external"
    assert (account["owed"], account["overdue"], account["bank_iban"]) == (9_900, 0, IBAN)
    assert account["delay"] == {"bank_days": 1, "source": "payouts", "payouts": 3}
    due = after_bank_days(ago(shop, 0), 1)
    assert answer["cash_flow"] == [{"date": f"{due}", "currency": "EUR", "amount": 9_900}]
    (rate,) = read(client.get("/v1/fees"))["rates"]
    assert (rate["method"], rate["gross"], rate["fees"], rate["effective_basis_points"]) == ("card", 30_000, 300, 100)
    refusal(client.get("/v1/forecast", days=0), 422, "validation_failed")
    refusal(client.get("/v1/forecast", days=91), 422, "validation_failed")
    account_id = account["provider_account"]["id"]
    changed = read(client.patch(f"/v1/provider_accounts/{account_id}", {"payout_days": 4}))
    assert changed["payout_days"] == 4
    assert read(client.patch(f"/v1/provider_accounts/{account_id}", {"payout_days": None}))["payout_days"] is None
    refusal(client.patch(f"/v1/provider_accounts/{account_id}", {"payout_days": 61}), 422, "validation_failed")


def leaving(shop: Shop) -> list[tuple[int, int, bool, date | None, bool]]:
    found = forecast(shop.merchant, days=14).leaving
    return [(each.amount, each.transfers, each.ordered, each.on, each.overdue) for each in found]


def test_refunds_by_transfer_leave_from_their_acceptance_until_the_bank_shows_them(shop: Shop) -> None:
    parts = [owes(shop, 4_000), owes(shop, 2_500)]
    by_hand = owes(shop, 1_000)
    shop.sells_online(9_900)
    assert leaving(shop) == [(7_500, 3, False, None, False)]
    assert forecast(shop.merchant, days=14).leaving_by_day() == {}
    batch = prepared(shop, parts)
    day = batch.execute_on
    assert leaving(shop) == [(6_500, 2, False, day, False), (1_000, 1, False, None, False)]
    decides(batch)
    release_bank_part(by_hand, user=finance_of(shop.merchant.id))
    assert leaving(shop) == [(6_500, 2, True, day, False), (1_000, 1, True, bank_day_from(ago(shop, 0)), False)]
    assert sum(forecast(shop.merchant, days=14).leaving_by_day().values()) == 7_500
    TransferBatch.objects.update(execute_on=bank_days_ago(shop, 3))
    assert leaving(shop)[0] == (6_500, 2, True, bank_days_ago(shop, 3), True)
    fold.fold_all()
    assert len(leaving(shop)) == 2
    shop.sends(statement(BankLine(-6_500, batch.id), BankLine(-1_000, end_to_end_id=end_to_end_id(by_hand))))
    assert leaving(shop) == []


def test_the_cash_flow_tells_what_leaves_beside_what_comes(shop: Shop) -> None:
    account = shop.account("external")
    account.payout_days = 0
    account.save()
    sells(shop, 10_000, ago(shop, 0), "new")
    batch = prepared(shop, [owes(shop, 4_000)])
    decides(batch)
    waits = owes(shop, 1_500)
    body = read(api(shop).get("/v1/forecast"))
    assert [(row["amount"], row["ordered"], row["date"], row["transfers"]) for row in body["refunds"]] == [
        (4_000, True, f"{batch.execute_on}", 1),
        (1_500, False, None, 1),
    ]
    flow = {row["date"]: row["amount"] for row in body["cash_flow"]}
    assert sum(flow.values()) == 10_000 + 4_000 + 1_500 - 4_000  # the sales that were brought back are owed, too
    shown = page(shop, "forecast", "en")
    assert "efunds by transfer EUR" in shown
    assert shown.count("−€40.00") >= 2
    assert f"/admin/payments/transferbatch/{batch.id}/" in shown
    assert "nobody has ordered it yet" in shown
    assert "erugbetalingen per overboeking EUR" in page(shop, "forecast", "nl")
    assert waits.batch_id is None


def test_nothing_is_owed_to_a_shop_that_sold_nothing(shop: Shop) -> None:
    assert forecast(shop.merchant, days=14).owed == []
    assert fee_rates(shop.merchant) == []
    assert datetime.now(shop.merchant.zone).date() == shop.merchant.business_day(timezone.now())


@pytest.mark.parametrize("days", [1, 14, 90])
def test_as_many_days_as_are_asked_for_are_looked_at(shop: Shop, days: int) -> None:
    assert len(list(forecast(shop.merchant, days=days).days())) == days


def page(shop: Shop, name: str, language: str) -> str:
    somebody = person(f"{name} in {language}", shop.merchant.id)
    somebody.language = language
    somebody.save()
    answer = signed_in(somebody).get(f"/admin/reconciliation/payout/{name}/")
    assert answer.status_code == 200
    return answer.content.decode().replace("\xa0", " ")


def test_the_pages_tell_the_same_and_lead_to_what_is_behind(shop: Shop) -> None:
    was_paid(shop, [bank_days_ago(shop, number) for number in (9, 8, 7)], took=1)
    sells(shop, 10_000, ago(shop, 0), "new")
    account = shop.account("external")
    shown = page(shop, "forecast", "en")
    assert "bank days: 1, as in the last 3 payouts" in shown
    assert shown.count("€99.00") >= 4  # what is owed, its day, its sum, and what it is made of
    day = ago(shop, 0)
    behind = f"provider_account__id__exact={account.id}&amp;business_day_from={day}&amp;business_day_to={day}"
    assert f"/admin/payments/payment/?{behind}" in shown
    assert "Verwacht in de komende 14 dagen" in page(shop, "forecast", "nl")
    fees = page(shop, "fees", "en")
    assert "1.00 %" in fees
    assert "no rate entered" in fees
    assert "geen tarief ingevuld" in page(shop, "fees", "nl")


def test_however_much_is_open_it_is_read_at_once(shop: Shop, django_assert_num_queries: Any) -> None:
    """Two sales are read as a hundred thousand are: nothing is asked for each of them."""
    with django_assert_num_queries(7):
        forecast(shop.merchant, days=14)
    for number in range(3):
        sells(shop, 1_000, ago(shop, number), f"{number}")
        is_settled(shop, 1_000, f"{number}", fee=10, payout=f"PAY-{number}", on=None)
        sells(shop, 2_000, ago(shop, number), f"again {number}")
    with django_assert_num_queries(7):
        assert len(external(shop).expected) == 6
    with django_assert_num_queries(2):
        fee_rates(shop.merchant)
