"""An owner changes an account's matching rules in the admin: what they would do is shown before they are kept."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from payments.models import Discrepancy, Merchant
from payments.people.models import Approval, Role
from reconciliation.models import MatchingRule
from reconciliation.services.matching_rules import USUAL, change_rules, rules_of
from tests.people import cast
from tests.reconciliation.conftest import BY, Line, Shop
from tests.reconciliation.test_matching import made_as, open_kinds, operation, settles
from tests.reconciliation.test_matching_rules import having, sets

PAGE = "/admin/reconciliation/matchingrule/"


def owner(shop: Shop, name: str = "anna", role: Role.Name = Role.Name.OWNER, *, proved: bool = True) -> Client:
    return cast.signed_in(cast.person(name, shop.merchant.id, role=role, proved=proved), proved=proved)


def typed(**changed: str) -> dict[str, str]:
    """The page as it stands for the usual rules, with what a person types; `card_present__window_days="5"`."""
    given: dict[str, str] = {}
    for one in USUAL:
        given[f"{one.rule}-priority"] = str(one.priority)
        given |= {f"{one.rule}-enabled": "on"} if one.enabled else {}
        given |= {} if one.window_days is None else {f"{one.rule}-window_days": str(one.window_days)}
    return given | {name.replace("__", "-"): value for name, value in changed.items()}


def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def send(client: Client, shop: Shop, provider: str = "simulator", **data: str) -> Any:
    return client.post(f"{PAGE}?account={shop.account_id(provider)}", data)


def test_the_rules_are_previewed_on_what_stands_open_and_nothing_is_changed_by_that(shop: Shop) -> None:
    sets(shop, reference={"enabled": False}, operation={"tolerance": 1, "reason": "fee"})
    payments = [shop.sells_online(5_000) for _ in range(3)]
    settles(
        shop,
        Line(5_000, reference=made_as(payments[0])),
        Line(5_000, reference=made_as(payments[1])),
        Line(4_998, operation=operation(payments[2])),
        Line(1_234, reference="nobody"),
    )
    before = open_kinds(shop)
    shown = text(
        send(
            owner(shop),
            shop,
            **typed(operation__tolerance="0,02", operation__reason="fee"),
            preview="",
        )
    )
    assert "They would match 2 of the 3 lines that nothing explains." in shown
    assert "Of 1 differences in amount that are open they would have tolerated 1" in shown
    assert (open_kinds(shop), rules_of(shop.account("simulator"))[0].tolerance) == (before, 1)


def test_rules_are_saved_as_people_write_amounts_and_shares(shop: Shop) -> None:
    client = owner(shop)
    answer = send(
        client,
        shop,
        **typed(
            operation__tolerance="0.25",
            operation__tolerance_basis_points="0,5 %",
            operation__reason="rounding",
            card_present__window_days="5",
        ),
    )
    assert answer.status_code == 302
    first = rules_of(shop.account("simulator"))[0]
    assert (first.tolerance, first.tolerance_basis_points, first.reason) == (25, 50, "rounding")
    shown = client.get(f"{PAGE}?account={shop.account_id('simulator')}").content.decode()
    assert 'value="0.25"' in shown
    assert 'value="0.5"' in shown
    row = MatchingRule.objects.get(rule="operation")
    assert "€0.25" in text(client.get(f"{PAGE}{row.id}/change/"))
    assert send(client, shop, usual="").status_code == 302
    assert not MatchingRule.objects.exists()


def test_what_cannot_be_so_is_told_at_its_place_and_nothing_is_saved(shop: Shop) -> None:
    client = owner(shop)
    for wrong, expected in (
        ({"operation__tolerance": "0.25"}, "Say what a tolerated difference is booked as."),
        ({"card_present__window_days": "99"}, "Give a number of days from 0 to 31"),
        ({"reference__priority": "1"}, "Give each rule a place of its own"),
        ({"operation__tolerance_basis_points": "much"}, "Write a percentage such as 0.5"),
        ({"operation__tolerance": "1.250"}, "Some of this cannot be read."),
    ):
        assert expected in text(send(client, shop, **typed(**wrong)))
    assert not MatchingRule.objects.exists()


def test_who_only_sees_the_books_changes_no_rule(shop: Shop) -> None:
    finance = owner(shop, "bert", Role.Name.FINANCE)
    assert "Back to the usual rules" not in text(finance.get(PAGE))
    assert send(finance, shop, **typed()).status_code == 403


def test_at_a_live_merchant_a_colleague_is_shown_the_tolerance_and_agrees(shop: Shop) -> None:
    Merchant.objects.filter(id=shop.merchant.id).update(mode="live")
    unproved = owner(shop, "carla", proved=False)
    wanted = typed(operation__tolerance="0.02", operation__reason="write_off")
    assert "/admin/second-factor/" in send(unproved, shop, "external", **wanted).headers["location"]
    assert send(owner(shop), shop, "external", **wanted).status_code == 302
    assert rules_of(shop.account("external")) == USUAL
    waiting = Approval.objects.get(action="change_matching_rules")
    bert = owner(shop, "bert")
    assert "€0.02" in text(bert.get(f"/admin/people/approval/{waiting.id}/change/"))
    assert bert.post(
        f"/admin/people/approval/{waiting.id}/decide/", {"decision": "approve", "note": ""}
    ).status_code in (200, 302)
    assert rules_of(shop.account("external"))[0].tolerance == 2


def test_a_tolerated_difference_is_told_on_its_page(shop: Shop) -> None:
    change_rules(shop.account("simulator"), having(operation={"tolerance": 2, "reason": "rounding"}), actor=BY)
    payment = shop.sells_online(5_000)
    settles(shop, Line(4_998, operation=operation(payment)))
    client = owner(shop)
    row = Discrepancy.objects.get(kind="amount_differs")
    shown = text(client.get(f"/admin/payments/discrepancy/{row.id}/change/"))
    assert "within the tolerance of its matching rule" in shown
    assert "rounding" in shown


@pytest.mark.parametrize("language", ["en", "nl"])
def test_each_rule_of_an_account_is_reached_from_the_page_without_typing(shop: Shop, language: str) -> None:
    sets(shop, operation={"tolerance": 12_34, "reason": "fee"})
    client = owner(shop)
    client.cookies["django_language"] = language
    first = client.get(PAGE).content.decode()
    way = f"{PAGE}?account={shop.account_id('simulator')}"
    assert f'href="{way}"' in first
    shown = client.get(way)
    for row in MatchingRule.objects.all():
        assert f'href="{PAGE}{row.id}/change/"' in shown.content.decode()
        assert client.get(f"{PAGE}{row.id}/change/").status_code == 200
    assert "1234" not in text(shown)
    assert ("Matching rules" if language == "en" else "Afletterregels") in text(shown)
