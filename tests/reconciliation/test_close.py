"""A shop closes its days per channel and its months as a whole, and what comes late is booked on the next open day."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from payments.accounting.chart_of_accounts import account
from payments.accounting.journal import entry_of
from payments.core.errors import Conflict, Forbidden, Invalid, ValidationFailed
from payments.core.ids import new_id
from payments.ledger import balances, days
from payments.ledger.days import Status
from payments.ledger.models import BookDay, JournalEntry
from payments.ledger.posting import credit, debit, post
from payments.models import Channel, Discrepancy, Payment
from payments.notify.models import Event
from payments.people.models import Approval, AuditLog, Role
from payments.services.card_present.types import DeviceOutcome, Kind
from reconciliation.closing import Scope, State, Why
from reconciliation.models import PeriodChange
from reconciliation.services import close_period, reopen_period
from reconciliation.services.close_period import close
from reconciliation.services.periods import day_of, find_or_make, month_of, state_of
from reconciliation.services.reopen_period import reopen
from tests.people.cast import finance_of, person
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement, violations
from tests.threads import at_once, in_thread

BECAUSE = Why(operator="Anna", reason="The terminal was stolen; its sales are lost.")


def ago(shop: Shop, days_ago: int) -> date:
    return shop.merchant.business_day(timezone.now()) - timedelta(days=days_ago)


def noon(shop: Shop, day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), shop.merchant.zone) + timedelta(hours=12)


def sells(shop: Shop, amount: int, day: date, **more: Any) -> Payment:
    """A PIN sale in the store on a day that is over."""
    return shop.sells_in_store(amount, at=noon(shop, day), **more)


def closes(shop: Shop, channel: Channel, day: date) -> State:
    done = close(day_of(channel, day), actor="tests")
    assert isinstance(done, State)
    return done


def wrong(scope: Scope) -> dict[str, int]:
    """What stands in the way, and how many."""
    return {check.check: check.count for check in state_of(scope).checks if not check.passed}


def booked_on(payment: Payment) -> date:
    return JournalEntry.objects.get(key__startswith="sale:", postings__item=payment.item, reverses=None).book_date


def agreed(approval: Approval, shop: Shop) -> None:
    """Another person decides, in the admin."""
    decider = close_period.decide_override if approval.action == "override_close" else reopen_period.decide
    decider(approval.subject_id, user=finance_of(shop.merchant.id), approved=True)


def test_a_day_that_is_over_is_closed_once(shop: Shop) -> None:
    sells(shop, 1200, ago(shop, 1))
    first = closes(shop, shop.store, ago(shop, 1))
    assert first.status == Status.CLOSED
    assert all(check.passed for check in first.checks)
    assert closes(shop, shop.store, ago(shop, 1)) == first
    assert AuditLog.objects.filter(action="day.closed").count() == 1
    assert Event.objects.filter(type="day.closed").count() == PeriodChange.objects.count() == 1


def test_a_day_or_month_that_is_not_over_stays_open(shop: Shop) -> None:
    today = ago(shop, 0)
    for scope in (day_of(shop.store, today), month_of(shop.merchant, today)):
        with pytest.raises(Invalid) as refusal:
            close(scope, actor="tests")
        assert refusal.value.code == "day_not_over"


def test_what_a_terminal_sends_late_is_booked_on_the_next_open_day(shop: Shop) -> None:
    monday, tuesday = ago(shop, 2), ago(shop, 1)
    early = sells(shop, 1200, monday)
    closes(shop, shop.store, monday)
    before = balances.trial_balance(shop.merchant.id, monday)
    late = sells(shop, 700, monday)
    assert (late.business_day, booked_on(late)) == (monday, tuesday)
    assert booked_on(early) == monday
    assert balances.trial_balance(shop.merchant.id, monday) == before
    closes(shop, shop.store, tuesday)
    later = sells(shop, 100, monday)
    assert booked_on(later) == ago(shop, 0)
    assert violations() == []


def test_a_late_refund_leaves_on_the_day_it_was_accepted_on(shop: Shop) -> None:
    sale = sells(shop, 1200, ago(shop, 1))
    shop.sells_online(500)
    closes(shop, shop.store, ago(shop, 1))
    shop.reports(Kind.REFUND, 400, original=1, at=noon(shop, ago(shop, 1)))
    entries = JournalEntry.objects.filter(merchant_id=shop.merchant.id, event__startswith="refund_")
    assert {entry.event: entry.book_date for entry in entries} == {
        "refund_accepted": ago(shop, 0),
        "refund_paid": ago(shop, 0),
    }
    assert Payment.objects.get(id=sale.id).amount_refunded == 400


def test_each_channel_closes_its_own_day(open_shop: Any) -> None:
    shop = open_shop("Bloem")
    day = ago(shop, 1)
    sells(shop, 1200, day)
    cash(shop, shop.webshop, day)
    closes(shop, shop.store, day)
    assert booked_on(sells(shop, 100, day)) == ago(shop, 0)
    assert cash(shop, shop.webshop, day) == day
    assert days.status(shop.merchant.id, day) == Status.OPEN
    closes(shop, shop.webshop, day)
    assert days.status(shop.merchant.id, day) == Status.CLOSED


def test_a_channel_that_sold_nothing_today_closes_its_own_day_all_the_same(shop: Shop) -> None:
    """Its terminals may only be offline: the webshop's closing does not close the store's day, nor the merchant's."""
    cash(shop, shop.webshop, ago(shop, 1))
    sells(shop, 1200, ago(shop, 2))
    closes(shop, shop.store, ago(shop, 2))
    closes(shop, shop.webshop, ago(shop, 1))
    assert state_of(day_of(shop.store, ago(shop, 1))).status == Status.OPEN
    assert booked_on(sells(shop, 700, ago(shop, 1))) == ago(shop, 1)
    closes(shop, shop.store, ago(shop, 1))
    assert days.status(shop.merchant.id, ago(shop, 1)) == Status.CLOSED


