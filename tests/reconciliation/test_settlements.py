"""A settlement turns what was owed per payment into one net, and the receivables of what it settles are zero."""

from dataclasses import replace

import pytest

from payments.core.money import Money
from payments.models import Discrepancy, Operation, Payment
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.card_present.types import Kind
from payments.services.record import record
from reconciliation.models import Payout, SettlementLine
from reconciliation.services import rematch
from reconciliation.services.resolve import Resolution, resolve
from tests.reconciliation.conftest import Line, Shop, card_present, codes, settlement_csv


def test_what_the_simulator_settles_is_owed_no_more(shop: Shop) -> None:
    payments = [shop.sells_online(amount) for amount in (1250, 4000, 999_00)]
    file = shop.sends(shop.settlement())
    assert (file.status, file.format, file.lines, file.currency) == ("imported", "simulator_csv", 3, "EUR")
    assert file.gross == 1250 + 4000 + 999_00
    assert file.fees is not None
    assert file.gross - file.fees == file.net
    for payment in payments:
        assert shop.balance("receivable", payment.item) == 0
    assert shop.disagreements() == []
    assert set(SettlementLine.objects.values_list("state", flat=True)) == {"matched"}


def test_fees_and_vat_are_booked_and_the_net_is_in_transit(shop: Shop) -> None:
    shop.sells_online(10_000)
    file = shop.sends(shop.settlement())
    assert shop.balance("fees") + shop.balance("vat_on_fees") == file.fees
    assert shop.balance("vat_on_fees") == file.vat
    assert shop.balance("in_transit") == file.net
    assert shop.balance("receivable") == 0
    payout = Payout.objects.get()
    assert (payout.amount, payout.status) == (file.net, "announced")


def test_pin_sales_are_known_by_what_the_acquirer_prints(shop: Shop) -> None:
    by_rrn = shop.sells_in_store(1000, rrn="000000000001")
    by_stan = shop.sells_in_store(2000, acquirer_tid="T1", stan="000007")
    by_code = shop.sells_in_store(3000, authorization_code="A1B2C3")
    file = shop.sends(
        settlement_csv(
            card_present(1000, rrn="000000000001"),
            card_present(2000, tid="T1", stan="000007"),
            card_present(3000, code="A1B2C3"),
        )
    )
    assert file.status == "imported"
    assert file.provider_account == shop.account("external")
    assert [shop.balance("receivable", payment.item) for payment in (by_rrn, by_stan, by_code)] == [0, 0, 0]
    assert shop.disagreements() == []


def test_an_offline_sale_is_confirmed_by_its_settlement(shop: Shop) -> None:
    payment = shop.sells_in_store(2500, offline=True, rrn="000000000009")
    assert shop.balance("provisional", payment.item) == 2500
    shop.sends(settlement_csv(card_present(2500, rrn="000000000009", fee=10)))
    payment.refresh_from_db()
    assert not payment.provisional
    assert payment.confirmed_at is not None
    assert shop.balance("provisional", payment.item) == shop.balance("receivable", payment.item) == 0


def test_pin_refunds_with_and_without_their_sale(shop: Shop) -> None:
    payment = shop.sells_in_store(3000, rrn="000000000021")
    shop.reports(Kind.REFUND, 1000, original=1, rrn="000000000022")
    shop.reports(Kind.REFUND, 500, rrn="000000000023")
    file = shop.sends(
        settlement_csv(
            card_present(3000, rrn="000000000021"),
            card_present(-1000, kind="terminal_refund", rrn="000000000022"),
            card_present(-500, kind="terminal_refund", rrn="000000000023"),
            payout="P-7",
        )
    )
    assert (file.status, file.net) == ("imported", 1500)
    assert set(SettlementLine.objects.values_list("state", flat=True)) == {"matched"}
    assert shop.balance("receivable", payment.item) == shop.balance("receivable") == 0
    assert shop.disagreements("unknown_line", "missing_in_books", "amount_differs") == []


def test_a_sale_that_was_reversed_is_settled_as_nothing(shop: Shop) -> None:
    payment = shop.sells_in_store(3000, rrn="000000000031")
    shop.reports(Kind.REVERSAL, 3000, original=1)
    payment.refresh_from_db()
    assert payment.status == "reversed"
    shop.sends(
        settlement_csv(
            card_present(3000, rrn="000000000031"),
            Line(-3000, type="reversal", operation=payment.operations.get().id),
        )
    )
    assert shop.balance("receivable", payment.item) == 0
    assert shop.disagreements() == []


