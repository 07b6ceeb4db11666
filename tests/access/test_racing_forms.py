"""Two merchants' owners press the same buttons at the same moment: neither is given anything of the other's.

A form whose choices are set on the class serves whoever comes between setting and reading them. Threads that change
places as often as they can, beside one that opens the form over and over, find such a gap within a few attempts.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory

from payments.people.models import ApiKey, AuditLog, Role, User
from terminals.models import Terminal
from tests.builders import Shop, open_shop
from tests.people.cast import signed_in
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ATTEMPTS = 6


@pytest.fixture(autouse=True)
def _restless() -> Iterator[None]:
    """Threads change places after a tenth of a millisecond instead of five milliseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


def owner(shop: Shop) -> User:
    user = User.objects.create_user(f"owner of {shop.merchant.name}", is_staff=True)
    Role.objects.create(user=user, merchant_id=shop.merchant.id, role=Role.Name.OWNER)
    return user


def race(attack: Callable[[Client], Any], model: Any, *, thief: User, victim: User) -> None:
    """Attack a few times while the victim's own form is made without pause; errors of threads are the test's."""
    client, over = signed_in(thief), threading.Event()
    request = RequestFactory().get("/")
    request.user = victim

    def attacks() -> None:
        try:
            for _ in range(ATTEMPTS):
                attack(client)
        finally:
            over.set()

    def forms() -> None:
        while not over.is_set():
            admin.site._registry[model].get_form(request)  # what opening the page begins with

    for outcome in at_once(attacks, forms):
        assert not isinstance(outcome, BaseException), outcome


def test_no_owner_gets_a_key_of_another_merchant() -> None:
    bloem, vreemd = open_shop("Bloem"), open_shop("Vreemd")
    thief, victim = owner(bloem), owner(vreemd)
    wanted = {"merchant_id": vreemd.merchant.id, "label": "mine", "scopes": ["refunds:write"]}

    race(lambda http: http.post("/admin/people/apikey/add/", wanted), ApiKey, thief=thief, victim=victim)

    assert not ApiKey.objects.filter(merchant_id=vreemd.merchant.id).exists()
    tries = AuditLog.objects.filter(action="api_key.created.refused", merchant_id=vreemd.merchant.id, actor=thief.id)
    assert tries.count() == ATTEMPTS


def test_no_owner_ties_a_key_to_another_merchants_channel() -> None:
    bloem, vreemd = open_shop("Bloem"), open_shop("Vreemd")
    thief, victim = owner(bloem), owner(vreemd)
    wanted = {"merchant_id": vreemd.merchant.id, "channel_id": vreemd.store.id, "scopes": ["payments:read"]}

    race(lambda http: http.post("/admin/people/apikey/add/", wanted), ApiKey, thief=thief, victim=victim)

    assert not ApiKey.objects.filter(channel_id=vreemd.store.id).exists()


def test_no_owner_puts_a_terminal_in_another_merchants_store() -> None:
    bloem, vreemd = open_shop("Bloem"), open_shop("Vreemd")
    thief, victim = owner(bloem), owner(vreemd)
    wanted = {"channel": vreemd.store.id, "label": "mine"}

    race(lambda http: http.post("/admin/terminals/terminal/add/", wanted), Terminal, thief=thief, victim=victim)

    assert not Terminal.objects.filter(merchant=vreemd.merchant).exists()
    tries = AuditLog.objects.filter(action="terminal.created.refused", merchant_id=vreemd.merchant.id, actor=thief.id)
    assert tries.count() == ATTEMPTS
