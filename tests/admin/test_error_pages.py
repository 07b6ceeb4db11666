"""Whoever may not see a page, or asks for none, is told so in their own language, with a way back."""

from typing import Any

import pytest
from django.test import Client

from payments.admin.finance import dashboard
from tests.admin.conftest import Browser, SignIn, page_text
from tests.builders import Shop
from tests.people import cast

pytestmark = pytest.mark.django_db

WORDS = {
    "en": {400: "cannot be read", 403: "You do not have access to this", 404: "does not exist", 500: "went wrong"},
    "nl": {400: "niet te lezen", 403: "U hebt hier geen toegang toe", 404: "bestaat niet", 500: "Er ging iets mis"},
}


@pytest.mark.parametrize("language", ["en", "nl"])
def test_pages_that_are_not_there_say_why(
    language: str, shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = sign_in("clerk", language=language)
    error_page(clerk, language, 403, "people/auditlog/")
    error_page(clerk, language, 404, f"payments/payment/{shop.merchant.id}/change/")
    error_page(clerk, language, 404, "payments/no-such-page/at-all/")
    error_page(clerk, language, 404, f"payments/payment/{shop.pin(100).id}/history/")

    def fails(*_: Any) -> None:
        raise RuntimeError("a defect with a secret")

    monkeypatch.setattr(dashboard, "context", fails)
    clerk.client.raise_request_exception = False
    assert "secret" not in error_page(clerk, language, 500, "")


def error_page(browser: Browser, language: str, status: int, path: str) -> str:
    page = browser.get(path, status=status)
    assert WORDS[language][status] in page
    assert f'<html lang="{language}">' in page
    assert 'href="/admin/"' in page
    return page


@pytest.mark.parametrize(("language", "words"), [("en", "no longer valid"), ("nl", "niet meer geldig")])
def test_an_old_form_says_that_nothing_was_done(language: str, words: str, shop: Shop, sign_in: SignIn) -> None:
    strict = Client(enforce_csrf_checks=True)
    cast.enter(strict, sign_in("finance", language=language).user)
    page = page_text(strict.post("/admin/language/", {"language": "nl"}), 403)
    assert words in page
    assert "CSRF" not in page