def test_one_posting_per_payment_however_many_lines_are_about_it(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    reference = str(payment.provider_reference)
    shop.sends(
        settlement_csv(
            Line(5000, operation=operation(shop), payment_reference=reference),
            Line(-2000, type="refund", payment_reference=reference),
        )
    )
    assert shop.balance("receivable", payment.item) == 2000
    assert [row.kind for row in shop.disagreements()] == ["missing_in_books"]


def test_an_unknown_line_waits_in_suspense(shop: Shop) -> None:
    shop.sells_online(5000)
    file = shop.sends(
        settlement_csv(Line(700, 10, reference="who?"), payout="P-1"), provider_account=shop.account("simulator")
    )
    assert file.status == "imported"
    (row,) = shop.disagreements()
    assert (row.kind, row.amount, row.settlement_file_id) == ("unknown_line", 700, file.id)
    assert shop.balance("suspense", row.item) == -700
    assert shop.balance("in_transit") == 690


def test_a_line_settled_twice_waits_in_suspense(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    line = Line(5000, operation=operation(shop))
    shop.sends(settlement_csv(line, line))
    shop.sends(settlement_csv(line))
    assert [row.kind for row in shop.disagreements()] == ["duplicate", "duplicate"]
    assert shop.balance("receivable", payment.item) == 0
    assert shop.balance("suspense") == -10_000


def test_two_lines_of_one_file_about_one_sale_settle_it_once(shop: Shop) -> None:
    payment = shop.sells_in_store(5000, rrn="000000000031")
    twice = [replace(card_present(5000, rrn="000000000031"), reference=name) for name in ("mov-1", "mov-2")]
    assert shop.sends(settlement_csv(*twice)).status == "imported"
    assert [row.kind for row in shop.disagreements()] == ["duplicate"]
    assert (shop.balance("receivable", payment.item), shop.balance("suspense")) == (0, -5000)


def test_another_amount_leaves_the_difference_open(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=operation(shop))))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount, row.payment_id) == ("amount_differs", 200, payment.id)
    assert shop.balance("receivable", payment.item) == 200


@pytest.mark.parametrize("notified_first", [True, False])
def test_a_chargeback_of_another_amount_leaves_the_difference_open(shop: Shop, notified_first: bool) -> None:
    """Whether the dispute was told of before it was settled or after it."""
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(5000, operation=operation(shop))))
    settled = Line(-2100, type="chargeback", reference="dp_1", payment_reference=str(payment.provider_reference))
    reports = [ProviderReport(fact=ReportType.CHARGEBACK_OPENED, result=disputed(payment, 2000))]
    if notified_first:
        record(payment.provider_account, reports, actor="provider")
    shop.sends(settlement_csv(settled))
    if not notified_first:
        record(payment.provider_account, reports, actor="provider")
        rematch.rematch()
    (row,) = shop.disagreements()
    assert (row.kind, row.amount, row.payment_id) == ("amount_differs", 100, payment.id)
    assert shop.balance("receivable", payment.item) == 100
    resolution = Resolution(action="book_fee", note="They kept it.")
    resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor="tests")
    assert shop.balance("receivable", payment.item) == 0


def test_lines_that_name_no_dispute_are_judged_by_their_sum(shop: Shop) -> None:
    """Nobody knows which of two disputes each is."""
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(5000, operation=operation(shop))))
    reports = [
        ProviderReport(fact=ReportType.CHARGEBACK_OPENED, result=disputed(payment, amount, reference))
        for amount, reference in ((2000, "dp_1"), (1000, "dp_2"))
    ]
    record(payment.provider_account, reports, actor="provider")
    about = Line(0, type="chargeback", payment_reference=str(payment.provider_reference))
    shop.sends(settlement_csv(*(replace(about, gross=gross, reference=f"mov{gross}") for gross in (-1000, -2000))))
    assert shop.disagreements() == []
    assert shop.balance("receivable", payment.item) == 0


def test_what_a_provider_tells_of_a_dispute_and_settles_alike_is_one_difference(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(5000, operation=operation(shop))))
    for amount in (2000, 2100):
        reports = [ProviderReport(fact=ReportType.CHARGEBACK_OPENED, result=disputed(payment, amount))]
        record(payment.provider_account, reports, actor="provider")
    assert [(row.kind, row.settlement_file_id) for row in shop.disagreements()] == [("amount_differs", None)]
    about = Line(-2100, type="chargeback", reference="dp_1", payment_reference=str(payment.provider_reference))
    file = shop.sends(settlement_csv(about))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount, row.settlement_file_id) == ("amount_differs", 100, file.id)