def cash(shop: Shop, channel: Channel, day: date) -> date:
    """Something is booked on a channel's accounts; return on which day."""
    lines = [debit(account("promotions", "EUR"), 300), credit(account("takings", "EUR", channel.id), 300)]
    (posted,) = post([entry_of(shop.merchant, f"sale:{new_id('op')}", "captured", noon(shop, day), lines)])
    return posted.book_date


def test_days_on_which_nothing_was_sold_close_along(shop: Shop) -> None:
    saturday, sunday, monday = ago(shop, 3), ago(shop, 2), ago(shop, 1)
    sells(shop, 1200, saturday)
    closes(shop, shop.store, saturday)
    sells(shop, 900, monday)
    closes(shop, shop.store, monday)
    assert state_of(day_of(shop.store, sunday)).status == Status.CLOSED
    assert booked_on(sells(shop, 100, sunday)) == ago(shop, 0)


def test_a_day_waits_for_the_days_before_it(shop: Shop) -> None:
    sells(shop, 1200, ago(shop, 3))
    sells(shop, 900, ago(shop, 1))
    assert wrong(day_of(shop.store, ago(shop, 1))) == {"earlier_day_open": 1}
    with pytest.raises(Conflict) as refusal:
        close(day_of(shop.store, ago(shop, 1)), actor="tests")
    assert refusal.value.code == "checklist_failed"
    assert f"{ago(shop, 3)}" in refusal.value.detail
    closes(shop, shop.store, ago(shop, 3))
    closes(shop, shop.store, ago(shop, 1))


