"""A bookkeeper connects the package, signs in there, sees what was sent, and helps what failed on its way."""

import re
from html import unescape

from django.test import Client

from payments.models import Merchant
from payments.people.models import Approval, Role, User
from reconciliation.models import Connector
from tests.connectors.conftest import Accountant, Connects
from tests.fake_books.packages import PACKAGES
from tests.people.cast import person, signed_in

CONNECT = "/admin/reconciliation/connector/connect/"
ROW = "/admin/reconciliation/connector/{}/change/"
DOCUMENT = "/admin/reconciliation/connectordocument/{}/change/"


def boss(accountant: Accountant) -> tuple[Client, User]:
    user = person("boss", accountant.shop.merchant.id, role=Role.Name.OWNER)
    return signed_in(user), user


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_a_package_is_chosen_and_its_fields_filled_in(connects: Connects) -> None:
    accountant = connects("xero")
    client, _user = boss(accountant)
    first = page(client, CONNECT)
    for code, package in PACKAGES.items():
        assert f'href="?package={code}"' in first, package
    form = page(client, f"{CONNECT}?package=snelstart")
    assert re.findall(r'name="(\w+)"', form.partition('name="name"')[2])[:4] == [
        "setting_journal",
        "setting_invoices",
        "secret_client_key",
        "secret_subscription_key",
    ]
    given = {"merchant": accountant.shop.merchant.id, "name": "SnelStart", "days": "finished", "starts_on": ""}
    given |= {"sends": "statements"}
    wrong = client.post(f"{CONNECT}?package=snelstart", given | {"secret_client_key": "geheim"})
    assert wrong.status_code == 422
    assert "geheim" not in wrong.content.decode()
    secrets = {"secret_client_key": "geheim", "secret_subscription_key": "ook"}
    made = client.post(f"{CONNECT}?package=snelstart", given | secrets)
    row = Connector.objects.get(kind="snelstart")
    assert made["Location"] == ROW.format(row.id)
    shown = page(client, ROW.format(row.id))
    assert "key of the administration" in shown
    assert "geheim" not in shown


def test_a_person_goes_to_the_package_and_comes_back_signed_in(connects: Connects) -> None:
    accountant = connects("exact_online")
    client, _user = boss(accountant)
    Connector.objects.update(tokens="", status="needs_sign_in")
    address = ROW.format(accountant.connector.id)
    assert "needs to sign in" in page(client, address)
    way = f"/admin/reconciliation/connector/{accountant.connector.id}/sign-in/"
    assert "Sign in" in page(client, way)
    shown = client.post(way).content.decode()
    link = unescape(re.findall(r'class="ot-button ot-main" rel="noreferrer" href="([^"]*)"', shown)[0])
    assert link.startswith(f"{accountant.package.url}/api/oauth2/auth?")
    state = link.partition("state=")[2].partition("&")[0]
    back = "/admin/reconciliation/connector/signed-in/"
    answer = client.get(back, {"state": state, "code": accountant.package.tokens.code()})
    assert answer["Location"] == address
    assert Connector.objects.get().status == "connected"
    again = client.get(back, {"state": state, "code": accountant.package.tokens.code()}, follow=True)
    assert "This sign-in was not begun by you, or too long ago." in again.content.decode()


def test_what_failed_is_shown_in_plain_words_and_sent_again(connects: Connects) -> None:
    accountant = connects("moneybird")
    accountant.sells(12_34)
    gone = accountant.package.accounts.pop("2010")
    accountant.hand_over()
    client, _user = boss(accountant)
    shown = page(client, ROW.format(accountant.connector.id))
    assert "The package does not know this account." in shown
    assert "<q>2010</q>" in shown
    document = page(client, DOCUMENT.format(accountant.document.id))
    assert "12.34" in document
    assert "Sale" in document
    accountant.package.accounts["2010"] = gone
    again = client.post(f"/admin/reconciliation/connectordocument/{accountant.document.id}/again/")
    assert again.status_code == 302
    assert accountant.send() == 1
    assert accountant.package.documents[0]["id"] in page(client, DOCUMENT.format(accountant.document.id))


def test_send_now_switch_off_and_change_are_buttons(connects: Connects) -> None:
    accountant = connects("moneybird")
    client, _user = boss(accountant)
    base = f"/admin/reconciliation/connector/{accountant.connector.id}"
    assert client.post(f"{base}/send/").status_code == 302
    assert client.post(f"{base}/off/").status_code == 302
    assert Connector.objects.get().status == "off"
    assert client.post(f"{base}/on/").status_code == 302
    assert client.post(f"{base}/set/", {"name": "Books", "days": "closed"}).status_code == 302
    row = Connector.objects.get()
    assert (row.status, row.name, row.days) == ("connected", "Books", "closed")
    access = {"setting_administration": "987", "secret_token": ""}
    assert client.post(f"{base}/access/", access).status_code == 302
    row = Connector.objects.get()
    assert row.settings == {"administration": "987"}
    assert "personal" in row.credentials, "what was left empty stays"
    assert client.post(f"{base}/remove/").status_code == 302
    assert client.get(f"{base}/change/").status_code == 404


def test_the_second_person_sees_where_the_books_would_go_and_no_secret(connects: Connects) -> None:
    accountant = connects("moneybird")
    Merchant.objects.filter(id=accountant.shop.merchant.id).update(mode="live")
    client, _user = boss(accountant)
    base = f"/admin/reconciliation/connector/{accountant.connector.id}"
    answer = client.post(f"{base}/access/", {"setting_administration": "987", "secret_token": "stolen"}, follow=True)
    assert "this waits for a second person" in answer.content.decode()
    assert Connector.objects.get().settings == {"administration": "123456789"}
    waiting = Approval.objects.get(decision=None)
    second = signed_in(person("second", accountant.shop.merchant.id))
    shown = page(second, f"/admin/people/approval/{waiting.id}/change/")
    assert "987" in shown
    assert "123456789" in shown
    assert "stolen" not in shown
