"""Buttons call the services that the API calls, and refuse what those refuse."""

import re
from typing import Any

import pytest

from payments.models import Channel, Discrepancy, IdempotencyKey, Payment, ProviderAccount, Refund, Voucher
from payments.models.refund import Route
from payments.people.models import Approval, AuditLog
from payments.services import create_setup
from payments.services.refunds.plan import BankAccount
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, fresh
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db

IBAN = "NL91ABNA0417164300"


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def refund(browser: Browser, payment: Payment, status: int = 200, **given: str) -> str:
    """Ask for a refund, read how it would go, and agree."""
    path = f"payments/payment/{payment.id}/refund/"
    asked: dict[str, Any] = {
        "amount": "5.00",
        "channel": payment.channel_id,
        "route": "auto",
        "reason": "Too small.",
    } | given
    asked["once"] = hidden(browser.get(path), "once")
    plan = browser.client.post(f"/admin/{path}", asked).content.decode()
    agreed = re.search(r'<button[^>]*name="confirmed" value="([^"]*)"', plan)
    if agreed is None:
        return plan
    return browser.post(path, status=status, **asked, confirmed=agreed[1])


def test_a_refund_is_planned_first_and_made_once(shop: Shop, root: Browser) -> None:
    payment = shop.pay_cash(2_000)
    path = f"payments/payment/{payment.id}/refund/"
    asked: dict[str, Any] = {"amount": "5.00", "channel": shop.store.id, "route": "auto", "reason": "Too small."}
    asked["once"] = hidden(root.get(path), "once")

    plan = root.post(path, **asked)

    assert "How the money goes back" in plan
    assert not Refund.objects.exists()
    confirmed = hidden(plan.split('name="confirmed" id')[-1], "confirmed")
    page = root.post(path, **asked, confirmed=confirmed)
    made = Refund.objects.get()
    assert (made.amount, made.status, made.requested_by) == (500, "succeeded", root.user.id)
    assert "The refund of €5.00 has been made" in page
    assert "Nothing was done twice" in root.post(path, **asked, confirmed=confirmed)
    assert Refund.objects.count() == 1
    assert_no_answer_is_invented(made.id)


def assert_no_answer_is_invented(object_id: str) -> None:
    """A form's key names what it made; there is no API answer to it, and nobody leases it for one."""
    key = IdempotencyKey.objects.get(object_id=object_id)
    assert (key.status, key.body, key.lease_until) == (None, None, None)


def test_a_plan_that_changed_meanwhile_is_shown_again(shop: Shop, root: Browser) -> None:
    payment = shop.pay_cash(2_000)
    path = f"payments/payment/{payment.id}/refund/"
    asked: dict[str, Any] = {"amount": "5.00", "channel": shop.store.id, "route": "auto", "reason": "Too small."}
    asked["once"] = hidden(root.get(path), "once")
    page = root.post(path, **asked, confirmed=f"{payment.id}:400:original")
    assert "How the money goes back" in page
    assert not Refund.objects.exists()


