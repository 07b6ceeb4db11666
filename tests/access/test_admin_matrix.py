"""Every page and button of the admin by every role, and what each must get: one after another, and all at once.

People of two merchants open their own rows, those of their other channel, and each other's. `MATRIX=full` asks as
everybody at both merchants and in both channels, with `STEP=n` only every nth case of that; `make test` takes some.
"""

import os
import secrets
from dataclasses import dataclass, field
from threading import local
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.models import WorkFailure
from payments.people.models import AuditLog, Role, SignIn
from payments.people.permissions import May
from terminals.models import SequenceConflict, Terminal
from tests.access import sizes
from tests.access.admin_table import ELSEWHERE, HOLDERS, OF_THE_WHOLE, PAGES, ROLES, TABLE, Button, Listed, Rows, Where
from tests.access.test_api_matrix import addresses
from tests.access.things import closed_shift, driven
from tests.admin.test_ways import IBAN, everything_happens
from tests.builders import Shop, open_shop
from tests.people.cast import person, signed_in
from tests.responses import ClientResponse
from tests.simulator import RunningSimulator
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

FULL: Final = os.environ.get("MATRIX") == "full"
WIDTH: Final = 4
# What `make test` takes: each nineteenth, which is another page for each person; of those each third at the same time.
STEP: Final = int(os.environ.get("STEP") or (1 if FULL else 19))
AGAIN: Final = 1 if FULL else 3
PASSES, SIGN_IN, REFUSED, ABSENT = "passes", "to sign in", "403", "404"
TOKEN: Final = "a" * 32


@dataclass(frozen=True)
class Person:
    """Somebody at a merchant, or in its `tied` channel; no role: nobody, who is not signed in."""

    shop: Shop
    role: str = ""
    tied: str = ""
    session: str = ""

    def holds(self, what: May | None) -> bool:
        return what is None or self.role in HOLDERS[what]

    def __str__(self) -> str:
        return f"{self.role or 'nobody'} of {self.tied or 'all'} at {self.shop.merchant.name}"


@dataclass(frozen=True)
class Sample:
    """One row of a model: whose, and in which channel ("": none)."""

    listed: Listed
    shop: Shop
    place: str
    pk: Any

    def seen_by(self, who: Person) -> bool:
        """By the table alone."""
        if who.shop is not self.shop or not who.holds(self.listed.sees):
            return False
        here = not who.tied or (self.listed.rows != Rows.WHOLE and self.place == who.tied)
        served = self.listed.rows == Rows.SERVED and who.holds(May.SERVE)
        return here or served or self.listed.rows == Rows.SHARED

    def pressed_by(self, who: Person, button: Button) -> bool:
        """Whether a person who sees the row may press the button."""
        there = not who.tied or button.where == Where.ANY or (button.where == Where.HERE and self.place == who.tied)
        return who.holds(button.needs) and there

    def __str__(self) -> str:
        return f"{self.place or 'no channel'} of {self.shop.merchant.name}"


@dataclass(frozen=True)
class Case:
    """One request, and what it must be answered where it comes from a page of ours."""

    who: Person
    method: str
    path: str
    said: str
    hidden: tuple[str, ...] = field(default=(), repr=False)  # what the answer must not hold
    forged: bool = False  # no page of ours was opened for it

    @property
    def expected(self) -> str:
        if self.forged:
            return REFUSED
        return self.said if self.who.role else SIGN_IN

    def answer(self) -> str:
        """What it is answered; a form is posted with nothing in it."""
        http = browser(self.who)
        if self.method == "GET":
            return self.outcome_of(http.get(f"/{self.path}"))
        if not self.path.endswith("/remove/"):
            return self._posted(http)
        with transaction.atomic():  # it needs no fields, and what it removes is there for the cases that follow
            outcome = self._posted(http)
            transaction.set_rollback(True)
        return outcome

    def _posted(self, http: Client) -> str:
        return self.outcome_of(http.post(f"/{self.path}", {} if self.forged else {"csrfmiddlewaretoken": TOKEN}))

    def outcome_of(self, answer: Any) -> str:
        if answer.status_code == 302:
            aside = [each for each in ("/admin/login/", "/admin/second-factor/") if answer["Location"].startswith(each)]
            return {"/admin/login/": SIGN_IN}.get(aside[0], aside[0]) if aside else PASSES
        held = [each for each in self.hidden if each in readable(answer)]
        outcome = PASSES if answer.status_code in (200, 422) else str(answer.status_code)
        return f"{outcome} with {held}" if held else outcome

    def __str__(self) -> str:
        return f"{self.who}: {self.method}{' forged' * self.forged} {self.path}"


def readable(answer: ClientResponse) -> str:
    return answer.content.decode() if answer.headers.get("Content-Type", "").startswith("text/html") else ""


_http = local()


def browser(who: Person) -> Client:
    """One a thread and person."""
    if not hasattr(_http, "of"):
        _http.of = {}
    if str(who) not in _http.of or _http.of[str(who)][0] != who.session:
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        if who.session:
            client.cookies["sessionid"] = who.session
        client.cookies["csrftoken"] = TOKEN
        _http.of[str(who)] = who.session, client
    made: Client = _http.of[str(who)][1]
    return made


