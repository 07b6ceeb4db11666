"""A cardholder's bank takes money back: told in any order, any number of times, before and after a refund."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from payments.core.money import Money
from payments.models import Chargeback, ChargebackStep, Discrepancy, Payment, StatisticDelta
from payments.notify.models import Event
from payments.providers.base import Outcome, ProviderReport, ReportType, Result, Stage
from payments.services.record import record
from tests.builders import Shop, fresh, only, open_shop, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]

INQUIRY, OPENED = ReportType.CHARGEBACK_INQUIRY, ReportType.CHARGEBACK_OPENED
WON, LOST = ReportType.CHARGEBACK_WON, ReportType.CHARGEBACK_LOST


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.fixture
def payment(shop: Shop) -> Payment:
    """50.00 by card in the webshop."""
    return shop.pay(5000)


def tell(
    payment: Payment,
    *facts: ReportType,
    reference: str = "dispute_1",
    amount: int = 5000,
    after: int = 0,
    **more: Any,
) -> None:
    """The provider tells these facts in this order; each happened at its own place in a dispute's life."""
    for fact in facts:
        at = timezone.now() + timedelta(seconds=[INQUIRY, OPENED, WON, LOST].index(fact) + after)
        result = Result(
            Outcome.SUCCEEDED,
            reference=reference,
            payment_reference=fresh(payment).provider_reference,
            amount=Money(amount, "EUR"),
            occurred_at=at,
        )
        report = ProviderReport(fact=fact, result=result, reason="fraud", **more)
        record(payment.provider_account, [report], actor="provider")


def accounts(shop: Shop) -> dict[str, int]:
    return only(shop.books(), "receivable", "disputed", "chargebacks")


def events() -> list[str]:
    return list(Event.objects.filter(type__startswith="chargeback.").order_by("id").values_list("type", flat=True))


def counted() -> int:
    return sum(StatisticDelta.objects.values_list("chargebacks_amount", flat=True))


def test_an_inquiry_moves_nothing(shop: Shop, payment: Payment) -> None:
    tell(payment, INQUIRY)
    assert Chargeback.objects.get().status == "inquiry"
    assert accounts(shop) == {"receivable": 5000, "disputed": 0, "chargebacks": 0}
    assert (fresh(payment.order).charged_back, events(), counted()) == (0, ["chargeback.inquiry"], 0)


def test_opened_the_money_is_gone_for_now(shop: Shop, payment: Payment) -> None:
    tell(payment, INQUIRY, OPENED, amount=3000)
    assert accounts(shop) == {"receivable": 2000, "disputed": 3000, "chargebacks": 0}
    order = fresh(payment.order)
    assert (order.charged_back, order.refundable, fresh(payment).amount_charged_back) == (3000, 2000, 3000)
    assert (events(), counted()) == (["chargeback.inquiry", "chargeback.opened"], 3000)


def test_won_it_is_as_if_it_had_never_been(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, WON)
    assert accounts(shop) == {"receivable": 5000, "disputed": 0, "chargebacks": 0}
    assert (fresh(payment.order).refundable, counted()) == (5000, 0)
    assert events() == ["chargeback.opened", "chargeback.won"]


def test_lost_the_shop_bears_it(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, LOST)
    assert accounts(shop) == {"receivable": 0, "disputed": 0, "chargebacks": 5000}
    assert (fresh(payment.order).refundable, counted()) == (0, 5000)
    assert Chargeback.objects.get().closed_at is not None


@pytest.mark.parametrize("end", [WON, LOST])
def test_in_any_order_and_twice_it_ends_the_same(shop: Shop, payment: Payment, end: ReportType) -> None:
    for number, facts in enumerate(permutations([INQUIRY, OPENED, end])):
        tell(payment, *facts, *facts, reference=f"dispute_{number}", amount=100)
    lost = 600 if end == LOST else 0
    assert accounts(shop) == {"receivable": 5000 - lost, "disputed": 0, "chargebacks": lost}
    assert (fresh(payment.order).charged_back, counted()) == (lost, lost)
    assert len([event for event in events() if event != "chargeback.inquiry"]) == 12


def test_a_second_chargeback_is_another_one(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, WON, reference="first")
    tell(payment, OPENED, LOST, reference="second")
    assert accounts(shop) == {"receivable": 0, "disputed": 0, "chargebacks": 5000}
    assert sorted(Chargeback.objects.values_list("status", flat=True)) == ["lost", "won"]


@pytest.mark.parametrize(("first", "then"), [(WON, LOST), (LOST, WON)])
def test_a_scheme_may_come_to_another_conclusion(
    shop: Shop, payment: Payment, first: ReportType, then: ReportType
) -> None:
    tell(payment, OPENED, first)
    tell(payment, then, after=60)
    lost = 5000 if then == LOST else 0
    assert accounts(shop) == {"receivable": 5000 - lost, "disputed": 0, "chargebacks": lost}
    assert (fresh(payment.order).charged_back, counted()) == (lost, lost)


