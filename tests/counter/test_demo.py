"""What the demo prints lets one in at its counter, after each start anew."""

from unittest.mock import sentinel

import pytest
from django.test import Client

from config.sandbox.demo import counter
from payments.people.models import User
from terminals.models import CounterBrowser
from tests.builders import Shop
from tests.counter.cast import Tablet


def test_the_printed_codes_pair_a_browser_and_sign_the_clerk_in(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentinel.cast, "store", shop.store.id, raising=False)
    counter.shown(sentinel.cast)
    printed = counter.shown(sentinel.cast)
    assert CounterBrowser.objects.count() == 1  # that of the first start is gone
    browser = Client()
    assert browser.post("/counter/pair", {"code": printed["pairing_code"]}).status_code == 302
    tablet = Tablet(shop.store, browser)
    page = tablet.reads("/counter/sign-in")
    assert printed["person"] in page
    clerk = User.objects.get(username=counter.CLERK)
    assert tablet.signs_in(clerk, printed["code"])["Location"] == "/counter/"
    assert not clerk.has_usable_password()
