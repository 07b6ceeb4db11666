"""The second factor: enrolled by a link only, proved once a code, counted in its own session, and replaceable."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from payments.notify.models import Mail
from payments.people.models import AuditLog, OneTimeLink, RecoveryCode, Role, SecondFactor, SignIn, User
from payments.people.origin import Origin
from payments.people.services import one_time_links, second_factors, sign_ins
from tests.people.cast import code, person, shown, signed_in

pytestmark = pytest.mark.django_db

PAGE = "/admin/second-factor/"
PASSWORD = "twelve tulips in a vase"
HERE = Origin("192.0.2.1", "a test")


@pytest.fixture(autouse=True)
def _own_counts(settings: Settings, request: pytest.FixtureRequest) -> None:
    settings.REDIS_PREFIX += f"{request.node.name}:"


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada@shop.example", "ada@shop.example", PASSWORD)


@pytest.fixture
def browser(ada: User) -> Client:
    return signed_in(ada, proved=False)


def proved_at(client: Client) -> Any:
    return SignIn.objects.get(id=client.session[sign_ins.SESSION_KEY]).second_factor_at


def page(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def key_on(text: str) -> str:
    """The key that a page shows, as an app keeps it: hexadecimal."""
    import base64

    found = re.search(r'<code id="key">([A-Z2-7 ]+)</code>', text)
    assert found, text[:2000]
    return base64.b32decode(found[1].replace(" ", "")).hex()


def invited(user: User) -> str:
    """Where this person's link leads."""
    url = one_time_links.issue(user, OneTimeLink.Purpose.INVITATION, actor="usr_owner").url
    return "/admin/" + url.partition("/admin/")[2]


def joins(client: Client, path: str, **changes: str) -> Any:
    key = key_on(page(client, path))
    form = {"password": PASSWORD, "password_again": PASSWORD, "code": shown(key), **changes}
    return client.post(path, form)


def test_a_password_alone_enrols_no_factor(ada: User) -> None:
    stranger = Client()
    stranger.post("/admin/login/", {"username": ada.username, "password": PASSWORD})
    for path in (PAGE, f"{PAGE}new/", "/admin/login/code/", "/admin/"):
        text = stranger.get(path, follow=True).content.decode()
        assert "otpauth" not in text
        assert 'id="key"' not in text
    assert not SecondFactor.objects.exists()
    assert not SignIn.objects.exists()


def test_a_session_without_a_fresh_proof_replaces_no_factor(browser: Client) -> None:
    answer = browser.get(f"{PAGE}new/")
    assert answer.headers["location"].startswith(PAGE)
    assert browser.post(f"{PAGE}new/", {"code": "123456"}).headers["location"].startswith(PAGE)


def test_by_the_link_one_joins_and_the_codes_are_shown_once(ada: User) -> None:
    client, path = Client(), invited(ada)
    answer = joins(client, path)

    codes = re.findall(r"<li>(\w{4}-\w{4}-\w{4})</li>", answer.content.decode())
    assert len(set(codes)) == 10
    assert "no-store" in answer.headers["cache-control"]
    assert client.get("/admin/").status_code == 200
    assert AuditLog.objects.get(action="second_factor.enrolled").object_id == ada.id
    assert Client().get(path).status_code == 404
    for stored in RecoveryCode.objects.values_list("hash", flat=True):
        assert not any(code.replace("-", "") in stored for code in codes)


def test_each_attempt_has_a_secret_of_its_own_in_its_own_session_gone_in_minutes(ada: User) -> None:
    client, other, path = Client(), Client(), invited(ada)
    first, second = key_on(page(client, path)), key_on(page(client, path))
    assert len({first, second, key_on(page(other, path))}) == 3
    form = {"password": PASSWORD, "password_again": PASSWORD}
    assert client.post(path, {**form, "code": shown(first)}).status_code == 422

    session = client.session
    kept = session["enrolment"]
    assert second not in str(kept)
    session["enrolment"] = {**kept, "until": timezone.now().isoformat()}
    session.save()
    late = client.post(path, {**form, "code": shown(second)})
    assert "took too long" in late.content.decode()
    assert not SecondFactor.objects.exists()


def test_a_secret_of_one_person_is_nobody_elses(ada: User) -> None:
    bob = User.objects.create_superuser("bob", "bob@shop.example")
    client = Client()
    key = key_on(page(client, invited(ada)))
    answer = client.post(invited(bob), {"password": PASSWORD, "password_again": PASSWORD, "code": shown(key)})
    assert not SecondFactor.objects.exists()
    assert key_on(answer.content.decode()) != key


def test_codes_are_looked_at_for_length_and_digits_before_anything(browser: Client, ada: User) -> None:
    SecondFactor.objects.filter(user=ada).update(throttling_failure_count=0)
    for text in ("9" * 5_000, "9" * 30, "", "abcdef", "١٢٣٤٥٦", "12345", "-12345", "\0" * 6):
        assert browser.post(PAGE, {"code": text}).status_code == 422, text[:10]
    assert SecondFactor.objects.get(user=ada).throttling_failure_count == 0
    assert browser.post(PAGE, {"code": code(ada)}).status_code == 302


