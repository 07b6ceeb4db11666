"""The refund form asks only for what its route needs, proposes the right one, and says it as a cashier reads it out."""

import re
from typing import Any

import pytest

from payments.models import Payment, Refund
from terminals.models import Terminal
from terminals.services.create import create
from terminals.services.pair import pair
from tests.admin.conftest import Browser, SignIn
from tests.builders import BY, Shop

pytestmark = pytest.mark.django_db

IBAN = "NL91ABNA0417164300"


@pytest.fixture
def terminal(shop: Shop) -> Terminal:
    """The one that stands in the store."""
    made = create(channel=shop.store, label="Till 1", actor=BY)
    pair(code=made.pairing_code, address="127.0.0.1")
    return made.terminal


def chosen(page: str, name: str) -> list[str]:
    """What is chosen in a list of the form."""
    field = re.search(rf'<select name="{name}".*?</select>', page, re.DOTALL)
    assert field is not None, name
    return re.findall(r'<option value="([^"]*)"[^>]* selected', field[0])


def asked_for(page: str, name: str) -> set[str]:
    """The routes for which a field is on the screen; none: for all."""
    found = re.search(rf'<div data-only-for="([^"]*)">(?:(?!data-only-for).)*?name="{name}"', page, re.DOTALL)
    return set(found[1].split()) if found else set()


def form(browser: Browser, payment: Payment) -> str:
    return browser.get(f"payments/payment/{payment.id}/refund/")


def preview(browser: Browser, payment: Payment, **given: Any) -> str:
    asked = {"amount": "5.00", "channel": payment.channel_id, "reason": "Too small.", "once": "a" * 32, "route": "auto"}
    return browser.post(f"payments/payment/{payment.id}/refund/", **{**asked, **given})


def test_a_pin_sale_is_proposed_to_go_back_on_the_terminal(shop: Shop, sign_in: SignIn, terminal: Terminal) -> None:
    page = form(sign_in("clerk"), shop.pin(2_500))
    assert chosen(page, "route") == ["terminal"]
    assert chosen(page, "terminal") == [terminal.id]
    assert "terminal" in asked_for(page, "terminal")


def test_what_goes_back_by_itself_is_asked_for_neither_account_nor_terminal(shop: Shop, sign_in: SignIn) -> None:
    page = form(sign_in("clerk"), shop.pay_cash(2_500))
    assert chosen(page, "route") == ["auto"]
    assert asked_for(page, "terminal") == {"terminal"}
    assert asked_for(page, "iban") == asked_for(page, "account_name") == {"bank"}


def test_an_account_typed_for_a_route_that_was_left_counts_no_more(
    shop: Shop, sign_in: SignIn, terminal: Terminal
) -> None:
    cash = shop.pay_cash(2_500)
    page = preview(sign_in("clerk"), cash, route="cash", iban=IBAN, account_name="J. Jansen", terminal=terminal.id)
    assert "J. Jansen" not in page[page.index('id="plan"') :]


def test_the_preview_is_read_out_with_why_not_otherwise(shop: Shop, sign_in: SignIn) -> None:
    clerk, cash = sign_in("clerk"), shop.pay_cash(2_500)
    page = preview(clerk, cash)
    assert "You give the customer €5.00 from the till, once you have confirmed it." in page
    assert "A terminal can refund only to a card." in page
    assert ">Refund €5.00</button>" in page
    assert not Refund.objects.exists()


def test_the_preview_names_the_day_of_arrival(shop: Shop, sign_in: SignIn) -> None:
    page = preview(sign_in("clerk"), shop.pin(2_500), route="bank", iban=IBAN, account_name="J. Jansen")
    assert re.search(
        r"€5.00 is transferred to NL91ABNA0417164300 \(J. Jansen\) once a colleague has released it, by \w+", page
    )


def test_in_dutch_too(shop: Shop, sign_in: SignIn) -> None:
    page = preview(sign_in("clerk", language="nl"), shop.pay_cash(2_500), amount="5,00")
    assert "Waarom niet op een andere manier" in page
    assert ">€\N{NO-BREAK SPACE}5,00 terugbetalen</button>" in page
