"""A passkey in place of the code: proved by who works in the store, once, and added by who has no account elsewhere."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from payments.people.models import AuditLog, Passkey, Role, User
from payments.people.services import passkeys
from terminals.models import CounterSignIn
from terminals.services.counter import passkeys as at_counter_
from terminals.services.counter.members import NewMember, add_member
from terminals.services.counter.staff_codes import choose_first
from tests.builders import Shop, open_shop
from tests.counter.cast import CODE, Tablet, pair_tablet, text
from tests.people.authenticator import PRESENT, Authenticator
from tests.people.cast import person
from tests.responses import ClientResponse

SITE = "https://pay.example"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.PUBLIC_URL, settings.CSRF_TRUSTED_ORIGINS = SITE, [SITE]


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(origin=SITE, host="pay.example")


@pytest.fixture
def with_passkey(anna: User, phone: Authenticator) -> User:
    """Anna added one to her account in the admin."""
    options, state = passkeys.begin_registration(anna)
    passkeys.complete_registration(anna, state, answer=phone.make(options), name="Telephone")
    return anna


@pytest.fixture
def fleur(shop: Shop) -> User:
    """She has no account, and a code of her own."""
    manager = person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)
    made = add_member(NewMember(name="Fleur", role=Role.Name.CLERK), channel=shop.store, actor=manager)
    assert choose_first(made.row.id, starter_hash=made.row.starter_hash, code=CODE) is not None
    return made.row.user


def asked(tablet: Tablet, path: str = "/counter/passkey/ask") -> tuple[str, str]:
    """What the browser is asked, and the ticket."""
    given = json.loads(tablet.opens(path).content)
    return json.dumps(given["options"]), given["ticket"]


def proves(tablet: Tablet, phone: Authenticator) -> ClientResponse:
    options, ticket = asked(tablet)
    return tablet.sends("/counter/passkey", ticket=ticket, passkey=phone.prove(options), next="/counter/link")


def adds(tablet: Tablet, phone: Authenticator, code: str = CODE) -> ClientResponse:
    options, ticket = asked(tablet, "/counter/passkeys/ask")
    made = phone.make(options)
    return tablet.sends("/counter/passkeys", name="My key", code=code, ticket=ticket, passkey=made)


def test_a_passkey_signs_its_person_in_without_a_code(
    shop: Shop, tablet: Tablet, with_passkey: User, phone: Authenticator
) -> None:
    assert 'data-passkey="get"' in tablet.opens("/counter/sign-in").content.decode()
    assert proves(tablet, phone)["Location"] == "/counter/link"
    assert "Anna" in tablet.reads("/counter/")
    assert AuditLog.objects.filter(action="counter.signed_in", after={"user": with_passkey.id}).exists()


def test_an_answer_opens_once(tablet: Tablet, with_passkey: User, phone: Authenticator) -> None:
    options, ticket = asked(tablet)
    synced = replace(phone, count=-1)  # of those that do not count, as passkeys that are on several devices
    Passkey.objects.update(sign_count=0)
    answer = synced.prove(options)
    assert tablet.sends("/counter/passkey", ticket=ticket, passkey=answer).status_code == 302
    again = tablet.sends("/counter/passkey", ticket=ticket, passkey=answer)
    assert again.status_code == 401
    assert "or it took too long" in text(again)
    assert CounterSignIn.objects.count() == 1


def test_an_answer_is_held_against_the_browser_the_site_and_the_time(
    shop: Shop, tablet: Tablet, with_passkey: User, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, ticket = asked(pair_tablet(shop.store))  # of the tablet beside it
    answers = [(ticket, phone.prove(options))]
    for other in (replace(phone, origin="https://pay-example.com"), replace(phone, flags=PRESENT)):
        options, ticket = asked(tablet)
        answers.append((ticket, other.prove(options)))
    answers.extend([("made up", "{}"), ("", ""), (asked(tablet)[1], "[]"), (asked(tablet)[1], "x" * 17_000)])
    monkeypatch.setattr(passkeys, "CHALLENGE_LASTS", -timedelta(seconds=1))
    options, ticket = asked(tablet)
    answers.append((ticket, phone.prove(options)))
    for ticket, answer in answers:
        assert tablet.sends("/counter/passkey", ticket=ticket, passkey=answer).status_code == 401
    assert not CounterSignIn.objects.exists()


def test_only_who_works_in_this_store_gets_in(
    shop: Shop, tablet: Tablet, with_passkey: User, phone: Authenticator
) -> None:
    other = open_shop("Other")
    stranger = pair_tablet(other.store)
    assert stranger.opens("/counter/passkey/ask").status_code == 404
    assert "data-passkey" not in stranger.opens("/counter/sign-in").content.decode()
    options, ticket = asked(tablet)
    Role.objects.filter(user=with_passkey).update(role="auditor")
    answer = tablet.sends("/counter/passkey", ticket=ticket, passkey=phone.prove(options))
    assert answer.status_code == 401


def test_guessing_is_slowed(tablet: Tablet, with_passkey: User, phone: Authenticator) -> None:
    answers = [tablet.sends("/counter/passkey", ticket="x", passkey="{}").status_code for _ in range(17)]
    assert answers == [401] * 15 + [429] * 2
    assert proves(tablet, phone).status_code == 429


def test_who_has_no_account_adds_one_by_their_code_and_removes_it(
    shop: Shop, tablet: Tablet, fleur: User, phone: Authenticator
) -> None:
    tablet.signs_in(fleur)
    assert "/counter/passkeys" in tablet.opens("/counter/").content.decode()
    options, _ticket = asked(tablet, "/counter/passkeys/ask")
    # The tablet is everybody's: only what its person carries along.
    assert json.loads(options)["authenticatorSelection"]["authenticatorAttachment"] == "cross-platform"
    wrong = adds(tablet, phone, code="314159")
    assert (wrong.status_code, Passkey.objects.count()) == (401, 0)
    assert "This is not your code" in text(wrong)
    assert adds(tablet, phone).status_code == 302
    assert "My key" in tablet.reads("/counter/passkeys")
    tablet.sends("/counter/sign-out")
    assert proves(tablet, phone).status_code == 302
    assert "Fleur" in tablet.reads("/counter/")
    tablet.sends("/counter/passkeys/remove", id=Passkey.objects.get().id)
    assert not Passkey.objects.exists()
    tablet.sends("/counter/sign-out")
    assert tablet.opens("/counter/passkey/ask").status_code == 404


def test_a_passkey_is_made_for_its_person_at_this_browser(
    shop: Shop, tablet: Tablet, fleur: User, phone: Authenticator
) -> None:
    tablet.signs_in(fleur)
    beside = pair_tablet(shop.store)
    beside.signs_in(fleur)
    options, ticket = asked(beside, "/counter/passkeys/ask")
    form = {"name": "My key", "code": CODE, "ticket": ticket, "passkey": phone.make(options)}
    assert "did not work" in text(tablet.sends("/counter/passkeys", **form))
    assert tablet.sends("/counter/passkeys", **{**form, "name": ""}).status_code == 422
    assert not Passkey.objects.exists()


def test_who_has_an_account_adds_them_there_behind_a_second_factor(at_counter: Tablet, anna: User) -> None:
    assert at_counter.opens("/counter/passkeys").status_code == 404
    assert at_counter.opens("/counter/passkeys/ask").status_code == 404
    assert at_counter.sends("/counter/passkeys/remove", id="x").status_code == 404
    assert not at_counter_.may_add(anna)


def test_leaving_ends_it_at_once(tablet: Tablet, fleur: User, phone: Authenticator) -> None:
    tablet.signs_in(fleur)
    adds(tablet, phone)
    User.objects.filter(id=fleur.id).update(is_active=False)
    assert tablet.opens("/counter/passkeys").status_code == 302
    assert tablet.opens("/counter/passkey/ask").status_code == 404


def test_an_address_without_a_name_offers_none(tablet: Tablet, with_passkey: User, settings: Any) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert "data-passkey" not in tablet.opens("/counter/sign-in").content.decode()
