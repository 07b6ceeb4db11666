"""Terminals in the admin: a code is shown once, and each person manages what their role lets them."""

import re

import pytest

from payments.people.models import Role, User
from terminals.models import Terminal
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.people.cast import person
from tests.people.test_admin import browser, page
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db
LIST = "/admin/terminals/terminal/"


@pytest.mark.parametrize("name", ["terminal", "terminaltransaction", "sequenceconflict"])
def test_every_list_and_page_opens(name: str, terminal: Device) -> None:
    terminal.post(sale(1))
    terminal.post(sale(1, 999))
    root = browser(User.objects.create_superuser("root"))
    shown = page(root, f"/admin/terminals/{name}/")
    link = re.search(rf'href="(/admin/terminals/{name}/[^"?]+/change/)', shown)
    assert link is not None
    detail = page(root, link[1])
    if name == "terminaltransaction":
        assert "/admin/payments/payment/pay_" in shown
    assert (terminal.secret or "") not in detail
    assert "whsec_" not in detail


def test_a_manager_adds_a_terminal_and_is_shown_a_code_that_pairs(shop: Shop) -> None:
    manager = person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)
    client = browser(manager)
    page(client, f"{LIST}add/")
    shown = re.search(
        r'<code id="code">(\w{8})</code>', page(client, f"{LIST}add/", channel=shop.store.id, label="Till")
    )
    assert shown is not None
    assert Api().post("/v1/terminals/pair", {"pairing_code": shown[1]}).status_code == 201
    assert Terminal.objects.get().label == "Till"


def test_nobody_adds_one_where_they_manage_none(shop: Shop) -> None:
    manager = person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)
    page(browser(manager), f"{LIST}add/", channel=shop.webshop.id, label="Till")
    assert Terminal.objects.count() == 0
    clerk = browser(person("clerk", shop.merchant.id, role=Role.Name.CLERK))
    assert clerk.get(f"{LIST}add/").status_code == 403


def test_a_terminal_is_unpaired_and_revoked(shop: Shop, terminal: Device) -> None:
    client = browser(person("owner", shop.merchant.id, role=Role.Name.OWNER))
    shown = page(client, LIST, action="new_code", _selected_action=terminal.terminal)
    assert "<svg" in shown
    assert terminal.post(sale(1)).status_code == 401
    page(client, LIST, action="revoke", _selected_action=terminal.terminal)
    assert Terminal.objects.get().status == "revoked"
    assert "revoked for good" in page(client, LIST, action="new_code", _selected_action=terminal.terminal)


def test_a_clerk_may_look_but_not_revoke(shop: Shop, terminal: Device) -> None:
    clerk = browser(person("clerk", shop.merchant.id, role=Role.Name.CLERK))
    page(clerk, LIST, action="revoke", _selected_action=terminal.terminal)
    page(clerk, LIST, action="new_code", _selected_action=terminal.terminal)
    assert Terminal.objects.get().status == "active"


def test_another_shops_terminal_is_not_seen(stranger: Shop, terminal: Device) -> None:
    owner = browser(person("owner", stranger.merchant.id, role=Role.Name.OWNER))
    assert terminal.terminal not in page(owner, LIST)