def test_what_it_concludes_after_that_is_for_a_person(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, WON)
    tell(payment, LOST, after=60)
    tell(payment, WON, after=120)
    assert Chargeback.objects.get().status == "lost"
    assert Discrepancy.objects.get(kind="missing_in_books").amount == 5000


def test_an_older_conclusion_that_comes_late_changes_nothing(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, LOST, after=60)
    tell(payment, WON)
    assert Chargeback.objects.get().status == "lost"


def test_an_inquiry_that_comes_to_nothing_moves_nothing(shop: Shop, payment: Payment) -> None:
    tell(payment, INQUIRY)
    tell(payment, WON, stage=Stage.INQUIRY)
    row = Chargeback.objects.get()
    assert (row.stage, row.status, row.respond_by) == ("inquiry", "won", None)
    assert accounts(shop) == {"receivable": 5000, "disputed": 0, "chargebacks": 0}
    assert (events(), counted()) == (["chargeback.inquiry"] * 2, 0)
    tell(payment, OPENED, after=60)
    assert accounts(shop) == {"receivable": 0, "disputed": 5000, "chargebacks": 0}


def test_less_may_be_taken_than_was_asked_about(shop: Shop, payment: Payment) -> None:
    tell(payment, INQUIRY)
    tell(payment, OPENED, amount=1200)
    assert (Chargeback.objects.get().amount, fresh(payment.order).refundable) == (1200, 3800)


def test_what_was_taken_is_not_taken_for_more_later(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, amount=1200)
    tell(payment, LOST, amount=1300)
    assert accounts(shop) == {"receivable": 3800, "disputed": 0, "chargebacks": 1200}
    assert Discrepancy.objects.get(kind="amount_differs").amount == 100


PRE, LAST = Stage.PRE_ARBITRATION, Stage.ARBITRATION
LIFE: list[tuple[ReportType, Stage]] = [
    (INQUIRY, Stage.INQUIRY),
    (OPENED, Stage.CHARGEBACK),
    (WON, Stage.CHARGEBACK),
    (OPENED, PRE),
    (LOST, PRE),
    (OPENED, LAST),
    (WON, LAST),
]


def live(
    payment: Payment, steps: list[tuple[ReportType, Stage]], *, reference: str = "dispute_1", amount: int = 5000
) -> None:
    """The provider tells these steps in this order; each happened at its place in the whole life."""
    for fact, stage in steps:
        after = 10 * LIFE.index((fact, stage))
        tell(payment, fact, reference=reference, amount=amount, after=after, stage=stage)


@pytest.mark.parametrize(
    ("expected", "receivable", "disputed", "lost"),
    [(2, 0, 5000, 0), (3, 5000, 0, 0), (4, 0, 5000, 0), (5, 0, 0, 5000), (6, 0, 5000, 0), (7, 5000, 0, 0)],
)
def test_each_stage_takes_and_gives_the_money_again(
    shop: Shop, payment: Payment, expected: int, receivable: int, disputed: int, lost: int
) -> None:
    live(payment, LIFE[:expected])
    assert accounts(shop) == {"receivable": receivable, "disputed": disputed, "chargebacks": lost}
    row = Chargeback.objects.get()
    assert (row.stage, row.steps.count()) == (LIFE[expected - 1][1], expected)
    assert (fresh(payment.order).charged_back, counted()) == (5000 - receivable, 5000 - receivable)
    assert events() == [f"chargeback.{fact.value.removeprefix('chargeback_')}" for fact, _ in LIFE[:expected]]


def test_the_stages_may_be_told_in_any_order_and_twice(shop: Shop, payment: Payment) -> None:
    """What a dispute comes to is the same whichever way its four steps arrive."""
    steps = LIFE[1:5]
    for number, order in enumerate(permutations(steps)):
        live(payment, [*order, order[0]], reference=f"dispute_{number}", amount=100)
    assert accounts(shop) == {"receivable": 2600, "disputed": 0, "chargebacks": 2400}
    assert (fresh(payment.order).charged_back, counted()) == (2400, 2400)
    assert {(row.stage, row.status, row.steps.count()) for row in Chargeback.objects.all()} == {(PRE, "lost", 4)}
    assert not Discrepancy.objects.exists()


