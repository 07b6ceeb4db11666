"""A person at a browser joins, signs in, looks at their account and is recovered: in Dutch, and on a telephone too."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payments.people.models import OneTimeLink, Role, SecondFactor, User
from payments.people.services import one_time_links
from tests.browsers import CHROMIUM, a_browser, page_of
from tests.builders import Shop, open_shop
from tests.people.cast import code, person, shown
from tests.people.test_second_factor import key_on

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

PASSWORD = "twelve tulips in a vase"
DESK = {"width": 1400, "height": 900}
TELEPHONE = {"width": 375, "height": 720}
PICTURES = os.environ.get("PICTURES", "")  # a folder, for who wants to look

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    return open_shop()


@pytest.fixture(params=[("en", DESK), ("nl", TELEPHONE)], ids=["en", "nl-telephone"])
def page(
    request: pytest.FixtureRequest, live_server: Any, shop: Shop, monkeypatch: Any, settings: Any
) -> Iterator[Any]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop runs in this thread
    settings.REDIS_PREFIX += request.node.name
    language, size = request.param
    complaints: list[str] = []
    with a_browser() as browser:
        yield page_of(browser, complaints, base_url=live_server.url, viewport=size, locale=language)
    assert complaints == []


def fits(page: Any, name: str) -> None:
    """Nothing sticks out to the side; and a picture of it, for who wants to look."""
    if PICTURES:
        language = page.evaluate("navigator.language")
        page.screenshot(path=Path(PICTURES) / f"{name}-{language}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), name


def test_from_the_invitation_to_the_account_and_back_in(page: Any, shop: Shop) -> None:
    person("olga@shop.example", shop.merchant.id, role=Role.Name.OWNER)
    carl = User.objects.create_user("carl@shop.example", "carl@shop.example", first_name="Carl")
    Role.objects.create(user=carl, merchant_id=shop.merchant.id, role=Role.Name.OWNER)
    url = one_time_links.issue(carl, OneTimeLink.Purpose.INVITATION, actor="usr_olga").url
    page.goto("/admin/" + url.partition("/admin/")[2])
    page.wait_for_selector("#qr svg")
    fits(page, "invitation")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=password_again]", PASSWORD)
    page.fill("[name=code]", shown(key_on(page.content())))
    page.click("#join-form button[type=submit]")
    page.wait_for_selector("#recovery-codes")
    codes = page.locator("#recovery-codes li").all_inner_texts()
    assert len(codes) == 10
    fits(page, "recovery-codes")

    page.goto("/admin/account/")
    assert page.inner_text("#codes-left") == "10"
    fits(page, "account")
    page.goto("/admin/people/user/")
    assert "olga@shop.example" in page.inner_text("#result_list")
    fits(page, "people")
    page.click("text=olga@shop.example")
    page.wait_for_selector("#roles")
    fits(page, "colleague")
    page.goto(f"/admin/payments/merchant/{shop.merchant.id}/invite/")
    page.wait_for_selector("[name=email]")
    fits(page, "invite")

    page.context.clear_cookies()
    page.goto("/admin/account/")
    page.wait_for_selector("#login-form")
    fits(page, "sign-in")
    page.fill("[name=username]", carl.username)
    page.fill("[name=password]", PASSWORD)
    page.click("#login-form button[type=submit]")
    page.wait_for_selector("#code-form")
    fits(page, "code")
    page.fill("[name=code]", codes[0])
    page.click("#code-form button[type=submit]")
    page.wait_for_selector("#codes-left")
    assert page.inner_text("#codes-left") == "9"
    page.goto("/admin/second-factor/")
    fits(page, "second-factor")
    page.goto("/admin/password_change/")
    fits(page, "password")
    page.goto("/admin/second-factor/new/")
    page.wait_for_selector("#qr svg")
    fits(page, "another-device")


def test_a_typed_form_survives_the_end_of_a_session(page: Any, shop: Shop) -> None:
    anna = User.objects.create_superuser("anna", password=PASSWORD)
    SecondFactor.objects.create(user=anna, name="app")
    sign_in(page, anna, "/admin/payments/merchant/")
    page.goto(f"/admin/payments/merchant/{shop.merchant.id}/invite/")
    page.fill("[name=email]", "carl@shop.example")
    page.fill("[name=name]", "Carl")
    anna.sign_ins.update(last_seen_at="2026-01-01T00:00:00Z")
    page.click("#action button[type=submit]")
    page.wait_for_selector("#login-form")
    sign_in(page, anna)
    page.wait_for_selector("#kept-form")
    fits(page, "kept-form")
    page.click("#kept-form button[type=submit]")
    page.wait_for_selector("#action")
    assert page.input_value("[name=email]") == "carl@shop.example"


def sign_in(page: Any, user: User, path: str = "") -> None:
    if path:
        page.goto(path)
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.click("#login-form button[type=submit]")
    page.fill("[name=code]", code(user))
    page.click("#code-form button[type=submit]")
    page.wait_for_url(re.compile("kept-form|merchant"))


def authenticator(page: Any) -> None:
    """A telephone that reads fingers, built into this browser."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    looks = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**looks, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )


def test_a_passkey_takes_the_place_of_the_six_digits(page: Any, shop: Shop, live_server: Any, settings: Any) -> None:
    settings.PUBLIC_URL, settings.CSRF_TRUSTED_ORIGINS = live_server.url, [live_server.url]
    anna = User.objects.create_superuser("anna", password=PASSWORD)
    SecondFactor.objects.create(user=anna, name="app")
    authenticator(page)
    sign_in(page, anna, "/admin/payments/merchant/")
    page.goto("/admin/account/")
    page.click("#passkeys a.ot-button")
    page.fill("[name=name]", "Annas telefoon")
    fits(page, "add-passkey")
    page.click("#passkey-form button[type=submit]")
    page.wait_for_selector("#passkeys td >> text=Annas telefoon")
    fits(page, "passkeys")

    page.context.clear_cookies()
    page.goto("/admin/")
    page.fill("[name=username]", "anna")
    page.fill("[name=password]", PASSWORD)
    page.click("#login-form button[type=submit]")
    page.click("form[data-passkey] button")
    page.wait_for_selector("#live")

    anna.sign_ins.update(second_factor_at="2026-01-01T00:00:00Z")
    page.goto("/admin/second-factor/?next=/admin/account/")
    page.click("form[data-passkey] button")
    page.wait_for_selector("#passkeys")