def test_wrong_codes_are_counted_over_sessions_and_told_to_the_person(ada: User, browser: Client) -> None:
    wrong = f"{(int(code(ada)) + 7) % 1_000_000:06d}"
    for _ in range(12):
        SecondFactor.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(hours=1))
        last = signed_in(ada, proved=False).post(PAGE, {"code": wrong})
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 30
    assert browser.post(PAGE, {"code": code(ada)}).status_code == 429
    assert Mail.objects.filter(to=ada.email, subject="Another person knows your password").exists()
    assert AuditLog.objects.filter(action="second_factor.failed", object_id=ada.id).count() == 10


def test_a_code_counts_once(ada: User, browser: Client) -> None:
    now = code(ada)
    assert second_factors.prove(user=ada, code=now, origin=HERE)
    assert not second_factors.prove(user=ada, code=now, origin=HERE)


def test_it_counts_in_its_own_session_only(browser: Client, ada: User) -> None:
    other = signed_in(ada, proved=False)
    before = proved_at(other)
    assert browser.post(PAGE, {"code": code(ada)}).status_code == 302
    assert proved_at(browser) > timezone.now() - timedelta(minutes=1)
    assert proved_at(other) == before


def test_the_key_stands_encrypted(browser: Client) -> None:
    key = SecondFactor.objects.get().key
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM people_secondfactor")
        [(stored,)] = cursor.fetchall()
    assert key not in stored


def test_a_recovery_code_works_once_and_is_counted_down(ada: User, browser: Client) -> None:
    codes = second_factors.renew_codes(ada)
    assert second_factors.prove(user=ada, code=f" {codes[0].upper()} ", origin=HERE)
    assert not second_factors.prove(user=ada, code=codes[0], origin=HERE)
    assert 'id="codes-left">9<' in page(browser, "/admin/account/")
    assert Mail.objects.filter(to=ada.email, subject="A recovery code was used").exists()


def test_other_codes_take_a_fresh_factor_and_end_those_before(ada: User, browser: Client) -> None:
    old = second_factors.renew_codes(ada)
    assert browser.post(f"{PAGE}codes/").headers["location"].startswith(PAGE)
    browser.post(PAGE, {"code": code(ada)})
    assert "recovery-codes" in browser.post(f"{PAGE}codes/").content.decode()
    assert not second_factors.prove(user=ada, code=old[0], origin=HERE)


def test_another_device_ends_every_other_sign_in(ada: User, browser: Client) -> None:
    elsewhere = signed_in(ada)
    browser.post(PAGE, {"code": code(ada)})
    key = key_on(page(browser, f"{PAGE}new/"))
    old = code(ada)
    assert "recovery-codes" in browser.post(f"{PAGE}new/", {"code": shown(key)}).content.decode()
    assert browser.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
    assert not second_factors.prove(user=ada, code=old, origin=HERE)
    assert Mail.objects.filter(to=ada.email, subject="A second factor was set up").exists()


def test_strangers_are_sent_to_sign_in_and_nobody_elsewhere(browser: Client, ada: User) -> None:
    assert "/admin/login/" in Client().get(PAGE).headers["location"]
    answer = browser.post(PAGE, {"code": code(ada), "next": "https://evil.example/"})
    assert answer.headers["location"] == "/admin/"


def test_a_person_reads_their_own_language(browser: Client, ada: User) -> None:
    ada.language = "nl"
    ada.save()
    assert browser.get(PAGE, headers={"accept-language": "en"}).headers["content-language"] == "nl"


def test_who_only_looks_may_do_without(ada: User) -> None:
    auditor = person("kees", "mer_1", role=Role.Name.AUDITOR)
    auditor.set_password(PASSWORD)
    auditor.save()
    client = Client()
    assert client.post("/admin/login/", {"username": "kees", "password": PASSWORD}).headers["location"] == "/admin/"
    Role.objects.create(user=auditor, merchant_id="mer_1", role=Role.Name.CLERK)
    assert client.get("/admin/account/").status_code == 302
    client.post("/admin/login/", {"username": "kees", "password": PASSWORD})
    assert "second factor" in page(client, "/admin/login/code/")
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    "password",
    [
        "short tulips",
        "aaaaaaaaaaaaaaa",
        "abababababababab",
        "password1234",
        "qwertyuiop12",
        "123456789012",
        "ada@shop.example",
        "onetillonetill",
        "x" * 300,
    ],
)
def test_weak_and_leaked_passwords_are_refused(ada: User, password: str) -> None:
    client, path = Client(), invited(ada)
    if password == "short tulips":
        password = password[:11]
    answer = joins(client, path, password=password, password_again=password)
    assert answer.status_code == 422
    assert not SecondFactor.objects.exists()


def test_a_sentence_is_a_password(ada: User) -> None:
    from payments.people.services.passwords import StrongPasswordValidator

    for password in ("correct horse battery", "de tulpen staan in de vaas", "Zomer? Nee, 3 weken herfst"):
        StrongPasswordValidator().validate(password, ada)
    with pytest.raises(ValidationError):
        StrongPasswordValidator().validate("welkom", ada)