def test_until_when_evidence_may_be_sent_goes_with_the_stage(shop: Shop, payment: Payment) -> None:
    first, second, third = (timezone.now().replace(microsecond=0) + timedelta(days=days) for days in (7, 9, 30))
    tell(payment, OPENED, respond_by=first)
    assert Chargeback.objects.get().respond_by == first
    tell(payment, OPENED, respond_by=second)
    assert Chargeback.objects.get().respond_by == second
    tell(payment, WON)
    assert Chargeback.objects.get().respond_by is None
    tell(payment, OPENED, stage=PRE, respond_by=third, after=60)
    assert Chargeback.objects.get().respond_by == third
    shown = Event.objects.filter(type="chargeback.opened").order_by("id").last()
    assert shown is not None
    answer = shown.data["object"]
    assert (answer["stage"], answer["status"]) == ("pre_arbitration", "open")
    assert [(step["stage"], step["status"]) for step in answer["history"]] == [
        ("chargeback", "open"),
        ("chargeback", "won"),
        ("pre_arbitration", "open"),
    ]


def test_two_chargebacks_on_one_payment_each_take_their_part(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, reference="first", amount=2000)
    tell(payment, OPENED, reference="second", amount=1500)
    order = fresh(payment.order)
    assert (order.charged_back, order.refundable) == (3500, 1500)
    tell(payment, WON, reference="first", amount=2000)
    tell(payment, LOST, reference="second", amount=1500)
    assert accounts(shop) == {"receivable": 3500, "disputed": 0, "chargebacks": 1500}
    with pytest.raises(Exception, match="amount_exceeds_refundable"):
        shop.refund(payment.order, 3501)
    assert shop.refund(payment.order, 3500).amount == 3500


def test_two_chargebacks_of_more_than_was_paid_are_facts_and_over_return(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, reference="first")
    tell(payment, OPENED, reference="second", amount=1000)
    order = fresh(payment.order)
    assert (order.charged_back, order.excess, order.refundable) == (6000, 1000, 0)
    assert Discrepancy.objects.get(kind="over_returned").amount == 1000


def test_a_refund_under_way_and_a_chargeback_meet(shop: Shop, payment: Payment) -> None:
    shop.refund(payment.order, 3000)
    tell(payment, OPENED, amount=4000)
    order = fresh(payment.order)
    assert (order.refund_reserved, order.charged_back, order.excess) == (3000, 4000, 2000)
    work()
    order = fresh(payment.order)
    assert (order.refunded, order.excess) == (3000, 2000)
    assert Discrepancy.objects.get(kind="over_returned").status == "open"


def test_after_a_refund_the_customer_has_it_twice(shop: Shop, payment: Payment) -> None:
    shop.refund(payment.order, 4000)
    work()
    tell(payment, OPENED)
    order = fresh(payment.order)
    assert (order.refunded, order.charged_back, order.excess, order.refundable) == (4000, 5000, 4000, 0)
    over = Discrepancy.objects.get(kind="over_returned")
    assert (over.amount, over.status) == (4000, "open")
    tell(payment, WON)
    assert (fresh(payment.order).excess, fresh(over).status) == (0, "resolved")


def test_after_a_chargeback_only_the_rest_can_be_refunded(shop: Shop, payment: Payment) -> None:
    tell(payment, OPENED, amount=3000)
    with pytest.raises(Exception, match="amount_exceeds_refundable"):
        shop.refund(payment.order, 2001)
    assert shop.refund(payment.order).amount == 2000


def test_of_a_payment_of_no_known_sale_it_waits(shop: Shop, payment: Payment) -> None:
    result = Result(Outcome.SUCCEEDED, reference="dispute_9", payment_reference="sim_unknown")
    recording = record(payment.provider_account, [ProviderReport(fact=OPENED, result=result)], actor="provider")
    assert len(recording.waiting) == 1
    assert not Chargeback.objects.exists()


def test_an_inquiry_that_is_told_again_is_announced_once(payment: Payment) -> None:
    tell(payment, INQUIRY, INQUIRY)
    assert events() == ["chargeback.inquiry"]
    assert ChargebackStep.objects.count() == 1


def test_all_of_a_dispute_may_be_told_at_once(shop: Shop, payment: Payment) -> None:
    at, reference = timezone.now(), fresh(payment).provider_reference
    reports = [
        ProviderReport(
            fact=fact,
            reason="fraud",
            result=Result(
                Outcome.SUCCEEDED,
                reference="dispute_1",
                payment_reference=reference,
                amount=Money(5000, "EUR"),
                occurred_at=at + timedelta(seconds=place),
            ),
        )
        for place, fact in enumerate((INQUIRY, OPENED, LOST))
    ]
    record(payment.provider_account, reports, actor="provider")
    assert Chargeback.objects.get().status == "lost"
    assert events() == ["chargeback.inquiry", "chargeback.opened", "chargeback.lost"]
    assert accounts(shop) == {"receivable": 0, "disputed": 0, "chargebacks": 5000}