def test_the_checklist_names_what_stands_in_the_way(shop: Shop) -> None:
    day = ago(shop, 1)
    sells(shop, 1200, day, offline=True)
    shop.reports(Kind.SALE, 500, ending=DeviceOutcome.UNKNOWN, at=noon(shop, day))
    Discrepancy.objects.create(
        merchant=shop.merchant, kind="sequence_gap", key="gap", channel_id=shop.store.id, detail="2 to 3"
    )
    Discrepancy.objects.create(
        merchant=shop.merchant, kind="shift_differs", key="web", channel_id=shop.webshop.id, detail="elsewhere"
    )
    assert wrong(day_of(shop.store, day)) == {"shifts": 1, "provisional": 1, "unknowns": 1}
    assert wrong(day_of(shop.store, day - timedelta(days=1))) == {"shifts": 1}
    assert {"shifts": 2, "days_open": 1}.items() <= wrong(month_of(shop.merchant, day)).items()


def test_differences_up_to_the_merchants_limit_do_not_stand_in_the_way(shop: Shop) -> None:
    day = ago(shop, 1)
    payment = sells(shop, 1200, day)
    for number, amount in enumerate((-300, 400)):
        Discrepancy.objects.create(
            merchant=shop.merchant,
            kind="amount_differs",
            key=f"{number}",
            amount=amount,
            currency="EUR",
            payment=payment,
        )
    assert wrong(day_of(shop.store, day)) == {"discrepancies": 2}
    assert "more than 0.00 EUR" in state_of(day_of(shop.store, day)).checks[3].detail
    shop.merchant.close_threshold = 700
    shop.merchant.save()
    assert wrong(scope := day_of(Channel.objects.select_related("merchant").get(id=shop.store.id), day)) == {}
    Discrepancy.objects.create(
        merchant=shop.merchant, kind="amount_differs", key="2", amount=1, currency="USD", payment=payment
    )
    assert wrong(scope) == {"discrepancies": 3}


def test_bank_statements_have_to_reach_the_day_once_they_have_begun(shop: Shop) -> None:
    day = ago(shop, 1)
    assert wrong(day_of(shop.store, day)) == {}
    shop.sends(statement(on=day - timedelta(days=9)))
    assert wrong(day_of(shop.store, day)) == {"bank": 1}
    shop.sends(statement(on=day))
    assert wrong(day_of(shop.store, day)) == {}


def test_a_payout_that_the_bank_does_not_show_stands_in_the_way_of_every_channel(shop: Shop) -> None:
    settled = settlement_csv(Line(5000, reference="who?"), payout="P-9", on=ago(shop, 9))
    shop.sends(settled, provider_account=shop.account("simulator"))
    assert wrong(day_of(shop.webshop, ago(shop, 1))) == {"settlements": 1}
    shop.sends(statement(BankLine(5000, text="P-9", name="Simulator"), on=ago(shop, 1)))
    assert wrong(day_of(shop.webshop, ago(shop, 1))) == {}


def test_closing_in_spite_of_the_checklist_takes_two_persons(shop: Shop) -> None:
    day = ago(shop, 1)
    sells(shop, 1200, day, offline=True)
    anna = person("anna", shop.merchant.id)
    approval = close(day_of(shop.store, day), actor=anna, override=BECAUSE)
    assert isinstance(approval, Approval)
    assert (approval.action, approval.requested_by, approval.payload["reason"]) == (
        "override_close",
        anna.id,
        BECAUSE.reason,
    )
    assert state_of(day_of(shop.store, day)).status == Status.OPEN
    with pytest.raises(Conflict) as twice:
        close(day_of(shop.store, day), actor=anna, override=BECAUSE)
    assert twice.value.code == "approval_waiting"
    with pytest.raises(Forbidden) as own:
        close_period.decide_override(approval.subject_id, user=anna, approved=True)
    assert own.value.code == "own_request"
    agreed(approval, shop)
    state = state_of(day_of(shop.store, day))
    assert state.status == Status.CLOSED
    (change,) = state.changes
    assert (change.actor, change.operator, change.reason) == (anna.id, "Anna", BECAUSE.reason)
    assert change.approved_by != anna.id
    assert [check.check for check in state.checks if not check.passed] == ["provisional"]
    assert closes(shop, shop.store, day) == state


