"""What went otherwise than it was told at first stands as one story on the order, with its causes, in both languages."""

import html
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Discrepancy, Order
from payments.people.models import Role, User
from payments.services.settle_doubt import doubt_of, settle_doubt
from terminals.models import TerminalAction
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.people.cast import person
from tests.people.test_admin import browser
from tests.people.test_admin import page as opened
from tests.terminals.device import Device, reversal, sale
from tests.terminals.test_driven_sales import charge, pass_time, unknown

pytestmark = pytest.mark.django_db


def story(api: Api, action: dict[str, Any]) -> list[tuple[str, str | None]]:
    """What happened to the order, in order, and why."""
    lines = api.get(f"/v1/orders/{action['order']['id']}").json()["timeline"]
    return [(line["type"], line["reason"]) for line in lines]


def page(shop: Shop, action: dict[str, Any], language: str) -> str:
    """The order's page, as finance reads it."""
    reader = person(f"finance-{language}", shop.merchant.id, role=Role.Name.FINANCE)
    User.objects.filter(id=reader.id).update(language=language)
    return html.unescape(opened(browser(reader), f"/admin/payments/order/{action['order']['id']}/change/"))


def test_failed_at_the_counter_and_then_the_money_came(back_office: Api, terminal: Device, shop: Shop) -> None:
    action, doubtful = unknown(back_office, terminal, order_reference="1001")
    terminal.result(doubtful["id"], "not_found")
    terminal.post(sale(1, action=action["id"]))
    lines = story(back_office, action)
    of_payment = [what for what, _ in lines if what.startswith("payment")]
    assert of_payment == ["payment.created", "payment.unknown", "payment.canceled", "payment.captured"]
    of_terminal = [what.removeprefix("terminal_sale.") for what, _ in lines if what.startswith("terminal_sale")]
    assert of_terminal == ["queued", "presented", "unknown", "canceled", "succeeded"]
    causes = dict(lines)
    assert causes["payment.unknown"] == "The outcome is unknown: it may have been paid."
    assert causes["terminal_sale.canceled"] == "The terminal knows of nothing: as far as it knows, no card was charged."
    assert causes["payment.captured"] == "It had been canceled, and the money came after all."
    assert causes["terminal_sale.succeeded"] == "The terminal reported late what it had done."
    english, dutch = (page(shop, action, language) for language in ("en", "nl"))
    assert "It had been canceled, and the money came after all." in english
    assert "Ze was geannuleerd, en het geld kwam toch." in dutch
    assert "De terminal meldde achteraf wat hij had gedaan." in dutch


def test_paid_and_then_silently_reversed(back_office: Api, terminal: Device, shop: Shop) -> None:
    action = charge(back_office, terminal, order_reference="1001")
    terminal.poll()
    terminal.result(action["id"], sale(1))
    terminal.post(reversal(2, of=1))  # the customer had gone: the slip was not signed
    lines = dict(story(back_office, action))
    assert lines["payment.captured"] is None
    assert lines["payment.reversed"] == "It had been paid, and was taken back: the shop does not have this money."
    order = back_office.get(f"/v1/orders/{action['order']['id']}").json()
    assert (order["paid"], order["refundable"]) == (0, 0)
    english, dutch = (page(shop, action, language) for language in ("en", "nl"))
    assert "It had been paid, and was taken back: the shop does not have this money." in english
    assert "Ze was betaald en is teruggedraaid: de winkel heeft dit geld niet." in dutch


def test_finance_sees_how_long_nobody_has_known(back_office: Api, terminal: Device, shop: Shop) -> None:
    action, _ = unknown(back_office, terminal, order_reference="1001")
    row = Discrepancy.objects.get(kind="outcome_unknown")
    assert (row.payment_id, row.amount) == (action["payment"], 1250)
    assert row.detail.startswith("The terminal gave no answer")
    Order.objects.get(id=action["order"]["id"]).payments.update(created_at=timezone.now() - timedelta(hours=3))
    assert "for 3 hours" in page(shop, action, "en")


def test_what_a_settlement_or_a_person_finds_out_ends_the_action_too(
    back_office: Api, terminal: Device, shop: Shop
) -> None:
    action, doubtful = unknown(back_office, terminal, order_reference="1001")
    row = TerminalAction.objects.get(id=action["id"])
    doubt = doubt_of(operation_id=row.operation_id, evidence_id=None)
    assert doubt is not None
    settle_doubt(doubt, made=True, actor="tests")
    pass_time(action, 0)
    assert TerminalAction.objects.get(id=action["id"]).status == "succeeded"
    assert TerminalAction.objects.get(id=doubtful["id"]).status == "succeeded"
    assert terminal.poll() is None
