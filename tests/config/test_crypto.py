"""Secrets come back only with a key of ours, keys can be changed, and hashes stay what they were."""

import pytest
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection
from pytest_django import Settings

from payments.core import crypto
from payments.models import Merchant, ProviderAccount

OLD, NEW, OTHER = ("x" * 31 + last for last in "abc")


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    settings.HASH_KEY = OLD


def test_what_is_encrypted_comes_back_and_does_not_show() -> None:
    token = crypto.encrypt("whsec_é")
    assert crypto.decrypt(token) == "whsec_é"
    assert "whsec" not in token
    assert crypto.encrypt("whsec_é") != token


def test_a_new_key_encrypts_while_old_ones_still_decrypt(settings: Settings) -> None:
    written_before = crypto.encrypt("secret")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    written_after = crypto.encrypt("secret")
    assert crypto.decrypt(written_before) == "secret"
    settings.ENCRYPTION_KEYS = [NEW]
    assert crypto.decrypt(written_after) == "secret"
    with pytest.raises(crypto.Undecipherable, match="Add the key it was written with"):
        crypto.decrypt(written_before)


def test_a_tampered_secret_is_refused() -> None:
    token = crypto.encrypt("secret")
    with pytest.raises(crypto.Undecipherable):
        crypto.decrypt(token[:-3] + "AAA")


def test_a_keyed_hash_survives_a_new_key_and_differs_with_another(settings: Settings) -> None:
    before = crypto.keyed_hash("4111111111111111")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert crypto.keyed_hash("4111111111111111") == before
    settings.HASH_KEY = OTHER
    assert crypto.keyed_hash("4111111111111111") != before


def test_a_short_key_is_refused(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["short"]
    with pytest.raises(ImproperlyConfigured, match="at least 32 characters"):
        crypto.encrypt("secret")


def test_no_key_at_all_is_refused(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = []
    with pytest.raises(ImproperlyConfigured, match="at least one key"):
        crypto.encrypt("secret")


@pytest.mark.django_db
def test_an_encrypted_column_is_clear_in_python_and_not_in_the_database() -> None:
    merchant = Merchant.objects.create(name="Shop", mode="test")
    account = ProviderAccount.objects.create(
        merchant=merchant, provider="simulator", name="Cards", currency="EUR", credentials="whsec_clear"
    )
    assert ProviderAccount.objects.get(pk=account.pk).credentials == "whsec_clear"
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM payments_provideraccount")
        assert "whsec_clear" not in cursor.fetchone()[0]


@pytest.mark.django_db
def test_an_encrypted_column_cannot_be_searched() -> None:
    with pytest.raises(FieldError):
        ProviderAccount.objects.filter(credentials="whsec_clear").exists()