def test_nobody_agrees_to_more_than_they_were_shown(shop: Shop) -> None:
    day = ago(shop, 1)
    sells(shop, 1200, day, offline=True)
    approval = close(day_of(shop.store, day), actor=person("anna", shop.merchant.id), override=BECAUSE)
    sells(shop, 900, day, offline=True)
    assert isinstance(approval, Approval)
    with pytest.raises(Conflict) as refusal:
        agreed(approval, shop)
    assert refusal.value.code == "changed_meanwhile"
    assert state_of(day_of(shop.store, day)).status == Status.OPEN


def test_a_request_is_withdrawn_when_all_is_in_order_by_then(shop: Shop) -> None:
    day = ago(shop, 1)
    gap = Discrepancy.objects.create(merchant=shop.merchant, kind="sequence_gap", key="gap", channel_id=shop.store.id)
    approval = close(day_of(shop.store, day), actor=person("anna", shop.merchant.id), override=BECAUSE)
    assert isinstance(approval, Approval)
    Discrepancy.objects.filter(id=gap.id).update(status="resolved", resolved_at=timezone.now())
    closes(shop, shop.store, day)
    approval.refresh_from_db()
    assert approval.decision == "withdrawn"


def test_an_override_says_who_and_why(shop: Shop) -> None:
    for why in (
        Why(operator=" ", reason="x"),
        Why(operator="x", reason=""),
        Why(operator="x", reason="4111 1111 1111 1111"),
    ):
        with pytest.raises(ValidationFailed):
            close(day_of(shop.store, ago(shop, 1)), actor="tests", override=why)


@pytest.mark.parametrize("role", [Role.Name.CLERK, Role.Name.STORE_MANAGER, Role.Name.AUDITOR])
def test_only_those_who_keep_the_books_close(shop: Shop, role: Role.Name) -> None:
    somebody = person("carl", shop.merchant.id, role=role)
    with pytest.raises(Forbidden):
        close(day_of(shop.store, ago(shop, 1)), actor=somebody)
    closes(shop, shop.store, ago(shop, 1))
    with pytest.raises(Forbidden):
        reopen(day_of(shop.store, ago(shop, 1)), actor=somebody, why=BECAUSE)


def last_month(shop: Shop) -> tuple[date, Scope]:
    """A day in the month that is over, and that month."""
    day = ago(shop, 0).replace(day=1) - timedelta(days=3)
    return day, month_of(shop.merchant, day)


def test_a_month_needs_its_days(shop: Shop) -> None:
    day, month = last_month(shop)
    sells(shop, 1200, day)
    with pytest.raises(Conflict) as refusal:
        close(month, actor="tests")
    assert refusal.value.members["checklist"][-1] | {"detail": ""} == {
        "check": "days_open",
        "passed": False,
        "detail": "",
        "count": 1,
    }
    closes(shop, shop.store, day)
    done = close(month, actor="tests")
    assert isinstance(done, State)
    assert done.status == Status.CLOSED
    assert close(month, actor="tests") == done
    # Also what is of no channel, and days on which nothing was sold.
    assert len(days.closed_days(shop.merchant.id, month.first, month.last)) == month.last.day
    shop.sends(statement(BankLine(100, name="Simulator"), on=month.first))
    assert JournalEntry.objects.get(event="bank_suspense").book_date == month.last + timedelta(days=1)
    assert Event.objects.filter(type="month.closed").count() == 1


