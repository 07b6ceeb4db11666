"""Each provider account has its own matching rules: which count, in which order, and what difference is tolerated."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import Forbidden, ValidationFailed
from payments.models import Discrepancy, Payment
from payments.people.models import Approval, AuditLog, Role
from payments.services.card_present.types import Kind
from reconciliation import audit
from reconciliation.models import MatchingRule, SettlementLine
from reconciliation.services import mappings, matching_rules
from reconciliation.services.matching_rules import USUAL, RuleSetting, change_rules, rules_of
from reconciliation.services.rematch import rematch
from reconciliation.services.undo import undo
from tests.people import cast
from tests.reconciliation.conftest import BY, Line, Shop, card_present, violations
from tests.reconciliation.test_matching import made_as, named, open_kinds, operation, overdue, rules, settles

BY_CARD: dict[str, Any] = {
    "date_format": "YYYY-MM-DD HH:mm",
    "decimal": ".",
    "columns": {"date": "Date", "amount": "Amount", "card": "Card"},
}


@pytest.fixture(autouse=True)
def audited(shop: Shop) -> Iterator[None]:
    """Whatever is open is true, and whatever is true is open."""
    yield
    assert list(audit.check()) == []
    assert violations() == []


def having(*order: str, **changed: dict[str, Any]) -> list[RuleSetting]:
    """The usual rules, with these first, and with what is changed of each."""
    found = sorted(USUAL, key=lambda one: order.index(one.rule) if one.rule in order else len(order) + one.priority)
    return [replace(one, priority=at, **changed.get(one.rule, {})) for at, one in enumerate(found, start=1)]


def sets(shop: Shop, *order: str, provider: str = "simulator", **changed: dict[str, Any]) -> None:
    assert change_rules(shop.account(provider), having(*order, **changed), actor=BY) is None


def by_card(shop: Shop, *rows: tuple[datetime, str, str], **rule: Any) -> None:
    """A file that names nothing but day, amount and card, read with the rule for such files switched on."""
    sets(shop, provider="external", amount_day_card={"enabled": True, **rule})
    account = shop.account("external")
    mapping = mappings.create(account=account, name="Cards", definition=BY_CARD, actor=BY)
    lines = [f"{at.astimezone(shop.merchant.zone):%Y-%m-%d %H:%M};{amount};{card}" for at, amount, card in rows]
    file = shop.sends("\n".join(["Date;Amount;Card", *lines, ""]), asked_format=mapping.id)
    assert file.status == "imported", file.problems


def paid_by(shop: Shop, amount: int, card: str, *, at: datetime) -> Payment:
    payment = shop.sells_in_store(amount, at=at)
    Payment.objects.filter(id=payment.id).update(card_last4=card)
    return payment


def noon(days_ago: int = 1) -> datetime:
    return timezone.now().replace(hour=12, minute=0) - timedelta(days=days_ago)


def test_an_account_without_rules_of_its_own_has_the_usual_ones(shop: Shop) -> None:
    account = shop.account("simulator")
    assert rules_of(account) == USUAL
    sets(shop, order={"enabled": False})
    assert MatchingRule.objects.filter(provider_account=account).count() == len(USUAL)
    assert rules_of(shop.account("external")) == USUAL, "of another account nothing has changed"
    sets(shop)
    assert not MatchingRule.objects.exists(), "the usual ones are no rules of its own"


def test_a_rule_that_is_off_matches_nothing_and_what_it_would_have_matched_is_asked(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    sets(shop, reference={"enabled": False})
    settles(shop, Line(5_000, reference=made_as(payment)))
    assert (rules(shop), open_kinds(shop)) == ([("unknown", "")], [("unknown_line", 5_000)])
    sets(shop)
    assert rematch() == 1
    assert (rules(shop), open_kinds(shop)) == ([("matched", "reference")], [])


def test_a_rule_that_is_off_still_contradicts_the_others(shop: Shop) -> None:
    first, second = shop.sells_online(5_000), shop.sells_online(5_000)
    sets(shop, reference={"enabled": False}, payment={"enabled": False}, payment_only={"enabled": False})
    settles(shop, Line(5_000, operation=operation(first), reference=made_as(second)))
    settles(shop, Line(5_000, operation=operation(first), payment_reference=named(second)))
    assert rules(shop) == [("unknown", "contradicts")] * 2


def test_whatever_comes_first_a_wrong_sign_is_asked(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    sets(shop, "payment_only", "reference", payment_only={"tolerance": 100_000, "reason": "fee"})
    settles(shop, Line(-5_000, reference=made_as(payment), payment_reference=named(payment)))
    assert (rules(shop), open_kinds(shop)) == ([("unknown", "sign")], [("sign_differs", -5_000)])


def test_the_first_rule_that_finds_a_line_is_the_one_it_was_matched_by(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    sets(shop, "payment", "reference")
    settles(shop, Line(5_000, reference=made_as(payment), payment_reference=named(payment)))
    assert rules(shop) == [("matched", "payment")]


@pytest.mark.parametrize("first", ["amount_day_card", "card_present"])
def test_what_only_fits_gives_way_to_a_number_and_may_not_be_contradicted_where_it_counts_first(
    shop: Shop, first: str
) -> None:
    fits = paid_by(shop, 1_000, "1234", at=noon())
    names = shop.sells_in_store(1_000, rrn="000000000002", at=noon(2))
    sets(shop, first, provider="external", amount_day_card={"enabled": True})
    columns = BY_CARD["columns"] | {"rrn": "RRN"}
    account = shop.account("external")
    mapping = mappings.create(account=account, name="Cards", definition=BY_CARD | {"columns": columns}, actor=BY)
    row = f"{noon().astimezone(shop.merchant.zone):%Y-%m-%d %H:%M};10.00;1234;000000000002"
    shop.sends(f"Date;Amount;Card;RRN\n{row}\n", asked_format=mapping.id)
    by_number = first == "card_present"
    assert rules(shop) == [("matched", "card_present") if by_number else ("unknown", "contradicts")]
    assert shop.balance("receivable", names.item) == (0 if by_number else 1_000)
    assert shop.balance("receivable", fits.item) == 1_000


def test_parts_that_may_not_be_put_together_are_differences(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    sets(shop, parts={"enabled": False})
    settles(shop, Line(3_000, operation=operation(payment)), Line(2_000, operation=operation(payment)))
    assert rules(shop) == [("matched", "operation"), ("repeated", "operation")]
    assert sorted(open_kinds(shop)) == [("amount_differs", 2_000), ("duplicate", 2_000)]


@pytest.mark.parametrize(("days", "state"), [(3, "unknown"), (6, "matched")])
def test_a_stan_counts_within_the_days_of_its_account(shop: Shop, days: int, state: str) -> None:
    shop.sells_in_store(1_000, stan="000321", acquirer_tid="TID-1", at=timezone.now() - timedelta(days=5))
    sets(shop, provider="external", card_present={"window_days": days})
    settles(shop, card_present(1_000, tid="TID-1", stan="000321"), provider="external")
    assert [found for found, _rule in rules(shop)] == [state]


def test_a_card_on_a_day_with_an_amount_is_the_one_sale_of_them(shop: Shop) -> None:
    payment = paid_by(shop, 1_250, "1234", at=noon())
    paid_by(shop, 1_250, "9999", at=noon())
    paid_by(shop, 1_300, "1234", at=noon())
    paid_by(shop, 1_250, "1234", at=noon(3))
    by_card(shop, (noon() + timedelta(hours=5), "12.50", "**** **** **** 1234"))
    assert rules(shop) == [("matched", "amount_day_card")]
    assert shop.balance("receivable", payment.item) == 0
    assert SettlementLine.objects.get().card_last4 == "1234"


def test_what_only_fits_is_not_looked_at_before_a_merchant_has_said_so(shop: Shop) -> None:
    paid_by(shop, 1_250, "1234", at=noon())
    by_card(shop, (noon(), "12.50", "1234"), enabled=False)
    assert rules(shop) == [("unknown", "")]


@pytest.mark.parametrize(("sales", "lines"), [(2, 1), (1, 2)])
def test_a_card_that_fits_several_sales_or_lines_is_asked(shop: Shop, sales: int, lines: int) -> None:
    for _ in range(sales):
        paid_by(shop, 1_250, "1234", at=noon())
    by_card(shop, *[(noon(), "12.50", "1234")] * lines)
    assert rules(shop) == [("unknown", "ambiguous")] * lines
    assert {"fits several" in row.detail for row in shop.disagreements("unknown_line")} == {True}


def test_a_cell_that_is_no_card_is_refused(shop: Shop) -> None:
    mapping = mappings.create(account=shop.account("external"), name="Cards", definition=BY_CARD, actor=BY)
    file = shop.sends("Date;Amount;Card\n2026-11-21 10:00;12.50;Visa\n", asked_format=mapping.id)
    assert "Card is 'Visa', and does not end in four digits" in file.problems[0]["detail"]


CENT: dict[str, Any] = {"tolerance": 2, "reason": "rounding"}


@pytest.mark.parametrize(
    ("reason", "account"), [("rounding", "rounding"), ("fee", "fees"), ("write_off", "write_offs")]
)
def test_a_tolerated_difference_is_booked_as_agreed_and_can_be_undone(shop: Shop, reason: str, account: str) -> None:
    payment = shop.sells_online(5_000)
    sets(shop, operation={"tolerance": 2, "reason": reason})
    settles(shop, Line(4_998, operation=operation(payment)))
    assert (open_kinds(shop), overdue(shop)) == ([], [])
    assert (shop.balance("receivable", payment.item), shop.balance(account)) == (0, 2)
    row = Discrepancy.objects.get(kind="amount_differs")
    assert (row.status, row.resolved_by) == ("resolved", "system:reconciliation")
    assert row.resolution is not None
    assert (row.resolution["action"], row.resolution["reason"]) == ("tolerance", reason)

    undo(merchant=shop.merchant, discrepancy_id=row.id, note="Ask them.", actor=BY)
    assert (open_kinds(shop), shop.balance("receivable", payment.item)) == ([("amount_differs", 2)], 2)
    assert shop.balance(account) == 0


def test_more_than_the_tolerance_or_its_share_is_asked(shop: Shop) -> None:
    sets(shop, operation={"tolerance": 100, "tolerance_basis_points": 50, "reason": "fee"})
    within, above, share = shop.sells_online(100_000), shop.sells_online(100_000), shop.sells_online(1_000)
    settles(
        shop,
        Line(99_900, operation=operation(within)),
        Line(99_899, operation=operation(above)),
        Line(994, operation=operation(share)),
    )
    assert open_kinds(shop) == [("amount_differs", 101), ("amount_differs", 6)]
    assert shop.balance("fees") == 100


def test_a_cent_too_much_is_tolerated_as_one_too_little_is(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    sets(shop, operation=CENT)
    settles(shop, Line(5_001, operation=operation(payment)))
    assert (open_kinds(shop), shop.balance("receivable", payment.item), shop.balance("rounding")) == ([], 0, -1)


def test_a_tolerance_of_another_rule_tolerates_nothing(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    sets(shop, reference=CENT)
    settles(shop, Line(4_999, operation=operation(payment)))
    assert open_kinds(shop) == [("amount_differs", 1)]


def test_where_more_of_the_payment_is_open_than_the_difference_a_person_is_asked(shop: Shop) -> None:
    sale = shop.reports(Kind.SALE, 5_000, rrn="000000000001", acquirer_tid="T1", stan="000007")
    shop.reports(Kind.REFUND, 1_000, original=1, rrn="000000000009", acquirer_tid="T1")
    sets(shop, provider="external", card_present=CENT)
    settles(shop, card_present(4_999, rrn="000000000001", tid="T1", stan="000007"), provider="external")
    payment = Payment.objects.get(id=sale.payment_id)
    assert (open_kinds(shop), shop.balance("rounding")) == ([("amount_differs", 1)], 0)
    assert shop.balance("receivable", payment.item) == 1 - 1_000


def test_a_late_line_within_its_tolerance_is_settled_when_it_is_matched(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    sets(shop, reference={"enabled": False})
    settles(shop, Line(4_999, reference=made_as(payment)))
    sets(shop, reference=CENT)
    assert rematch() == 1
    assert (open_kinds(shop), shop.balance("receivable", payment.item), shop.balance("rounding")) == ([], 0, 1)


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"operation": {"tolerance": 5}}, "operation.reason"),
        ({"operation": {"reason": "fee"}}, "operation.reason"),
        ({"operation": {"tolerance": 5, "reason": "gift"}}, "operation.reason"),
        ({"payment": {"tolerance": 5, "reason": "fee"}}, "payment.tolerance"),
        ({"operation": {"tolerance": -5, "reason": "fee"}}, "operation.tolerance"),
        ({"operation": {"window_days": 5}}, "operation.window_days"),
        ({"card_present": {"window_days": 32}}, "card_present.window_days"),
        ({"card_present": {"window_days": None}}, "card_present.window_days"),
        ({"operation": {"tolerance_basis_points": 50}}, "operation.tolerance_basis_points"),
    ],
)
def test_a_rule_that_cannot_be_so_is_refused_by_name(shop: Shop, changed: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        sets(shop, **changed)
    assert place in [fault.param for fault in refused.value.faults]
    assert not MatchingRule.objects.exists()


def test_each_rule_is_given_once_with_a_place_of_its_own(shop: Shop) -> None:
    account = shop.account("simulator")
    for given, code in ((having()[1:], "rules_incomplete"), ([*having()[:-1], USUAL[0]], "rules_incomplete")):
        with pytest.raises(ValidationFailed) as refused:
            change_rules(account, given, actor=BY)
        assert refused.value.faults[0].code == code
    with pytest.raises(ValidationFailed) as refused:
        change_rules(account, [replace(one, priority=1) for one in USUAL], actor=BY)
    assert refused.value.faults[0].code == "rule_order"


@pytest.fixture
def live(shop: Shop) -> Shop:
    type(shop.merchant).objects.filter(id=shop.merchant.id).update(mode="live")
    shop.merchant.refresh_from_db()
    return shop


def test_at_a_live_merchant_a_second_person_agrees_to_a_tolerance(live: Shop) -> None:
    account = live.account("external")
    anna, bert = (cast.person(name, live.merchant.id, role=Role.Name.OWNER) for name in ("anna", "bert"))
    waiting = change_rules(account, having(operation=CENT), actor=anna)
    assert isinstance(waiting, Approval)
    assert rules_of(account) == USUAL
    with pytest.raises(Forbidden):
        matching_rules.decide(account.id, user=anna, approved=True, note="")
    matching_rules.decide(account.id, user=bert, approved=True, note="")
    assert rules_of(account)[0].tolerance == 2
    (logged,) = AuditLog.objects.filter(action="provider_account.matching_rules_changed")
    assert logged.actor == anna.id


def test_what_tolerates_no_more_takes_one_person(live: Shop) -> None:
    account = live.account("external")
    anna = cast.person("anna", live.merchant.id, role=Role.Name.OWNER)
    assert change_rules(account, having(operation=CENT), actor=BY) is None
    assert (
        change_rules(account, having(operation=CENT | {"tolerance": 1}, order={"enabled": False}), actor=anna) is None
    )
    assert isinstance(change_rules(account, having(operation=CENT), actor=anna), Approval)