def test_what_was_written_off_is_no_difference_when_its_truth_comes(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(5000, operation=operation(shop))))
    about = Line(-2100, type="chargeback", reference="dp_1", payment_reference=str(payment.provider_reference))
    shop.sends(settlement_csv(about))
    (row,) = shop.disagreements("missing_in_books")
    Discrepancy.objects.filter(id=row.id).update(status="resolved")
    reports = [ProviderReport(fact=ReportType.CHARGEBACK_OPENED, result=disputed(payment, 2000))]
    record(payment.provider_account, reports, actor="provider")
    rematch.rematch()
    assert shop.disagreements("amount_differs") == []


def disputed(payment: Payment, amount: int, reference: str = "dp_1") -> Result:
    """What a provider tells of a dispute."""
    return Result(
        Outcome.SUCCEEDED,
        reference=reference,
        payment_reference=payment.provider_reference,
        amount=Money(amount, payment.currency),
    )


def test_a_fee_beyond_what_was_agreed_is_raised(shop: Shop) -> None:
    account = shop.account("simulator")
    account.fee_rates = [{"method": "ideal", "fixed": 29}, {"method": "card", "fixed": 10, "basis_points": 140}]
    account.save()
    shop.sells_online(10_000)
    first = operation(shop)
    shop.sells_online(10_000)
    shop.sends(settlement_csv(Line(10_000, 151, operation=first), Line(10_000, 190, operation=operation(shop))))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount) == ("fee_differs", 40)


def test_another_currency_goes_over_exchange(shop: Shop) -> None:
    payment = shop.sells_online(5000, currency="USD")
    shop.sends(settlement_csv(Line(4500, 50, operation=operation(shop)), payout="P-2"))
    assert shop.balance("receivable", payment.item) == 0
    assert shop.balance("exchange") == 5000 - 4500
    assert shop.balance("in_transit") == 4450
    assert [row.kind for row in shop.disagreements()] == ["currency_differs"]


def test_reserves_are_held_and_released_under_one_item(shop: Shop) -> None:
    shop.sells_online(5000)
    shop.sends(
        settlement_csv(
            Line(5000, operation=operation(shop)), Line(-1000, type="reserve_hold", reference="R1"), payout="P-3"
        )
    )
    assert shop.balance("reserve") == 1000
    assert shop.balance("in_transit") == 4000
    shop.sends(
        settlement_csv(Line(1000, type="reserve_release", reference="R1"), payout="P-4"),
        provider_account=shop.account("simulator"),
    )
    assert shop.balance("reserve") == 0
    held = SettlementLine.objects.filter(reference="R1")
    assert len({line.item for line in held}) == 1


def test_a_negative_payout_swaps_the_sides(shop: Shop) -> None:
    shop.sends(
        settlement_csv(Line(0, 500, 105, type="fee", reference="F1"), payout="P-5"),
        provider_account=shop.account("simulator"),
    )
    assert Payout.objects.get().amount == -605
    assert shop.balance("in_transit") == -605
    assert shop.balance("fees") == 500


def test_the_same_settlement_in_another_file_is_refused(shop: Shop) -> None:
    shop.sells_online(5000)
    content = shop.settlement()
    shop.sends(content)
    again = shop.sends(content.replace("\n", "\r\n"))
    assert (again.status, codes(again)) == ("refused", ["settlement_known"])
    assert SettlementLine.objects.count() == 1


def test_another_settlement_that_names_the_same_payout_is_refused(shop: Shop) -> None:
    sold = [shop.sells_in_store(5000, rrn=rrn) for rrn in ("000000000041", "000000000042")]
    first, second = (
        settlement_csv(card_present(5000, rrn=rrn), payout="P-1") for rrn in ("000000000041", "000000000042")
    )
    assert shop.sends(first).status == "imported"
    again = shop.sends(second)
    assert (again.status, codes(again)) == ("refused", ["payout_known"])
    assert [shop.balance("receivable", payment.item) for payment in sold] == [0, 5000]


def test_lines_of_two_accounts_in_one_file_are_refused(shop: Shop) -> None:
    shop.sells_online(5000)
    online = operation(shop)
    shop.sells_in_store(1000, rrn="000000000001")
    file = shop.sends(settlement_csv(Line(5000, operation=online), card_present(1000, rrn="000000000001")))
    assert (file.status, codes(file)) == ("refused", ["account_ambiguous"])


def operation(shop: Shop) -> str:
    """The operation of the last online sale."""
    return Operation.objects.filter(merchant=shop.merchant).order_by("-id")[0].id
