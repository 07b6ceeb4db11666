"""A leaked encryption key is changed for real: everything is written anew, and the old one opens nothing any more."""

import json
import os
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from config.standalone import home
from payments.core import crypto
from payments.models import ProviderAccount
from payments.notify.models import WebhookEndpoint
from payments.people.models import SecondFactor, User
from payments.services import reencrypt
from tests import sql
from tests.builders import Shop, open_shop

OLD, NEW, LOST = ("x" * 31 + last for last in "abc")


@pytest.fixture
def shop(settings: Settings, db: None) -> Shop:
    """A shop that has encrypted everything with the old key."""
    settings.ENCRYPTION_KEYS, settings.HASH_KEY = [OLD], OLD
    shop = open_shop()
    ProviderAccount.objects.filter(merchant=shop.merchant).update(credentials="sk_live_clear")
    about = {"merchant_id": shop.merchant.id, "url": "https://shop.example/hook"}
    WebhookEndpoint.objects.create(**about, test_mode=True, events=["*"], secret="whsec_clear")
    SecondFactor.objects.create(user=User.objects.create_user("ada"), name="phone", key="00" * 20)
    return shop


def run_reencrypt(*arguments: str) -> tuple[int, Any]:
    """The exit status and what is said."""
    out = StringIO()
    try:
        call_command("reencrypt", "--json", *arguments, stdout=out, stderr=StringIO())
    except CommandError as refused:
        return refused.returncode, json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_the_old_key_can_be_dropped_afterwards(shop: Shop, settings: Settings) -> None:
    hashed = crypto.keyed_hash("voucher")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    status, counted = run_reencrypt("--check")
    assert (status, counted["left"] > 3, counted["unreadable"]) == (1, True, {})
    assert run_reencrypt("--check")[1] == counted  # which only counted

    assert run_reencrypt() == (0, {"left": 0, "columns": dict.fromkeys(counted["columns"], 0), "unreadable": {}})
    settings.ENCRYPTION_KEYS = [NEW]
    assert {account.credentials for account in ProviderAccount.objects.all()} == {"sk_live_clear"}
    assert WebhookEndpoint.objects.get().secret == "whsec_clear"
    assert SecondFactor.objects.get().key == "00" * 20
    assert crypto.keyed_hash("voucher") == hashed

    settings.ENCRYPTION_KEYS = [OLD]  # in the hands of whoever it leaked to
    with pytest.raises(crypto.Undecipherable):
        WebhookEndpoint.objects.get()


def test_each_encrypted_column_of_each_app_is_known(shop: Shop) -> None:
    named = {str(column) for column in reencrypt.columns()}
    assert named >= {
        "payments_provideraccount.credentials",
        "payments_refundpart.bank_account",
        "notify_webhookendpoint.secret",
        "notify_webhookendpoint.previous_secret",
        "people_secondfactor.key",
        "terminals_terminal.secret",
    }
    found = sql.columns_holding(connection, "gAAAA%")  # how every token begins
    assert found <= named


def test_it_goes_on_where_it_was_broken_off(shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    monkeypatch.setattr(reencrypt, "AT_ONCE", 1)
    before = run_reencrypt("--check")[1]["left"]

    def break_off(column: reencrypt.Column) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reencrypt.reencrypt(break_off)
    assert run_reencrypt("--check")[1]["left"] == before - 1
    assert run_reencrypt()[1]["left"] == 0


def test_what_somebody_writes_meanwhile_stays(shop: Shop, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    [column] = [each for each in reencrypt.columns() if str(each) == "notify_webhookendpoint.secret"]
    [[(key, token)]] = list(reencrypt._batches(column))
    WebhookEndpoint.objects.update(secret="whsec_rolled")
    reencrypt._write(column, key, token)
    assert WebhookEndpoint.objects.get().secret == "whsec_rolled"


def test_one_row_that_no_key_opens_stops_no_other_and_is_named(shop: Shop, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [LOST]
    WebhookEndpoint.objects.update(secret="whsec_of_a_lost_key")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    status, counted = run_reencrypt()
    [endpoint] = WebhookEndpoint.objects.values_list("pk", flat=True)
    assert (status, counted["left"]) == (1, 1)
    assert counted["unreadable"] == {"notify_webhookendpoint.secret": [endpoint]}


def test_two_keys_without_one_for_hashes_are_refused() -> None:
    assert home.hash_key([OLD]) == OLD
    with pytest.raises(ImproperlyConfigured, match="Set HASH_KEY to the key that was there first"):
        home.hash_key([NEW, OLD])


def test_the_settings_refuse_them(tmp_path: Any) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HASH_KEY"}
    done = subprocess.run(
        [sys.executable, str(home.PROJECT / "manage.py"), "check"],
        env=environment | {"ENCRYPTION_KEYS": f"{NEW},{OLD}", "ONETILL_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "HASH_KEY is not set" in done.stderr) == (1, True), done.stderr