def test_a_refund_by_voucher_shows_the_code_once(shop: Shop, root: Browser) -> None:
    page = refund(root, shop.pin(2_000), route="voucher")
    voucher = Voucher.objects.get()
    assert re.search(rf"shown only now: \S*{voucher.code_end}", page)
    assert "shown only now" not in root.get(f"payments/refund/{Refund.objects.get().id}/change/")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"amount": "20.01"}, "At most €20.00 can be given back."),
        ({"amount": "0"}, "The amount must be above zero."),
        ({"amount": "-5"}, "The amount must be above zero."),
        ({"amount": "1.255"}, "can be read in two ways. Write 1255 or 1,255.00"),
        ({"amount": "five"}, "at most 2 decimals"),
        ({"amount": "NaN"}, "at most 2 decimals"),
        ({"amount": "9" * 40}, "The amount is too large."),
        ({"reason": ""}, "This field is required."),
        ({"reason": "card 4111 1111 1111 1111"}, "This contains a card number."),
        ({"route": "bank"}, "Enter the customer&#x27;s IBAN and name."),
        ({"route": "bank", "iban": "NL00BANK"}, "This is not a valid IBAN."),
        ({"route": "teleport"}, "Select a valid choice."),
        ({"channel": "chn_of_nobody"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_refunded_is_refused_in_words(
    given: dict[str, Any], expected: str, shop: Shop, root: Browser
) -> None:
    assert expected in refund(root, shop.pin(2_000), **given)
    assert not Refund.objects.exists()


def test_a_dutch_reader_writes_amounts_with_a_comma(shop: Shop, sign_in: SignIn) -> None:
    dutch = sign_in(language="nl")
    payment = shop.pay_cash(200_000)
    assert "Schrijf 1250 of 1.250,00" in refund(dutch, payment, amount="1.250")
    refund(dutch, payment, amount="€ 12,50")
    assert Refund.objects.get().amount == 1_250


def test_a_large_refund_waits_for_a_second_person_with_a_second_factor(shop: Shop, sign_in: SignIn) -> None:
    asker, second = sign_in("finance"), sign_in("finance")
    assert "waits for a second person" in refund(asker, shop.pay_cash(50_000), amount="200.00")
    waiting = Refund.objects.get()
    path = f"payments/refund/{waiting.id}/approve/"

    assert "Enter the six digits" in second.post(path, note="")
    assert fresh(waiting).status == "requires_approval"
    asker.prove()
    assert "this is your own request" in asker.client.post(f"/admin/{path}", {"note": ""}).content.decode()
    second.prove()
    assert "has been made" in second.post(path, note="Seen the goods.")

    assert fresh(waiting).status == "succeeded"
    approval = Approval.objects.get()
    assert (approval.decision, approval.decided_by_id, approval.note) == ("approved", second.user.id, "Seen the goods.")


def test_a_refund_is_rejected_with_a_reason(shop: Shop, sign_in: SignIn) -> None:
    waiting = shop.refund(shop.pin(50_000).order, 20_000)
    finance = sign_in("finance")
    finance.prove()
    path = f"payments/refund/{waiting.id}/reject/"
    assert "This field is required." in finance.client.post(f"/admin/{path}", {"note": ""}).content.decode()
    finance.post(path, note="Used goods.")
    assert fresh(waiting).status == "canceled"


def test_a_bank_transfer_is_released_once(shop: Shop, sign_in: SignIn) -> None:
    account = BankAccount(iban=IBAN, name="J. Jansen")
    made = shop.refund(shop.pin(3_000).order, 1_000, route="bank", bank_account=account)
    finance = sign_in("finance")
    finance.prove()
    path = f"payments/refund/{made.id}/release/"
    part = made.parts.get(route=Route.BANK)
    assert "The bank statement will show the transfer" in finance.post(path, part=part.id)
    assert fresh(part).released_at is not None
    assert "Select a valid choice" in finance.client.post(f"/admin/{path}", {"part": part.id}).content.decode()
    sign_in("store_manager").get(path, status=403)


def test_a_refund_that_has_not_left_is_given_up(shop: Shop, root: Browser) -> None:
    waiting = shop.refund(shop.pin(50_000).order, 20_000)
    root.post(f"payments/refund/{waiting.id}/cancel/")
    assert fresh(waiting).status == "canceled"
    assert (
        "there is nothing left to cancel"
        in root.client.post(f"/admin/payments/refund/{waiting.id}/cancel/").content.decode()
    )


def test_what_was_captured_is_not_captured_again_and_not_released(shop: Shop, root: Browser) -> None:
    payment = shop.pin(1_000)
    page = root.get(f"payments/payment/{payment.id}/change/")
    assert "../capture/" not in page
    assert "../cancel/" not in page
    answer = root.client.post(f"/admin/payments/payment/{payment.id}/capture/", {"amount": "", "final": "on"})
    assert "Nothing of this payment can be captured." in answer.content.decode()
    answer = root.client.post(f"/admin/payments/payment/{payment.id}/cancel/")
    assert "Nothing of this payment is left to release." in answer.content.decode()


@pytest.mark.parametrize(("role", "buttons"), [("auditor", []), ("clerk", ["refund"]), ("finance", ["refund"])])
def test_buttons_are_for_those_who_may_press_them(role: str, buttons: list[str], shop: Shop, sign_in: SignIn) -> None:
    payment = shop.pin(1_000)
    browser = sign_in(role)
    page = browser.get(f"payments/payment/{payment.id}/change/")
    assert [name for name in ("capture", "cancel", "refund") if f"../{name}/" in page] == buttons
    if not buttons:
        browser.get(f"payments/payment/{payment.id}/refund/", status=403)
        browser.post(f"payments/payment/{payment.id}/refund/", status=403)


def test_a_stores_clerk_refunds_in_the_own_store_only(shop: Shop, sign_in: SignIn) -> None:
    clerk = sign_in("clerk", channel_id=shop.store.id)
    payment = shop.pay_cash(2_000)
    page = clerk.get(f"payments/payment/{payment.id}/refund/")
    assert shop.store.name in page
    assert f'value="{shop.webshop.id}"' not in page
    assert "Select a valid choice." in refund(clerk, payment, channel=shop.webshop.id)


def test_credentials_are_written_and_never_shown(shop: Shop, sign_in: SignIn) -> None:
    account = shop.account("simulator")
    owner = sign_in("owner")
    owner.prove()
    path = f"payments/provideraccount/{account.id}/set/"
    given: dict[str, Any] = {
        "name": "Simulator",
        "default": "on",
        "active": "on",
        "credential_webhook_secret": "geheim-99",
    }
    page = owner.post(path, **given)
    assert "webhook_secret" in page
    assert '"webhook_secret": "geheim-99"' in ProviderAccount.objects.get(id=account.id).credentials
    for shown in (page, owner.get(path), str(list(AuditLog.objects.values_list("before", "after")))):
        assert "geheim-99" not in shown
    assert AuditLog.objects.filter(action="provider_account.credentials_set", actor=owner.user.id).exists()
    sign_in("finance").get(path, status=403)


def test_settings_change_in_the_open(shop: Shop, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    owner.prove()
    path = f"payments/merchant/{shop.merchant.id}"
    given: dict[str, Any] = {"name": "Bloem BV", "iban": IBAN, "cash_rounding": "5", "second_person_above": "250.00"}
    given |= {"refund_fallback": "voucher", "allocation": "last_paid_first", "fiscal_year_start": "1"}
    assert "Bloem BV" in owner.post(f"{path}/set/", **given)
    assert fresh(shop.merchant).second_person_above == 25_000
    assert fresh(shop.merchant).refund_fallback == "voucher"
    assert AuditLog.objects.get(action="merchant.changed").after["iban"] == IBAN
    refused = owner.client.post(f"/admin/{path}/set/", {**given, "iban": "NL00"}).content.decode()
    assert "This is not a valid IBAN" in refused
    owner.post(f"{path}/add-channel/", name="Bloem Gouda", kind="in_store")
    assert Channel.objects.get(name="Bloem Gouda").merchant_id == shop.merchant.id
    owner.post(f"{path}/add-account/", name="PIN", provider="external", currency="EUR")
    assert ProviderAccount.objects.get(name="PIN").default is False


def test_the_ways_a_channel_gives_money_back_are_chosen(shop: Shop, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    owner.prove()
    path = f"payments/channel/{shop.store.id}"
    given: dict[str, Any] = {"name": shop.store.name, "active": "on"}
    assert "original method, card on a terminal, cash" in owner.post(
        f"{path}/set/", **given, refund_routes=["original", "terminal", "cash"]
    )
    assert fresh(shop.store).refund_routes == ["original", "terminal", "cash"]
    refused = owner.client.post(f"/admin/{path}/set/", given).content.decode()
    assert "This field is required." in refused
    owner.post(f"{path}/set/", **given, refund_routes=list(Route.values))
    assert fresh(shop.store).refund_routes is None


def test_the_language_switch_is_remembered(root: Browser) -> None:
    root.post("language/", language="nl")
    assert fresh(root.user).language == "nl"
    assert "Vraagt aandacht" in root.get("") or "onderneming" in root.get("")
    root.post("language/", language="tlh")
    assert fresh(root.user).language == "nl"


def test_discrepancies_are_assigned_while_they_stand(shop: Shop, sign_in: SignIn) -> None:
    shop.pin_back(100)
    row = Discrepancy.objects.get(kind="unlinked_refund")
    finance = sign_in("finance")
    chosen: dict[str, Any] = {"action": "take", "_selected_action": row.id}
    assert "Assigned." in finance.post("payments/discrepancy/", **chosen)
    assert fresh(row).assigned_to_id == finance.user.id
    assert AuditLog.objects.get(action="discrepancy.assigned").after == {"assigned_to": finance.user.id}
    assert "You may not do this there" in sign_in("auditor").post("payments/discrepancy/", **chosen, status=200)
    Discrepancy.objects.update(status="resolved")
    assert "is not open any more" in finance.post("payments/discrepancy/", action="leave", _selected_action=row.id)
    assert fresh(row).assigned_to_id == finance.user.id


def test_a_connection_is_tried_and_the_answer_shown(shop: Shop, sign_in: SignIn, simulator: RunningSimulator) -> None:
    account = shop.account("simulator")
    owner = sign_in("owner")
    path = f"payments/provideraccount/{account.id}/try/"
    assert "The provider knows this account." in owner.post(path)
    assert AuditLog.objects.filter(action="provider_account.tried", actor=owner.user.id).exists()
    sign_in("finance").get(path, status=403)


def test_a_refused_connection_says_why(shop: Shop, sign_in: SignIn) -> None:
    made = create_setup.create_provider_account(
        merchant=shop.merchant, provider="paynl", name="Pay.nl", currency="EUR", actor="command"
    )
    said = sign_in("owner").post(f"payments/provideraccount/{made.id}/try/", status=422)
    assert "The provider refused the credentials. This provider account has no service_id" in said
