"""Payouts whose rest a rule tolerates, and several transfers that are several payouts: booked, told, undone, or asked."""

from collections.abc import Iterator
from typing import Any

import pytest

from payments.accounting.chart_of_accounts import account
from payments.models import Discrepancy
from payments.people.models import Approval, Role
from reconciliation import audit
from reconciliation.models import BankStatementLine, MatchingRule, Payout, PayoutAllocation
from reconciliation.queries import item_balance
from reconciliation.services.matching_rules import USUAL, change_rules, rules_of
from reconciliation.services.rematch import rematch
from reconciliation.services.undo import undo
from tests.builders import BY, fresh
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Shop, statement, violations
from tests.reconciliation.test_matching_rules import having, sets
from tests.reconciliation.test_payout_references import PROVIDER, announced, banked
from tests.reconciliation.test_payout_sets import open_kinds, statuses

FEE: dict[str, Any] = {"payout_parts": {"tolerance": 50, "reason": "fee"}}


@pytest.fixture(autouse=True)
def audited(shop: Shop) -> Iterator[None]:
    """Whatever is open is true, and whatever is true is open."""
    yield
    assert list(audit.check()) == []
    assert violations() == []


def in_transit(shop: Shop, payout: Payout) -> int:
    """What of a payout is on its way still, in minor units."""
    transit = account("in_transit", payout.currency, payout.provider_account_id)
    return item_balance(shop.merchant.id, transit, payout.item)


def differs(payout: Payout) -> Discrepancy:
    """What was told of a payout's rest."""
    return Discrepancy.objects.get(key=f"payout_differs:{payout.id}")


@pytest.mark.parametrize(("amount", "rest"), [(9_960, 40), (10_030, -30)])
def test_a_rest_within_the_tolerance_is_booked_as_the_rule_says_and_told(shop: Shop, amount: int, rest: int) -> None:
    sets(shop, **FEE)
    payout = announced(shop, "PX7Q-A1", 10_000)
    fees = shop.balance("fees")
    banked(shop, amount, "PX7Q-A1")
    assert (statuses(payout), in_transit(shop, payout), open_kinds(shop)) == (["received"], 0, [])
    assert shop.balance("fees") - fees == rest
    row = differs(payout)
    assert row.resolution is not None
    assert (row.status, row.amount) == ("resolved", rest)
    assert (row.resolution["action"], row.resolution["reason"]) == ("tolerance", "fee")


def test_it_is_undone_like_any_other(shop: Shop) -> None:
    sets(shop, **FEE)
    payout = announced(shop, "PX7Q-A1", 10_000)
    banked(shop, 9_960, "PX7Q-A1")
    undo(merchant=shop.merchant, discrepancy_id=differs(payout).id, note="Ask them.", actor=BY)
    assert (statuses(payout), in_transit(shop, payout)) == (["announced"], 40)
    assert open_kinds(shop) == [("payout_differs", 40)]
    banked(shop, 40, "PX7Q-A1 rest")
    assert (statuses(payout), open_kinds(shop)) == (["received"], [])


@pytest.mark.parametrize(
    ("rule", "amount"),
    [
        ({"tolerance": 39, "reason": "fee"}, 9_960),
        ({"tolerance": 50, "tolerance_basis_points": 30, "reason": "fee"}, 9_960),
        ({}, 9_999),
    ],
)
def test_more_than_the_tolerance_stays_with_a_person(shop: Shop, rule: dict[str, Any], amount: int) -> None:
    sets(shop, payout_parts=rule)
    payout = announced(shop, "PX7Q-A1", 10_000)
    banked(shop, amount, "PX7Q-A1")
    assert statuses(payout) == ["announced"]
    assert open_kinds(shop) == [("payout_differs", 10_000 - amount)]


