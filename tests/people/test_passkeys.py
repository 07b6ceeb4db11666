"""A passkey proves who somebody is, in place of the six digits: once, for its owner, on this site alone."""

import html
import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from payments.mail.models import Mail
from payments.people.models import AuditLog, Passkey, SignIn, User
from payments.people.services import second_factors
from payments.people.services.second_factors import Enrolment
from tests.builders import open_shop
from tests.people import cast
from tests.people.authenticator import PRESENT, Authenticator

pytestmark = pytest.mark.django_db

SITE = "https://pay.example"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.PUBLIC_URL, settings.CSRF_TRUSTED_ORIGINS = SITE, [SITE]


@pytest.fixture
def ada(db: None) -> User:
    user = cast.person("ada", open_shop().merchant.id)
    user.email = "ada@example.com"
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(origin=SITE, host="pay.example")


def options(client: Client, path: str) -> str:
    """What a page asks the browser."""
    page = client.get(path).content.decode()
    found = re.search(r'data-options="([^"]*)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def register(client: Client, phone: Authenticator, **given: str) -> Any:
    answer = phone.make(options(client, "/admin/passkeys/new/"))
    return client.post("/admin/passkeys/new/", {"name": "My telephone", "passkey": answer, **given})


def use(client: Client, answer: str) -> Any:
    return client.post("/admin/second-factor/", {"passkey": answer, "next": "/admin/account/"})


def newly(user: User) -> SignIn:
    return SignIn.objects.filter(user=user).latest("id")


def test_it_is_added_by_who_has_just_proved_a_factor_and_its_owner_is_told(ada: User, phone: Authenticator) -> None:
    late = cast.signed_in(ada, proved=False)
    assert late.get("/admin/passkeys/new/").status_code == 302
    client = cast.signed_in(ada)
    assert register(client, phone).status_code == 302
    row = Passkey.objects.get()
    assert (row.user, row.name) == (ada, "My telephone")
    assert AuditLog.objects.filter(actor=ada.id, action="passkey.added").exists()
    assert "My telephone" in Mail.objects.get(subject="A passkey was added").text


def test_it_signs_in_after_the_password(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    client = Client()
    client.post("/admin/login/", {"username": "ada", "password": PASSWORD})
    answer = phone.prove(options(client, "/admin/login/code/"))
    assert client.post("/admin/login/code/", {"passkey": answer}).status_code == 302
    assert newly(ada).second_factor_at is not None
    assert client.get("/admin/account/").status_code == 200


def test_it_steps_up(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    client = cast.signed_in(ada, proved=False)
    before = newly(ada).second_factor_at
    assert use(client, phone.prove(options(client, "/admin/second-factor/"))).status_code == 302
    after = newly(ada).second_factor_at
    assert before is not None
    assert after is not None
    assert after > before
    assert Passkey.objects.get().last_used_at is not None


def refused(client: Client, user: User, answer: str) -> bool:
    before = newly(user).second_factor_at
    use(client, answer)
    return newly(user).second_factor_at == before


def test_an_answer_works_once(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    client = cast.signed_in(ada, proved=False)
    answer = phone.prove(options(client, "/admin/second-factor/"))
    assert not refused(client, ada, answer)
    assert refused(client, ada, answer)
    options(client, "/admin/second-factor/")  # another challenge
    assert refused(client, ada, answer)


def test_an_imitation_of_the_site_gets_nothing(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    client = cast.signed_in(ada, proved=False)
    for other in (replace(phone, origin="https://pay-example.com"), replace(phone, host="pay-example.com")):
        assert refused(client, ada, other.prove(options(client, "/admin/second-factor/")))


def test_a_stolen_telephone_that_nobody_unlocked_proves_nothing(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    client = cast.signed_in(ada, proved=False)
    stolen = replace(phone, flags=PRESENT)
    assert refused(client, ada, stolen.prove(options(client, "/admin/second-factor/")))


def test_a_copy_of_it_is_noticed(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    client = cast.signed_in(ada, proved=False)
    copy = replace(phone)
    for _ in range(2):
        assert not refused(client, ada, phone.prove(options(client, "/admin/second-factor/")))
    assert refused(client, ada, copy.prove(options(client, "/admin/second-factor/")))
    assert AuditLog.objects.filter(actor=ada.id, action="passkey.copied").exists()


def test_another_persons_passkey_is_nobodys_here(ada: User, phone: Authenticator) -> None:
    eve = cast.person("eve", open_shop().merchant.id)
    register(cast.signed_in(ada), replace(phone, id=b"a" * 16))
    register(cast.signed_in(eve), phone)
    client = cast.signed_in(ada, proved=False)
    assert refused(client, ada, phone.prove(options(client, "/admin/second-factor/")))


@pytest.mark.parametrize(
    "answer", ["", "{", "[]", "null", '{"id": 1}', "x" * 20_000, '{"rawId": "AA", "response": {}}']
)
def test_what_is_no_passkey_is_refused(ada: User, phone: Authenticator, answer: str) -> None:
    register(cast.signed_in(ada), phone)
    client = cast.signed_in(ada, proved=False)
    options(client, "/admin/second-factor/")
    assert refused(client, ada, answer)
    fresh = cast.signed_in(ada)
    options(fresh, "/admin/passkeys/new/")
    assert fresh.post("/admin/passkeys/new/", {"name": "x", "passkey": answer}).status_code == 422
    assert Passkey.objects.count() == 1


def test_many_wrong_ones_make_wait(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    client = cast.signed_in(ada, proved=False)
    answers = [use(client, "{}").status_code for _ in range(12)]
    assert answers[0] != 429
    assert answers[-1] == 429


def test_its_owner_removes_it_and_nobody_else(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    eve = cast.person("eve", open_shop().merchant.id)
    row = Passkey.objects.get()
    cast.signed_in(eve).post("/admin/passkeys/remove/", {"passkey": row.id})
    cast.signed_in(ada, proved=False).post("/admin/passkeys/remove/", {"passkey": row.id})
    assert Passkey.objects.exists()
    cast.signed_in(ada).post("/admin/passkeys/remove/", {"passkey": row.id})
    assert not Passkey.objects.exists()
    assert AuditLog.objects.filter(actor=ada.id, action="passkey.removed").exists()


def test_recovering_an_account_ends_its_passkeys_and_another_app_does_not(ada: User, phone: Authenticator) -> None:
    register(cast.signed_in(ada), phone)
    second_factors.enrol(ada, Enrolment(ada.id, second_factors.REPLACING, "0" * 40), step=1, actor=ada.id)
    assert Passkey.objects.exists()
    second_factors.enrol(ada, Enrolment(ada.id, "otl_1", "0" * 40), step=1, actor=ada.id)
    assert not Passkey.objects.exists()


def test_an_address_without_a_name_offers_none(ada: User, settings: Any) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    page = cast.signed_in(ada).get("/admin/passkeys/new/").content.decode()
    assert "only for a server with a name" in page
    assert "data-options" not in page