def people(one: Shop, two: Shop) -> list[Person]:
    """Who asks."""
    places = ("", "store", "webshop") if FULL else ("", "store")
    wanted = [(one, role, tied) for role in ROLES for tied in places]
    wanted += [(two, role, tied) for role in ROLES for tied in places] if FULL else [(two, "owner", "")]
    return [Person(one), *(_signed_in(*each) for each in wanted)]


def _signed_in(shop: Shop, role: str, tied: str) -> Person:
    channel = {"store": shop.store.id, "webshop": shop.webshop.id}.get(tied)
    user = person(f"{role} {tied} {shop.merchant.id}", shop.merchant.id, role=Role.Name(role), channel_id=channel)
    return Person(shop, role, tied, signed_in(user).cookies["sessionid"].value)


def samples(listed: Listed, shop: Shop) -> list[Sample]:
    """A row of each channel, and one of none, as far as there are."""
    rows = apps.get_model(listed.model)._default_manager.filter(**{listed.merchant: shop.merchant.id}, **listed.only)
    places = {"store": shop.store.id, "webshop": shop.webshop.id, "": None}
    if not listed.channel:
        row = rows.order_by("pk").first()
        return [Sample(listed, shop, "", row.pk)] if row is not None else []
    found = {place: rows.filter(**{listed.channel: at}).order_by("pk").first() for place, at in places.items()}
    return [Sample(listed, shop, place, row.pk) for place, row in found.items() if row is not None]


def cases(one: Shop, two: Shop) -> list[Case]:
    """Everything to be asked."""
    found = []
    everybody = people(one, two)
    rows = {listed.model: [*samples(listed, one), *samples(listed, two)] for listed in TABLE}
    missing = [model for model, of in rows.items() if {id(each.shop) for each in of} != {id(one), id(two)}]
    assert missing == [], "there is no row to open"
    for who in everybody:
        other = (two if who.shop is one else one).merchant.name
        for path, needs in PAGES.items():
            opens = who.holds(needs) and not (who.tied and path in OF_THE_WHOLE)
            found.append(Case(who, "GET", path, PASSES if opens else REFUSED, (other,)))
        for listed in TABLE:
            found += of_list(who, listed, rows[listed.model], other)
            for row in rows[listed.model]:
                found += of_row(who, row, other)
    return found


def of_list(who: Person, listed: Listed, rows: list[Sample], other: str) -> list[Case]:
    """The list, without a link to a row that this person does not see; and the page that makes another."""
    unseen = [f"/{listed.path}{row.pk}/change/" for row in rows if not row.seen_by(who)]
    makes = PASSES if listed.adds is not None and who.holds(listed.adds) else REFUSED
    return [
        Case(who, "GET", listed.path, PASSES if who.holds(listed.sees) else REFUSED, (other, *unseen)),
        *page_cases(who, f"{listed.path}add/", makes, makes, other),
    ]


def of_row(who: Person, row: Sample, other: str) -> list[Case]:
    """Its page, what Django has below it and nobody gets, and its buttons."""
    listed, path = row.listed, f"{row.listed.path}{row.pk}/"
    opens = REFUSED if not who.holds(listed.sees) else PASSES if row.seen_by(who) else ABSENT
    found = page_cases(who, f"{path}change/", opens, REFUSED, other)
    found += [Case(who, "GET", f"{path}delete/", REFUSED), Case(who, "GET", f"{path}history/", ABSENT)]
    model = apps.get_model(listed.model)._default_manager
    for button in listed.buttons:
        if button.only and not model.filter(pk=row.pk, **button.only).exists():
            continue
        does = REFUSED if opens == PASSES and not row.pressed_by(who, button) else opens
        found += page_cases(who, path + button.name, "405" if button.posted else does, does, other)
    return found


def page_cases(who: Person, path: str, shown: str, posted: str, other: str) -> list[Case]:
    """A page, its form sent, and sent from elsewhere."""
    found = [Case(who, "GET", path, shown, (other,)), Case(who, "POST", path, posted, (other,))]
    # Where a form comes from is asked before who sends it: of whoever may most, and of nobody.
    forged = FULL or (who.role in ("", "owner") and not who.tied)
    return [*found, Case(who, "POST", path, REFUSED, forged=True)] if forged else found


@pytest.fixture
def shops(transactional_db: None, simulator: RunningSimulator, settings: Any, tmp_path: Any) -> tuple[Shop, Shop]:
    settings.MEDIA_ROOT = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.WEBHOOK_ALLOW_PRIVATE = True
    return lived_in("Bloem"), lived_in("Vreemd")


