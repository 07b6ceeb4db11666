"""The commands that set a merchant up: one JSON object on stdout, and exit status 1 when refused."""

import json
import threading
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line
from django.db import OperationalError, connections
from standardwebhooks import Webhook

from payments.models import Channel, Merchant, ProviderAccount
from payments.notify import queries
from payments.notify.models import Event
from payments.notify.queries import Position
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.ports import free_ports
from tests.simulator import Receiver, eventually


def run(name: str, /, **options: object) -> dict[str, str]:
    out = StringIO()
    call_command(name, stdout=out, json=True, **options)
    told: dict[str, str] = json.loads(out.getvalue())
    return told


@pytest.mark.django_db(transaction=True)
def test_from_nothing_to_a_payment() -> None:
    merchant = run("create_merchant", name="Bloem", iban="NL91 ABNA 0417 1643 00")["id"]
    channel = run("create_channel", merchant=merchant, kind="in_store", name="Utrecht")["id"]
    made = run("create_api_key", merchant=merchant, channel=channel, scopes="payments:write,refunds:read")
    assert made["id"].startswith("key_")
    assert made["key"].startswith("ot_test_")
    api = Api(made["key"])
    assert api.get("/v1").json()["scopes"] == ["payments:read", "payments:write", "refunds:read"]
    body = {"order_reference": "1", "amount": 1002, "currency": "EUR", "method": "cash", "received": 2000}
    assert api.post("/v1/payments", body).json()["change"] == 1000


@pytest.mark.django_db
def test_a_test_merchant_can_try_everything_at_once() -> None:
    merchant = Merchant.objects.get(id=run("create_merchant", name="Bloem")["id"])
    accounts = ProviderAccount.objects.filter(merchant=merchant, default=True)
    assert set(accounts.values_list("provider", flat=True)) == {"simulator", "recorded", "external"}
    assert (merchant.mode, merchant.currency, merchant.cash_rounding) == ("test", "EUR", 5)
    live = Merchant.objects.get(id=run("create_merchant", name="Echt", mode="live", country="DE")["id"])
    assert [account.provider for account in live.provider_accounts.all()] == ["recorded"]  # cash needs no contract
    assert (live.cash_rounding, live.timezone) == (1, "Europe/Berlin")


@pytest.mark.django_db
def test_channels_share_orders_by_choice() -> None:
    merchant = run("create_merchant", name="Bloem")["id"]
    own = Channel.objects.get(id=run("create_channel", merchant=merchant, kind="online", name="a")["id"])
    shared = [
        Channel.objects.get(id=run("create_channel", merchant=merchant, kind="online", name=name, orders="web")["id"])
        for name in "bc"
    ]
    assert own.namespace == own.id
    assert {channel.namespace for channel in shared} == {"web"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("create_merchant", {"name": ""}, "--name"),
        ("create_merchant", {"name": "a", "mode": "demo"}, "--mode"),
        ("create_merchant", {"name": "a", "country": "Holland"}, "--country"),
        ("create_merchant", {"name": "a", "currency": "GLD"}, "--currency"),
        ("create_merchant", {"name": "a", "iban": "NL00"}, "--iban"),
        ("create_merchant", {"name": "4111 1111 1111 1111"}, "card number"),
        ("create_channel", {"merchant": "mer_x", "kind": "online", "name": "a"}, "no such merchant"),
        ("create_api_key", {"merchant": "mer_x"}, "no such merchant"),
        ("create_provider_account", {"merchant": "mer_x", "provider": "simulator", "name": "a"}, "no such merchant"),
    ],
)
def test_a_refusal_says_what_to_do(name: str, options: dict[str, str], text: str) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match=text) as refused:
        call_command(name, stdout=out, json=True, **options)
    assert refused.value.returncode == 1
    assert json.loads(out.getvalue())["error"]["detail"]


