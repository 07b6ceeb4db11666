"""Two merchants' owners press the same buttons at the same moment: neither is given anything of the other's.

A form whose choices are set on the class serves whoever comes between setting and reading them. Threads that change
places as often as they can, beside one that opens the form over and over, find such a gap within a few attempts.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.test import Client, RequestFactory
from lxml import html

from payments.people.models import ApiKey, AuditLog, Role, User
from terminals.models import Terminal
from tests.access.admin_table import TABLE
from tests.access.test_admin_matrix import FULL, samples
from tests.access.test_admin_matrix import shops as shops
from tests.builders import Shop, open_shop
from tests.people.cast import signed_in
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ATTEMPTS = 6
LEAST_FORMS: Final = 25
STEP: Final = 1 if FULL else 3  # what `make test` sends: each third form
FOUND, SERVER_ERROR = 302, 500
# What people write, by a field's name, else by its type.
FILLED: Final = {
    "email": "somebody@example.com",
    "url": "https://example.com/hook",
    "date": (date.today() + timedelta(days=7)).isoformat(),
    "amount": "7.00",
    "iban": "NL44RABO0123456789",
    "reason": "As the customer asked.",
    "note": "As the customer asked.",
    "username": "somebody-new",
}


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


def filled(page: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each form of a page that posts, where to ("" for the page itself), filled in as a person would."""
    document: Any = html.fromstring(page)
    for form in document.forms:
        if form.method == "POST" and "logout" not in (form.action or "") and "i18n" not in (form.action or ""):
            yield form.action or "", dict(_fields(form))


def _fields(form: Any) -> Iterator[tuple[str, Any]]:
    radios: set[str] = set()
    for field in form.iter("input", "select", "textarea"):
        name, kind = field.get("name"), field.get("type", "text")
        if not name or kind in ("submit", "button", "file", "search") or name in radios:
            continue
        if field.tag == "select":
            options = [value for value in field.value_options if value]
            yield name, [field.value or options[-1]] if options else []
        elif kind in ("radio", "checkbox"):
            radios.add(name)
            yield name, field.get("value", "on")
        elif kind == "hidden" or field.get("value"):
            yield name, field.get("value", "")
        else:
            yield name, FILLED.get(name, FILLED.get(kind, "7"))


def owned(shop: Shop) -> dict[str, list[Any]]:
    """Every row of a merchant as it is, of every table that says whose its rows are; what only notes a look apart."""
    found = {}
    for model in apps.get_models():
        paths = {field.name for field in model._meta.get_fields()}
        path = next((name for name in ("merchant", "merchant_id") if name in paths), None)
        if path is not None and model._meta.managed and model is not AuditLog:
            rows = model._default_manager.filter(**{path: shop.merchant.id}).order_by("pk")
            found[model._meta.label] = list(rows.values())
    return found


def forms_of(shop: Shop, http: Client) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """By the address of a page: its forms as its owner fills them in, with the rows that are offered to them."""
    pages = [f"/{listed.path}add/" for listed in TABLE if listed.adds is not None]
    for listed in TABLE:
        for row in samples(listed, shop):
            path = f"/{listed.path}{row.pk}/"
            pages += [f"{path}change/", *(path + each.name for each in listed.buttons if not each.posted)]
    found = {}
    for address in pages:
        answer = http.get(address)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            forms = list(filled(answer.content.decode()))
            if forms:
                found[address] = forms
    return found


def test_what_one_owner_may_send_another_owner_sends_in_vain(shops: tuple[Shop, Shop]) -> None:
    """Every form of the admin, filled in for one merchant and accepted there, is sent by the other one's owner.

    They send it while its owner has the same page made again and again, so that whatever a form keeps for one request
    would be there for the other.
    """
    thieves, victims = shops
    thief, victim = signed_in(owner(thieves)), signed_in(owner(victims))
    offered = forms_of(victims, victim)
    assert len(offered) > LEAST_FORMS
    forms = dict(list(offered.items())[::STEP])
    before = owned(victims)
    wrong: dict[str, Any] = {}
    for address, sent in forms.items():
        over = threading.Event()

        def attacks(address: str = address, sent: Any = sent, over: Any = over) -> list[int]:
            try:
                return [thief.post(action or address, data).status_code for action, data in sent for _ in range(2)]
            finally:
                over.set()

        def opens(address: str = address, over: Any = over) -> None:
            while not over.is_set():
                victim.get(address)

        answers, opened = at_once(attacks, opens)
        assert not isinstance(opened, BaseException), (address, opened)
        if isinstance(answers, BaseException) or any(status >= SERVER_ERROR for status in answers):
            wrong[address] = answers
    after = owned(victims)
    changed = {label for label in before if after[label] != before[label]}
    assert (wrong, changed) == ({}, set())

    accepted = 0
    for address, sent in forms.items():
        for action, data in sent:
            with transaction.atomic():
                accepted += victim.post(action or address, data).status_code == FOUND
                transaction.set_rollback(True)
    assert accepted > LEAST_FORMS // STEP  # what is refused to its owner, too, would prove nothing