def test_a_day_is_reopened_by_two_and_closed_again(shop: Shop) -> None:
    day = ago(shop, 1)
    sells(shop, 1200, day)
    closes(shop, shop.store, day)
    anna = person("anna", shop.merchant.id)
    approval = reopen(day_of(shop.store, day), actor=anna, why=BECAUSE)
    assert booked_on(sells(shop, 100, day)) == ago(shop, 0)
    with pytest.raises(Forbidden):
        reopen_period.decide(approval.subject_id, user=anna, approved=True)
    agreed(approval, shop)
    assert state_of(day_of(shop.store, day)).status == Status.OPEN
    assert booked_on(sells(shop, 200, day)) == day
    closes(shop, shop.store, day)
    assert booked_on(sells(shop, 300, day)) == ago(shop, 0)
    story = [(row.status, bool(row.approved_by)) for row in state_of(day_of(shop.store, day)).changes]
    assert story == [("closed", False), ("reopened", True), ("closed", False)]
    assert list(Event.objects.filter(type__startswith="day.").order_by("id").values_list("type", flat=True)) == [
        "day.closed",
        "day.reopened",
        "day.closed",
    ]
    assert violations() == []


def test_a_rejected_reopening_changes_nothing(shop: Shop) -> None:
    day = ago(shop, 1)
    closes(shop, shop.store, day)
    approval = reopen(day_of(shop.store, day), actor=person("anna", shop.merchant.id), why=BECAUSE)
    reopen_period.decide(approval.subject_id, user=person("bob", shop.merchant.id), approved=False, note="No.")
    assert state_of(day_of(shop.store, day)).status == Status.CLOSED


def test_what_is_open_cannot_be_reopened(shop: Shop) -> None:
    with pytest.raises(Conflict) as refusal:
        reopen(day_of(shop.store, ago(shop, 1)), actor="tests", why=BECAUSE)
    assert refusal.value.code == "period_not_closed"


def test_a_day_of_a_closed_month_is_reopened_after_the_month(shop: Shop) -> None:
    day, month = last_month(shop)
    sells(shop, 1200, day)
    closes(shop, shop.store, day)
    close(month, actor="tests")
    with pytest.raises(Conflict) as refusal:
        reopen(day_of(shop.store, day), actor="tests", why=BECAUSE)
    assert refusal.value.code == "month_closed"
    anna = person("anna", shop.merchant.id)
    agreed(reopen(month, actor=anna, why=BECAUSE), shop)
    assert state_of(month).status == Status.OPEN
    # What the day's own closing locks stays locked; the other days are open for what is of no channel.
    assert days.closed_days(shop.merchant.id, month.first, month.last) == [day]
    agreed(reopen(day_of(shop.store, day), actor=anna, why=BECAUSE), shop)
    assert booked_on(sells(shop, 100, day)) == day
    closes(shop, shop.store, day)
    close(month, actor="tests")
    assert len(days.closed_days(shop.merchant.id, month.first, month.last)) == month.last.day
    assert violations() == []


def test_a_reopening_that_the_month_overtook_is_refused(shop: Shop) -> None:
    day, month = last_month(shop)
    sells(shop, 1200, day)
    closes(shop, shop.store, day)
    approval = reopen(day_of(shop.store, day), actor=person("anna", shop.merchant.id), why=BECAUSE)
    close(month, actor="tests")
    with pytest.raises(Conflict) as refusal:
        agreed(approval, shop)
    assert refusal.value.code == "month_closed"


def test_sales_of_many_tills_and_a_closing_at_the_same_moment(shop: Shop) -> None:
    """Each sale is booked before the closing, or on the next open day; the closed day never changes afterwards."""
    day = ago(shop, 1)
    shop.merchant.zone  # noqa: B018  (read before the threads)

    def sell() -> list[str]:
        return [sells(shop, 100, day, terminal=f"trm_{number}").id for number in range(6)]

    def shut() -> State:
        return closes(shop, shop.store, day)

    *sold, closed = at_once(sell, sell, sell, sell, shut)
    assert isinstance(closed, State)
    assert all(isinstance(some, list) for some in sold), sold
    last = BookDay.objects.get(merchant_id=shop.merchant.id, branch=shop.store.id, day=day)
    for payment in Payment.objects.filter(merchant=shop.merchant):
        entry = JournalEntry.objects.get(key__startswith="sale:", postings__item=payment.item)
        assert entry.book_date == (day if entry.booked_at < last.at else ago(shop, 0))
    assert Payment.objects.filter(merchant=shop.merchant).count() == 24
    assert violations() == []


