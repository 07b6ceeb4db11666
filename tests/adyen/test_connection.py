"""Signing in at Adyen: what is wrong is said in words, and a test merchant never reaches a live account."""

import pytest
from django.conf import LazySettings

from payments.core.money import Money
from payments.providers.adyen.amounts import NotRepresentable, from_adyen, to_adyen
from payments.providers.adyen.provider import Adyen
from payments.providers.base import Credentials, Outcome
from tests.contracts.stages import STAGES, call
from tests.fake_adyen.books import Books
from tests.fake_adyen.server import FakeAdyen


@pytest.fixture
def books(fake_adyen: FakeAdyen) -> Books:
    return fake_adyen.account("bloem")


def account(secrets: dict[str, str], *, test_mode: bool | None = True) -> Credentials:
    return Credentials("pac_1", "adyen", "EUR", secrets=secrets, test_mode=test_mode)


def test_a_connection_moves_nothing(books: Books, fake_adyen: FakeAdyen) -> None:
    assert Adyen().try_connection(account(books.secrets)).outcome is Outcome.SUCCEEDED
    assert [row.endpoint for row in fake_adyen.received] == ["POST /v72/paymentMethods"]
    assert books.effects == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"api_key": "AQE_revoked"}, "provider_authentication_failed"),
        ({"merchant_account": "Onetill_other"}, "provider_permission_denied"),
        ({"api_key": ""}, "credentials_missing"),
        ({"api_key": "AQE\n"}, "credentials_missing"),
        ({"merchant_account": " "}, "credentials_missing"),
        ({"live_url_prefix": "1797a841fbb37ca7-Bloem"}, "credentials_of_other_mode"),
    ],
)
def test_what_is_wrong_is_told(books: Books, wrong: dict[str, str], code: str) -> None:
    result = Adyen().try_connection(account({**books.secrets, **wrong}))
    assert (result.outcome, result.code) == (Outcome.DECLINED, code)
    assert result.detail


@pytest.mark.parametrize(
    ("prefix", "code"), [("", "credentials_of_other_mode"), ("evil.example/", "credentials_missing")]
)
def test_a_live_account_needs_its_own_address(books: Books, prefix: str, code: str) -> None:
    secrets = {**books.secrets, "live_url_prefix": prefix}
    result = Adyen().try_connection(account(secrets, test_mode=False))
    assert (result.outcome, result.code) == (Outcome.DECLINED, code)


def test_a_live_account_is_asked_at_its_own_address(
    books: Books, fake_adyen: FakeAdyen, settings: LazySettings
) -> None:
    settings.ADYEN_CHECKOUT_LIVE_URL = fake_adyen.url + "/{prefix}"
    secrets = {**books.secrets, "live_url_prefix": "1797a841-Bloem"}
    Adyen().try_connection(account(secrets, test_mode=False))
    assert [row.endpoint for row in fake_adyen.received] == ["POST /1797a841-Bloem/v72/paymentMethods"]


def test_an_adyen_out_of_reach_is_no_wrong_key(books: Books, settings: LazySettings) -> None:
    settings.ADYEN_CHECKOUT_URL = "http://127.0.0.1:9"
    one, request = Adyen(), call(STAGES["adyen"])
    assert one.try_connection(account(books.secrets)).outcome is Outcome.UNKNOWN
    assert one.execute(request, account(books.secrets)).outcome is Outcome.NOT_SENT


def test_amounts_have_the_decimals_that_adyen_counts() -> None:
    assert to_adyen(Money(12_50, "EUR")) == {"currency": "EUR", "value": 12_50}
    assert to_adyen(Money(1250, "JPY")) == {"currency": "JPY", "value": 1250}
    assert to_adyen(Money(1250, "CLP")) == {"currency": "CLP", "value": 1250_00}
    assert from_adyen({"amount": {"currency": "CLP", "value": 1250_00}}, "amount") == Money(1250, "CLP")
    assert from_adyen({"amount": {"currency": "EUR", "value": "1250"}}, "amount") == Money(12_50, "EUR")
    for unread in ({}, {"currency": "EUR"}, {"currency": "XXX", "value": 1}, {"currency": "EUR", "value": "1.5"}):
        assert from_adyen({"amount": unread}, "amount") is None
    with pytest.raises(NotRepresentable):
        to_adyen(Money(12_50, "IDR"))