def lived_in(name: str) -> Shop:
    """A shop in which everything happened, a terminal was driven, a shift closed, and what a fault brings."""
    shop = open_shop(name, second_person_above=10_000, iban=IBAN)
    everything_happens(shop)
    person(f"colleague {shop.merchant.id}", shop.merchant.id, role=Role.Name.CLERK)
    now, merchant_id = timezone.now(), shop.merchant.id
    WorkFailure.objects.create(
        work="payments.write_receipt",
        subject=merchant_id,
        merchant_id=merchant_id,
        first_failed_at=now,
        last_failed_at=now,
    )
    SequenceConflict.objects.create(
        terminal=Terminal.objects.get(merchant=shop.merchant, label="Counter 1"),
        series=1,
        sequence=1,
        content=secrets.token_bytes(32),
        posted={"type": "sale", "amount": 100},
    )
    driven(shop)
    closed_shift(shop)
    return shop


def answers(some: list[Case]) -> dict[str, str]:
    """What each gets, one after another. Nobody's turn is so late that their sign-in is idle by then."""
    got = {}
    for number, case in enumerate(some):
        if number % 500 == 0:
            now = timezone.now()
            SignIn.objects.filter(ended_at=None).update(last_seen_at=now)
            SignIn.objects.filter(ended_at=None).exclude(second_factor_at=None).update(second_factor_at=now)
        got[str(case)] = case.answer()
    return got


def test_everybody_gets_on_every_page_what_the_table_says(shops: tuple[Shop, Shop]) -> None:
    everything = cases(*shops)
    assert len(everything) > (sizes.ADMIN_CASES if FULL else 5_000)
    everything = everything[::STEP]
    one_by_one = answers(everything)
    wrong = {
        str(case): (case.expected, one_by_one[str(case)])
        for case in everything
        if one_by_one[str(case)] != case.expected
    }
    assert wrong == {}

    again = everything[::AGAIN]
    at_the_same_time: dict[str, str] = {}
    for outcome in at_once(*(lambda at=at: answers(again[at::WIDTH]) for at in range(WIDTH))):
        assert isinstance(outcome, dict), outcome
        at_the_same_time |= outcome
    assert {case: (one_by_one[case], got) for case, got in at_the_same_time.items() if got != one_by_one[case]} == {}


def presses(who: Person, action: Button, rows: list[Sample]) -> tuple[str, set[Any]]:
    """How the list answers to an action on these rows, and on which of them it is done; none of it stays."""
    address = f"/{rows[0].listed.path}"
    form = {"action": action.name, "_selected_action": [row.pk for row in rows], "csrfmiddlewaretoken": TOKEN}
    form |= action.form
    with transaction.atomic():
        before = AuditLog.objects.order_by("-id").values_list("id", flat=True).first() or 0
        outcome = Case(who, "POST", address, PASSES).outcome_of(browser(who).post(address, form))
        noted = AuditLog.objects.filter(id__gt=before, object_id__in=[row.pk for row in rows])
        done = set(noted.exclude(action__endswith=".refused").values_list("object_id", flat=True))
        transaction.set_rollback(True)
    return outcome, done


def test_actions_on_ticked_rows_are_done_to_those_alone_of_whom_the_table_says_so(shops: tuple[Shop, Shop]) -> None:
    """Everybody ticks the rows of both merchants one by one, as no page of theirs would let them."""
    one, two = shops
    wrong, right = {}, 0
    for who in people(one, two):
        for listed in (listed for listed in TABLE if listed.actions):
            for row in [*samples(listed, one), *samples(listed, two)]:
                for action in listed.actions:
                    may = row.seen_by(who) and row.pressed_by(who, action)
                    answer = SIGN_IN if not who.role else PASSES if who.holds(listed.sees) else REFUSED
                    got = presses(who, action, [row])
                    right += may
                    if got != (answer, {row.pk} if may else set()):
                        wrong[f"{who}: {action.name} {listed.path} {row}"] = got
    assert wrong == {}
    assert right > 30


def test_every_address_of_the_admin_is_declared() -> None:
    """By the URLs themselves: a page or button that no row names fails here."""
    of_django = ("", "add/", "()/", "()/change/", "()/delete/", "()/history/")
    declared = {listed.path + end for listed in TABLE for end in of_django}
    declared |= {f"{listed.path}()/{button.name}" for listed in TABLE for button in listed.buttons}
    served = {path for path in addresses(get_resolver()) if path.startswith("admin/")}
    assert served - declared - set(PAGES) - ELSEWHERE == set()
    assert (declared | set(PAGES) | ELSEWHERE) - served == set()


def test_every_button_and_action_is_declared() -> None:
    declared = {listed.model: listed for listed in TABLE}
    for model, page in admin.site._registry.items():
        assert isinstance(page, ReadOnlyModelAdmin), model
        listed = declared.pop(model._meta.label_lower)
        names = {f"{action.name}/" for action in page.page_actions}
        assert names == {
            button.name for button in listed.buttons if not (button.posted or button.shows or button.only)
        }, model
        assert set(page.actions or ()) == {action.name for action in listed.actions}, model
    assert declared == {}


def test_every_role_is_declared_for_all_that_pages_ask() -> None:
    needed = {listed.sees for listed in TABLE} | {each.needs for listed in TABLE for each in listed.buttons}
    assert needed <= set(HOLDERS)
    assert set(ROLES) == set(Role.Name.values)