def test_two_close_at_once_and_it_is_closed_once(shop: Shop) -> None:
    day = ago(shop, 1)
    sells(shop, 100, day)
    states = at_once(*[lambda: closes(shop, shop.store, day)] * 4)
    assert all(state == states[0] for state in states), states
    assert PeriodChange.objects.count() == 1


def test_channels_that_close_at_once_close_the_merchants_day(shop: Shop) -> None:
    day = ago(shop, 1)
    sells(shop, 100, day)
    cash(shop, shop.webshop, day)
    at_once(lambda: closes(shop, shop.store, day), lambda: closes(shop, shop.webshop, day))
    assert days.status(shop.merchant.id, day) == Status.CLOSED


def test_a_reopening_and_a_closing_of_the_month_at_once(shop: Shop) -> None:
    """One of them comes first; a closed month never has a day that is open."""
    day, month = last_month(shop)
    sells(shop, 1200, day)
    closes(shop, shop.store, day)
    approval = reopen(day_of(shop.store, day), actor=person("anna", shop.merchant.id), why=BECAUSE)
    bob = person("bob", shop.merchant.id)
    at_once(
        lambda: close(month, actor="tests"), lambda: reopen_period.decide(approval.subject_id, user=bob, approved=True)
    )
    open_day = days.status(shop.merchant.id, day, shop.store.id) == Status.OPEN
    assert open_day != (state_of(month).status == Status.CLOSED)
    assert violations() == []


def test_a_closing_that_is_killed_leaves_the_day_open(shop: Shop) -> None:
    day = ago(shop, 1)
    sells(shop, 1200, day)
    reached: list[int] = []

    def killed() -> None:
        # Its connection is gone then, as planned.
        with suppress(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            closes(shop, shop.store, day)
            reached.append(cursor.fetchone()[0])
            cursor.execute("SELECT pg_sleep(30)")

    closing = in_thread(killed)
    while not reached:
        assert closing.is_alive()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [reached[0]])
    closing.join(30)
    assert state_of(day_of(shop.store, day)).status == Status.OPEN
    assert PeriodChange.objects.count() == AuditLog.objects.filter(action="day.closed").count() == 0
    closes(shop, shop.store, day)
    assert violations() == []


def test_the_application_cannot_take_a_closing_back(shop: Shop) -> None:
    closes(shop, shop.store, ago(shop, 1))
    for statement_ in (
        "UPDATE reconciliation_periodchange SET status = 'reopened', approval = 'apv_1'",
        "DELETE FROM reconciliation_periodchange",
        "DELETE FROM ledger_bookday",
    ):
        with pytest.raises(Exception) as refusal, transaction.atomic(), connection.cursor() as cursor:  # noqa: PT011
            cursor.execute(statement_)
        assert "permission denied" in str(refusal.value) or "stays as it is" in str(refusal.value)


def test_the_audit_names_a_closing_that_locks_nothing(shop: Shop) -> None:
    """As an application that lies would write it: a line in the log, and no lock."""
    day, month = last_month(shop)
    closes(shop, shop.store, day)
    assert violations() == []
    for scope in (day_of(shop.webshop, ago(shop, 1)), month):
        period = find_or_make(scope)
        PeriodChange.objects.create(period=period, number=1, status="closed", actor="tests")
        named = [each for each in violations() if each.rule == "period_untrue"]
        assert {each.subject for each in named} == {period.id}
        days.close_days(shop.merchant.id, scope.first, scope.last, actor="tests")
        assert violations() == []