def test_parts_come_to_it_together_and_only_the_last_rest_is_tolerated(shop: Shop) -> None:
    sets(shop, **FEE)
    payout = announced(shop, "PX7Q-A1", 10_000)
    banked(shop, 4_000, "PX7Q-A1")
    assert open_kinds(shop) == [("payout_differs", 6_000)]
    banked(shop, 5_980, "PX7Q-A1")
    assert (statuses(payout), open_kinds(shop), in_transit(shop, payout)) == (["received"], [], 0)


def test_a_statement_before_its_settlement_is_tolerated_as_well(shop: Shop) -> None:
    sets(shop, **FEE)
    banked(shop, 9_960, "PX7Q-A1", name=PROVIDER)
    payout = announced(shop, "PX7Q-A1", 10_000)
    assert (statuses(payout), open_kinds(shop), in_transit(shop, payout)) == (["received"], [], 0)


def test_a_wider_tolerance_takes_a_second_person_at_a_live_merchant(shop: Shop) -> None:
    type(shop.merchant).objects.filter(id=shop.merchant.id).update(mode="live")
    simulator = shop.account("simulator")
    simulator.merchant.refresh_from_db()
    anna = person("anna", shop.merchant.id, role=Role.Name.OWNER)
    assert isinstance(change_rules(simulator, having(**FEE), actor=anna), Approval)
    assert rules_of(simulator) == USUAL


def banks(shop: Shop, *lines: tuple[int, str], name: str = PROVIDER) -> None:
    """One statement with these lines, and what the sweep finds afterwards."""
    shop.sends(statement(*(BankLine(amount, text, name=name) for amount, text in lines)))
    rematch()


def parts() -> list[tuple[int, str, int]]:
    """(line's amount, payout's reference, part), as they were matched."""
    rows = PayoutAllocation.objects.filter(undone_at=None).order_by("bank_line_id", "id")
    return [(row.bank_line.amount, row.payout.reference, row.amount) for row in rows.select_related()]


@pytest.mark.parametrize("name", ["Stichting", PROVIDER])
def test_several_transfers_are_the_payouts_that_all_of_them_name(shop: Shop, name: str) -> None:
    rows = announced(shop, "PX7Q-A1", 12_000), announced(shop, "PX7Q-B2", 13_000)
    banks(shop, (20_000, "PX7Q-A1 PX7Q-B2"), (5_000, "PX7Q-B2 PX7Q-A1"), name=name)
    assert (statuses(*rows), open_kinds(shop)) == (["received", "received"], [])
    assert parts() == [(20_000, "PX7Q-A1", 12_000), (20_000, "PX7Q-B2", 8_000), (5_000, "PX7Q-B2", 5_000)]
    assert shop.balance("suspense") == shop.balance("in_transit") == 0


def test_all_of_a_provider_without_a_reference_are_all_that_it_owes(shop: Shop) -> None:
    rows = announced(shop, "PX7Q-A1", 10_000), announced(shop, "PX7Q-B2", 15_000), announced(shop, "PX7Q-C3", 3_000)
    banks(shop, (12_000, "Uitbetaling 1"), (15_000, "Uitbetaling 2"), (1_000, "Uitbetaling 3"))
    assert (statuses(*rows), open_kinds(shop)) == (["received"] * 3, [])
    assert (15_000, "PX7Q-B2", 15_000) in parts(), "what is of one amount is one"
    assert shop.balance("suspense") == shop.balance("in_transit") == 0


def test_the_transfers_may_come_first_and_one_by_one(shop: Shop) -> None:
    banks(shop, (20_000, "Uitbetaling 1"))
    rows = announced(shop, "PX7Q-A1", 12_000), announced(shop, "PX7Q-B2", 13_000)
    rematch()
    assert statuses(*rows) == ["announced", "announced"]
    shop.sends(statement(BankLine(5_000, "Uitbetaling 2", name=PROVIDER), opening=20_000))
    rematch()
    assert (statuses(*rows), open_kinds(shop)) == (["received", "received"], [])


