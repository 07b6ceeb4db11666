"""Proving a second factor in the admin: a code counts once, for a quarter of an hour, in the session it was given in."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django_otp.oath import TOTP

from payments.people.models import AuditLog, SecondFactor, User
from payments.people.services import second_factors

pytestmark = pytest.mark.django_db

PAGE = "/admin/second-factor/"


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password="a long enough word")


@pytest.fixture
def browser(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def code(ada: User, steps: int = 0) -> str:
    """What Ada's app shows, now or some half minutes from now."""
    totp = TOTP(bytes.fromhex(SecondFactor.objects.get(user=ada).key))
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06d}"


def proved_at(client: Client) -> str | None:
    return client.session.get("second_factor_at")


def test_setting_one_up_shows_its_picture_until_the_first_right_code(browser: Client, ada: User) -> None:
    page = browser.get(PAGE, {"next": "/admin/people/"}).content.decode()
    assert "<svg" in page
    address = re.search(r'id="qr".*?<code id="address">(.*?)</code>', page, re.DOTALL).group(1).replace("&amp;", "&")
    assert parse_qs(urlsplit(address).query)["issuer"] == ["Onetill"]
    assert proved_at(browser) is None

    answer = browser.post(PAGE, {"code": code(ada), "next": "/admin/people/"})

    assert (answer.status_code, answer.headers["location"]) == (302, "/admin/people/")
    assert proved_at(browser)
    page = browser.get(PAGE).content.decode()
    assert "<svg width" not in page
    assert "otpauth" not in page
    assert AuditLog.objects.get(action="second_factor.confirmed").object_id == ada.id


def test_a_wrong_code_proves_nothing_and_slows_the_next(browser: Client, ada: User) -> None:
    browser.get(PAGE)
    wrong = f"{(int(code(ada)) + 1) % 1_000_000:06d}"
    for text in (wrong, "", "abcdef", "١٢٣٤٥٦", "9" * 30):
        assert browser.post(PAGE, {"code": text}).status_code == 200
    assert browser.post(PAGE, {"code": code(ada)}).status_code == 200
    assert proved_at(browser) is None
    assert not SecondFactor.objects.get().confirmed


def test_a_code_counts_once(browser: Client, ada: User) -> None:
    browser.get(PAGE)
    shown = code(ada)
    assert second_factors.prove(user=ada, code=shown)
    assert second_factors.prove(user=ada, code=shown) is None


def test_it_counts_in_its_own_session_only(browser: Client, ada: User) -> None:
    browser.get(PAGE)
    browser.post(PAGE, {"code": code(ada)})
    other = Client()
    other.force_login(ada)
    assert proved_at(other) is None


def test_the_key_stands_encrypted(browser: Client, ada: User) -> None:
    browser.get(PAGE)
    key = SecondFactor.objects.get().key
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM people_secondfactor")
        [(stored,)] = cursor.fetchall()
    assert key not in stored


def test_who_lost_the_device_sets_up_another(browser: Client, ada: User) -> None:
    browser.get(PAGE)
    browser.post(PAGE, {"code": code(ada)})
    second_factors.take_away(user=ada, actor="usr_other")
    assert "otpauth" in browser.get(PAGE).content.decode()
    assert AuditLog.objects.filter(action="second_factor.taken_away", actor="usr_other").exists()


def test_strangers_are_sent_to_sign_in_and_nobody_elsewhere(browser: Client, ada: User) -> None:
    assert "/admin/login/" in Client().get(PAGE).headers["location"]
    browser.get(PAGE)
    answer = browser.post(PAGE, {"code": code(ada), "next": "https://evil.example/"})
    assert answer.headers["location"] == "/admin/"


def test_a_person_reads_their_own_language(browser: Client, ada: User) -> None:
    ada.language = "nl"
    ada.save()
    assert browser.get(PAGE, headers={"accept-language": "en"}).headers["content-language"] == "nl"