@pytest.mark.parametrize("arguments", [["create_merchant"], ["create_merchant", "--name", "a", "--colour", "red"]])
def test_a_wrong_call_is_refused_as_everything_is(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        execute_from_command_line(["manage.py", *arguments, "--json"])
    assert refused.value.code == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "arguments_invalid"


@pytest.mark.django_db
def test_what_a_merchant_cannot_have() -> None:
    merchant = run("create_merchant", name="Bloem", mode="live")["id"]
    for name, options in (
        ("create_channel", {"kind": "market", "name": "a"}),
        ("create_api_key", {"scopes": "everything"}),
        ("create_api_key", {"channel": "chn_x"}),
        ("create_provider_account", {"provider": "piggybank", "name": "a"}),
        ("create_provider_account", {"provider": "simulator", "name": "a"}),
    ):
        with pytest.raises(CommandError):
            run(name, merchant=merchant, **options)
    assert run("create_provider_account", merchant=merchant, provider="external", name="PIN")["id"].startswith("pac_")


@pytest.mark.django_db(transaction=True)
def test_events_are_forwarded_signed(shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = threading.Event()
    monkeypatch.setattr(queries, "settled", _announcing(queries.settled, ready))
    monkeypatch.setattr(time, "sleep", _until(lambda: len(receiver.landed) >= 1, time.sleep))
    seller = threading.Thread(target=_sell, args=[shop, ready])
    seller.start()
    out = StringIO()
    call_command("listen", forward_to=receiver.url, merchant=shop.merchant.id, json=True, stdout=out, stderr=StringIO())
    seller.join()
    assert json.loads(out.getvalue()) == {"forwarded": 1, "failed": 0}
    [landed] = eventually(lambda: receiver.landed)
    assert json.loads(landed.body)["type"] == "payment.captured"
    assert landed.headers["webhook-signature"].startswith("v1,")
    assert landed.headers["webhook-id"] == json.loads(landed.body)["id"]


@pytest.mark.django_db(transaction=True)
def test_listening_goes_on_behind_an_event_and_through_an_absent_database(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = shop.api(channel=shop.store)
    body = {"order_reference": "1", "amount": 500, "currency": "EUR", "method": "cash"}
    for _ in range(3):
        api.post("/v1/payments", body)
    sales = [event["id"] for event in api.get("/v1/events").json()["data"] if event["type"] == "payment.captured"]
    absent = iter([True])

    def after(*args: Any, **values: Any) -> list[Event]:
        if next(absent, False):
            raise OperationalError("gone")
        return real(*args, **values)

    real = queries.after
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    monkeypatch.setattr(queries, "after", after)
    monkeypatch.setattr(connections, "close_all", lambda: None)
    monkeypatch.setattr(time, "sleep", _until(lambda: len(receiver.landed) >= 2, lambda _: None))
    out, text = StringIO(), StringIO()
    wanted = {"after": sales[-1], "events": "payment.captured", "secret": secret, "merchant": shop.merchant.id}
    call_command("listen", forward_to=receiver.url, json=True, stdout=out, stderr=text, **wanted)
    assert json.loads(out.getvalue()) == {"forwarded": 2, "failed": 0}
    assert [landed.headers["webhook-id"] for landed in receiver.landed] == list(reversed(sales[:-1]))
    assert "waiting for it" in text.getvalue()
    for landed in receiver.landed:
        Webhook(secret).verify(landed.body, landed.headers)


@pytest.mark.django_db(transaction=True)
def test_a_webshop_that_does_not_run_is_told_and_how_to_keep_the_secret(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = shop.api(channel=shop.store)
    for _ in range(2):
        api.post("/v1/payments", {"order_reference": "1", "amount": 500, "currency": "EUR", "method": "cash"})
    oldest = api.get("/v1/events").json()["data"][-1]["id"]
    url, out, text = f"http://127.0.0.1:{free_ports()}/hook", StringIO(), StringIO()
    # Until it has tried: a transaction of another test on this server holds the events back for a while.
    monkeypatch.setattr(time, "sleep", _until(lambda: "nothing listens" in text.getvalue(), time.sleep))
    call_command("listen", forward_to=url, json=True, after=oldest, stdout=out, stderr=text)
    assert f"nothing listens at {url}; start your webshop" in text.getvalue()
    assert "to keep this one, start with --secret" in text.getvalue()
    assert json.loads(out.getvalue())["forwarded"] == 0


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"events": "payment.stolen"}, {"secret": "whsec_c2hvcnQ="}, {"after": "evt_x"}])
def test_listening_refuses_what_it_cannot_do(shop: Shop, wrong: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("listen", forward_to="http://127.0.0.1:9", stderr=StringIO(), **wrong)


def _announcing(settled: Callable[[], Position], ready: threading.Event) -> Callable[[], Position]:
    def announce() -> Position:
        position = settled()
        ready.set()
        return position

    return announce


def _until(done: Callable[[], bool], sleep: Callable[[float], None]) -> Callable[[float], None]:
    def nap(seconds: float) -> None:
        if done():
            raise KeyboardInterrupt
        sleep(seconds)

    return nap


def _sell(shop: Shop, ready: threading.Event) -> None:
    from django.db import connection

    ready.wait(60)
    body = {"order_reference": "1", "amount": 500, "currency": "EUR", "method": "cash"}
    shop.api(channel=shop.store).post("/v1/payments", body)
    connection.close()