@pytest.mark.parametrize(
    "lines",
    [
        [(20_000, "Uitbetaling 1"), (5_001, "Uitbetaling 2")],  # it does not come to the same
        [(20_000, "Uitbetaling 1"), (5_000, "Uitbetaling 2"), (5_000, "Uitbetaling 3")],  # which of the two?
        [(30_000, "Uitbetaling 1"), (-5_000, "Uitbetaling 2")],  # signs that disagree
    ],
)
def test_what_contradicts_itself_or_fits_more_than_once_is_asked(shop: Shop, lines: list[tuple[int, str]]) -> None:
    rows = announced(shop, "PX7Q-A1", 12_000), announced(shop, "PX7Q-B2", 13_000)
    banks(shop, *lines)
    assert statuses(*rows) == ["announced", "announced"]
    assert len(shop.disagreements("unknown_line")) == len(lines)
    assert parts() == []


def test_a_line_that_names_one_of_them_beside_another_is_asked_with_the_others(shop: Shop) -> None:
    rows = announced(shop, "PX7Q-A1", 12_000), announced(shop, "PX7Q-B2", 13_000), announced(shop, "PX7Q-C3", 3_000)
    banks(shop, (20_000, "PX7Q-A1 PX7Q-B2"), (5_000, "PX7Q-A1 PX7Q-B2"), (3_100, "PX7Q-B2 PX7Q-C3"))
    assert statuses(*rows) == ["announced"] * 3
    assert len(shop.disagreements("unknown_line")) == 3


def test_lines_of_two_providers_are_never_one_batch(shop: Shop) -> None:
    rows = announced(shop, "PX7Q-A1", 12_000), announced(shop, "PX7Q-B2", 13_000)
    shop.sends(
        statement(BankLine(20_000, "one", name=PROVIDER), BankLine(5_000, "two", name=shop.account("external").name))
    )
    rematch()
    assert statuses(*rows) == ["announced", "announced"]


def test_where_the_rule_is_off_they_are_asked(shop: Shop) -> None:
    sets(shop, payout_batch={"enabled": False})
    rows = announced(shop, "PX7Q-A1", 12_000), announced(shop, "PX7Q-B2", 13_000)
    banks(shop, (20_000, "Uitbetaling 1"), (5_000, "Uitbetaling 2"))
    assert statuses(*rows) == ["announced", "announced"]
    sets(shop)
    assert MatchingRule.objects.count() == 0
    rematch()
    assert statuses(*rows) == ["received", "received"]


def test_lines_outside_of_the_rules_days_are_none_of_it(shop: Shop) -> None:
    sets(shop, payout_batch={"window_days": 0})
    rows = announced(shop, "PX7Q-A1", 12_000), announced(shop, "PX7Q-B2", 13_000)
    Payout.objects.update(expected_on="2020-01-01")
    banks(shop, (20_000, "Uitbetaling 1"), (5_000, "Uitbetaling 2"))
    assert statuses(*rows) == ["announced", "announced"]


def test_a_line_of_a_batch_is_taken_back_by_its_undo(shop: Shop) -> None:
    rows = announced(shop, "PX7Q-A1", 12_000), announced(shop, "PX7Q-B2", 13_000)
    banks(shop, (20_000, "Uitbetaling 1"), (5_000, "Uitbetaling 2"))
    line = BankStatementLine.objects.get(amount=5_000)
    row = Discrepancy.objects.get(key=f"unknown_line:bank:{line.id}")
    undo(merchant=shop.merchant, discrepancy_id=row.id, note="Ask them.", actor=BY)
    assert [fresh(one).amount_received for one in rows] == [12_000, 8_000]
    rematch()
    assert [fresh(one).amount_received for one in rows] == [12_000, 8_000], "a person has this line from then on"
    assert set(open_kinds(shop)) == {("unknown_line", 5_000), ("payout_differs", 5_000)}
