"""Attacks on money rules: by who has the password only, by one person of a live merchant, by a stolen key."""

import json
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import Forbidden
from payments.models import Merchant, ProviderAccount
from payments.notify.models import Mail
from payments.people.models import ApiKey, Approval, AuditLog, Role, User
from payments.people.services import api_keys, approvals
from payments.services import create_setup, decide_alone, update_setup
from payments.services.setting_approvals import request_provider_account
from tests.admin.conftest import Browser
from tests.api.client import Api
from tests.builders import Shop, fresh, open_shop
from tests.people import cast

pytestmark = pytest.mark.django_db

IBAN = "NL91ABNA0417164300"
THIEF = "NL13TEST0123456789"


@pytest.fixture
def live(db: None) -> Shop:
    """A live merchant with a limit, and its first owner."""
    return open_shop(mode="live", second_person_above=10_000, iban=IBAN)


def person(shop: Shop, name: str, role: str = "owner", *, proved: bool = True) -> User:
    user = cast.person(name, shop.merchant.id, role=Role.Name(role), proved=proved)
    User.objects.filter(id=user.id).update(email=f"{name}@example.com")
    return user


def browser(shop: Shop, name: str, role: str = "owner", *, proved: bool = True) -> Browser:
    user = person(shop, name, role)
    return Browser(user, cast.signed_in(user, proved=proved))


def form(shop: Shop, **changes: Any) -> dict[str, Any]:
    """The merchant's own form, as it stands, with changes."""
    row = shop.merchant
    given = {"name": row.name, "iban": row.iban, "cash_rounding": row.cash_rounding, "second_person_above": "100.00"}
    given |= {"refund_fallback": row.refund_fallback, "allocation": row.allocation, "fiscal_year_start": "1"}
    return {**given, **changes}


@pytest.mark.parametrize("mode", ["test", "live"])
def test_a_password_alone_moves_no_iban_and_switches_no_limit_off(mode: str) -> None:
    shop = open_shop(mode=mode, second_person_above=10_000, iban=IBAN)
    phished = browser(shop, "phished", proved=False)
    account = shop.account("external")
    attacks: list[tuple[str, dict[str, Any]]] = [
        (f"payments/merchant/{shop.merchant.id}/set/", form(shop, iban=THIEF, second_person_above="")),
        (f"payments/merchant/{shop.merchant.id}/decide-alone/", {}),
        (
            f"payments/merchant/{shop.merchant.id}/add-account/",
            {"name": "X", "provider": "external", "currency": "EUR"},
        ),
        (f"payments/provideraccount/{account.id}/set/", {"name": "X", "bank_iban": THIEF, "credentials": "{}"}),
        (f"payments/channel/{shop.store.id}/set/", {"name": "X", "refund_routes": ["cash"]}),
        ("people/apikey/add/", {"merchant_id": shop.merchant.id, "scopes": ["refunds:write"]}),
    ]
    for path, data in attacks:
        answer = phished.client.post(f"/admin/{path}", data)
        assert answer.status_code == 302, path
        assert answer.headers["location"].startswith("/admin/second-factor/?next="), path
    merchant = fresh(shop.merchant)
    assert (merchant.iban, merchant.second_person_above, merchant.decides_alone_from) == (IBAN, 10_000, None)
    assert fresh(account).bank_iban == ""
    assert not ApiKey.objects.exists()
    assert not Approval.objects.exists()


def test_nor_does_it_past_the_forms() -> None:
    shop = open_shop(second_person_above=10_000)
    phished = person(shop, "phished", proved=False)
    account = shop.account("external")

    def refused(attack: Any) -> None:
        with pytest.raises(Forbidden, match="second_factor_required"):
            attack()

    refused(lambda: update_setup.amend_merchant(shop.merchant, changes={"iban": THIEF}, actor=phished))
    refused(lambda: update_setup.amend_merchant(shop.merchant, changes={"second_person_above": None}, actor=phished))
    refused(lambda: update_setup.amend_provider_account(account, changes={"name": "X"}, credentials={}, actor=phished))
    refused(lambda: decide_alone.switch(shop.merchant, on=True, actor=phished))
    refused(
        lambda: create_setup.create_provider_account(
            merchant=shop.merchant, provider="external", name="X", currency="EUR", actor=phished
        )
    )


def test_a_test_merchant_changes_its_rules_without_another_person() -> None:
    shop = open_shop()
    owner = person(shop, "ada")
    assert (
        update_setup.amend_merchant(shop.merchant, changes={"iban": IBAN, "second_person_above": 1}, actor=owner)
        is None
    )
    assert (fresh(shop.merchant).iban, fresh(shop.merchant).second_person_above) == (IBAN, 1)
    assert Mail.objects.get(to="ada@example.com").subject == "Money rules or bank accounts were changed"


