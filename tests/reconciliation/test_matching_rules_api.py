"""Matching rules by the API: read, tried, changed and reset; what books more without a person is a person's to set."""

from typing import Any

import pytest

from payments.people.models import AuditLog
from reconciliation.models import MatchingRule
from reconciliation.services.matching_rules import USUAL, rules_of
from tests.api.client import faults, refusal
from tests.reconciliation.conftest import Line, Shop, settlement_csv
from tests.reconciliation.test_api import api, read
from tests.reconciliation.test_matching import made_as

pytestmark = pytest.mark.usefixtures("shop")


def address(shop: Shop, *more: str) -> str:
    return "/".join((f"/v1/provider_accounts/{shop.account('simulator').id}/matching_rules", *more))


def by_name(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["rule"]: one for one in body["rules"]}


def test_the_usual_rules_are_told_in_their_order(shop: Shop) -> None:
    body = read(api(shop).get(address(shop)))
    assert (body["object"], body["own"], body["currency"], body["test_mode"]) == ("matching_rules", False, "EUR", True)
    assert [one["rule"] for one in body["rules"]] == [one.rule for one in USUAL]
    assert by_name(body)["card_present"] == {
        "rule": "card_present",
        "enabled": True,
        "priority": 3,
        "window_days": 3,
        "tolerance": 0,
        "tolerance_basis_points": None,
        "reason": None,
    }


def test_what_is_sent_changes_and_the_rest_stays(shop: Shop) -> None:
    client = api(shop)
    changes = [{"rule": "order", "enabled": False}, {"rule": "card_present", "window_days": 5}]
    body = read(client.patch(address(shop), {"rules": changes}))
    assert (body["own"], by_name(body)["order"]["enabled"], by_name(body)["card_present"]["window_days"]) == (
        True,
        False,
        5,
    )
    swapped = [{"rule": "operation", "priority": 2}, {"rule": "reference", "priority": 1}]
    body = read(client.patch(address(shop), {"rules": swapped}))
    assert [one["rule"] for one in body["rules"]][:2] == ["reference", "operation"]
    assert AuditLog.objects.filter(action="provider_account.matching_rules_changed").count() == 2
    body = read(client.delete(address(shop)))
    assert (body["own"], MatchingRule.objects.count()) == (False, 0)


def test_a_tolerance_that_books_more_is_a_persons_to_set_and_less_is_not(shop: Shop) -> None:
    client, account = api(shop), shop.account("simulator")
    wider = {"rules": [{"rule": "operation", "tolerance": 5, "reason": "rounding"}]}
    refusal(client.patch(address(shop), wider), 403, "person_required")
    assert rules_of(account) == USUAL


@pytest.mark.parametrize(
    ("rules", "places"),
    [
        ([{"rule": "operation", "window_days": 5}], {"rules[0].window_days": "out_of_range"}),
        ([{"rule": "order"}, {"rule": "operation", "tolerance": 5}], {"rules[1].reason": "out_of_range"}),
        ([{"rule": "operation"}, {"rule": "operation"}], {"rules[1].rule": "named_twice"}),
        ([{"rule": "operation", "priority": 2}], {"rules": "rule_order"}),
        ([{"rule": "magic"}], {"rules[0].rule": "invalid_choice"}),
        ([{"rule": "operation", "tolerance": -1}], {"rules[0].tolerance": "out_of_range"}),
        (
            [{"rule": "operation", "tolerance_basis_points": 10_001}],
            {"rules[0].tolerance_basis_points": "out_of_range"},
        ),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(shop: Shop, rules: list[Any], places: dict[str, str]) -> None:
    for path, ask in ((address(shop), api(shop).patch), (address(shop, "preview"), api(shop).post)):
        assert faults(ask(path, {"rules": rules})) == places
    assert not MatchingRule.objects.exists()


def test_rules_are_tried_on_what_stands_open_and_nothing_changes(shop: Shop) -> None:
    client, account = api(shop), shop.account("simulator")
    payment = shop.sells_online(5_000)
    read(client.patch(address(shop), {"rules": [{"rule": "reference", "enabled": False}]}))
    shop.sends(settlement_csv(Line(5_000, reference=made_as(payment))), provider_account=account)
    body = read(client.post(address(shop, "preview"), {"rules": [{"rule": "reference", "enabled": True}]}))
    assert body == {
        "object": "matching_preview",
        "lines": 1,
        "differences": 0,
        "tolerated": 0,
        "matched": [{"rule": "reference", "lines": 1}],
    }
    assert read(client.post(address(shop, "preview"), {"rules": []}))["matched"] == []
    assert not rules_of(account)[1].enabled
    assert [row.kind for row in shop.disagreements()] == ["unknown_line"]