def test_of_a_live_merchant_another_person_agrees_first(live: Shop) -> None:
    ada, bob = browser(live, "ada"), browser(live, "bob", "finance")
    User.objects.filter(id=ada.user.id).update(language="nl")
    path = f"payments/merchant/{live.merchant.id}/set/"
    answer = ada.post(path, **form(live, name="Bloem BV", second_person_above="999,00"))
    assert "Er is nog niets gewijzigd: dit wacht op een tweede persoon." in answer

    merchant = fresh(live.merchant)
    assert (merchant.name, merchant.second_person_above) == (live.merchant.name, 10_000)  # all of it waits
    approval = Approval.objects.get()
    assert (approval.action, approval.requested_by) == ("change_money_rules", ada.user.id)
    mail = Mail.objects.get(to="ada@example.com")
    assert "Er verandert niets totdat een tweede persoon instemt" in mail.text
    assert "terugbetalingen vragen een tweede persoon boven" in mail.text

    with pytest.raises(Forbidden, match="own_request"):
        approvals.settle(approval_id=approval.id, user=person_again(ada), approved=True, note="")
    approvals.settle(approval_id=approval.id, user=person_again(bob), approved=True, note="Called the bank.")
    merchant = fresh(live.merchant)
    assert (merchant.name, merchant.second_person_above) == ("Bloem BV", 99_900)
    log = AuditLog.objects.get(action="merchant.changed")
    assert (log.actor, log.before["second_person_above"]) == (ada.user.id, 10_000)


def person_again(somebody: Browser) -> User:
    user = fresh(somebody.user)
    user.second_factor_at = timezone.now()
    assert isinstance(user, User)
    return user


def test_a_plain_change_needs_nobody_else(live: Shop) -> None:
    owner = person(live, "ada", proved=False)
    assert update_setup.amend_merchant(live.merchant, changes={"name": "Bloem BV"}, actor=owner) is None
    assert fresh(live.merchant).name == "Bloem BV"
    assert not Mail.objects.exists()


def test_what_changed_meanwhile_is_not_overwritten(live: Shop) -> None:
    ada, bob = person(live, "ada"), person(live, "bob", "finance")
    waiting = update_setup.amend_merchant(live.merchant, changes={"second_person_above": None}, actor=ada)
    assert waiting is not None
    Merchant.objects.update(second_person_above=5_000)
    with pytest.raises(Exception, match="changed_meanwhile"):
        approvals.settle(approval_id=waiting.id, user=bob, approved=True, note="")
    assert fresh(live.merchant).second_person_above == 5_000
    assert fresh(waiting).decision is None
    approvals.settle(approval_id=waiting.id, user=bob, approved=False, note="Ask again.")
    assert fresh(live.merchant).second_person_above == 5_000


def test_credentials_wait_encrypted_and_are_shown_to_nobody(live: Shop) -> None:
    ada, bob = person(live, "ada"), browser(live, "bob")
    account = create_setup.create_provider_account(
        merchant=live.merchant, provider="stripe", name="Stripe", currency="EUR", actor="command"
    )
    waiting = update_setup.amend_provider_account(
        account, changes={"bank_iban": THIEF}, credentials={"secret_key": "sk_live_geheim"}, actor=ada
    )
    assert waiting is not None
    assert "sk_live_geheim" not in (fresh(account).credentials or "")
    assert "sk_live_geheim" not in bob.get(f"people/approval/{waiting.id}/change/")
    assert "sk_live_geheim" not in json.dumps([*AuditLog.objects.values("before", "after"), waiting.payload])

    approvals.settle(approval_id=waiting.id, user=person_again(bob), approved=True, note="")
    assert json.loads(fresh(account).credentials)["secret_key"] == "sk_live_geheim"
    assert fresh(account).bank_iban == THIEF
    assert fresh(waiting).secrets is None


def key(shop: Shop) -> Api:
    return Api(api_keys.create(merchant_id=shop.merchant.id, test_mode=False, scopes=["all"], actor="command").text)


@pytest.mark.django_db(transaction=True)
def test_a_stolen_key_moves_no_money_rule_of_a_live_merchant(live: Shop) -> None:
    stolen = key(live)
    account = live.account("external")
    body = {"provider": "external", "name": "Mine", "currency": "EUR", "bank_iban": THIEF}
    before = ProviderAccount.objects.count()
    answers = [
        stolen.post("/v1/provider_accounts", body, idempotency_key="once"),
        stolen.patch(f"/v1/provider_accounts/{account.id}", {"bank_iban": THIEF}),
        stolen.patch(f"/v1/channels/{live.store.id}", {"refund_routes": ["cash"]}),
    ]
    for answer in answers:
        assert answer.status_code == 202, answer.content
        response = answer.json()
        assert response["status"] == "requires_approval"
        assert set(response["approval"]) == {"id", "action", "requested_by"}
    assert [answer.json()["approval"]["action"] for answer in answers] == [
        "add_provider_account",
        "change_payout",
        "change_money_rules",
    ]
    assert ProviderAccount.objects.count() == before
    assert (fresh(account).bank_iban, fresh(live.store).refund_routes) == ("", None)
    again = stolen.post("/v1/provider_accounts", body, idempotency_key="once")
    assert (again.status_code, again.json()) == (202, answers[0].json())

    owner = person(live, "ada")
    approvals.settle(approval_id=answers[0].json()["approval"]["id"], user=owner, approved=True, note="")
    made = ProviderAccount.objects.get(name="Mine")
    assert (made.id, made.bank_iban) == (Approval.objects.get(action="add_provider_account").subject_id, THIEF)


def test_the_maker_of_the_key_does_not_agree_to_what_it_asked(live: Shop) -> None:
    ada = person(live, "ada")
    api = Api(api_keys.create(merchant_id=live.merchant.id, test_mode=False, scopes=["all"], actor=ada).text)
    requested = api.patch(f"/v1/provider_accounts/{live.account('external').id}", {"bank_iban": THIEF}).json()
    with pytest.raises(Forbidden, match="own_request"):
        approvals.settle(approval_id=requested["approval"]["id"], user=ada, approved=True, note="")


def test_a_command_on_the_server_sets_a_live_merchant_up() -> None:
    shop = open_shop(mode="live")
    made = request_provider_account(
        merchant=shop.merchant, provider="external", name="PIN", currency="EUR", actor="command"
    )
    assert isinstance(made, ProviderAccount)


def test_a_shop_of_one_says_so_aloud_and_then_decides_alone(live: Shop) -> None:
    ada = browser(live, "ada")
    path = f"payments/merchant/{live.merchant.id}"
    ada.post(f"{path}/decide-alone/")
    since = fresh(live.merchant).decides_alone_from
    assert since is not None
    assert since > timezone.now()  # from tomorrow
    assert Mail.objects.filter(to="ada@example.com").exists()
    assert AuditLog.objects.get(action="merchant.changed").actor == ada.user.id

    waiting = update_setup.amend_merchant(live.merchant, changes={"iban": THIEF}, actor=person_again(ada))
    assert waiting is not None
    with pytest.raises(Forbidden, match="own_request"):
        approvals.settle(approval_id=waiting.id, user=person_again(ada), approved=True, note="")
    Merchant.objects.update(decides_alone_from=timezone.now())
    approvals.settle(approval_id=waiting.id, user=person_again(ada), approved=True, note="It is my own account.")
    assert (fresh(waiting).alone, fresh(live.merchant).iban) == (True, THIEF)
    assert "one person decides alone" in ada.get("").lower()
    ada.post(f"{path}/decide-together/")
    assert fresh(live.merchant).decides_alone_from is None


def test_a_shop_of_two_asks_the_other_before_one_decides_alone(live: Shop) -> None:
    ada, bob = person(live, "ada"), person(live, "bob", "finance")
    waiting = decide_alone.switch(live.merchant, on=True, actor=ada)
    assert waiting is not None
    assert fresh(live.merchant).decides_alone_from is None
    with pytest.raises(Forbidden, match="own_request"):
        approvals.settle(approval_id=waiting.id, user=ada, approved=True, note="")
    approvals.settle(approval_id=waiting.id, user=bob, approved=True, note="")
    assert fresh(live.merchant).decides_alone_from is not None


@pytest.mark.parametrize("path", ["second_person_above", "iban"])
def test_a_superuser_does_not_agree_with_themselves(live: Shop, path: str) -> None:
    root = User.objects.create_superuser("root")
    root.second_factor_at = timezone.now()
    value: Any = THIEF if path == "iban" else None
    waiting = update_setup.amend_merchant(live.merchant, changes={path: value}, actor=root)
    assert waiting is not None
    with pytest.raises(Forbidden, match="own_request"):
        approvals.settle(approval_id=waiting.id, user=root, approved=True, note="")
