"""The page on which the second person decides shows the case: how much, whose, why, who asks, and what follows."""

import pytest
from django.utils import timezone

from payments.admin.finance.approval_pages import case_of
from payments.models import Merchant, Refund
from payments.people.actions import Action
from payments.people.actors import Actor
from payments.people.models import Approval, Role, User
from payments.people.services import api_keys, gate
from payments.services import decide_alone, update_setup
from payments.services.refunds.request import request_refund
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, fresh, open_shop
from tests.people import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(shop: Shop) -> User:
    user = cast.person("ada", shop.merchant.id, role=Role.Name.OWNER)
    User.objects.filter(id=user.id).update(first_name="Ada", last_name="Bakker")
    return user


def refund(shop: Shop, actor: Actor) -> Refund:
    order = shop.pay_cash(20_000, customer=None).order
    request = shop.asks(order, 12_345, channel=shop.store, reason="Does not fit.")
    return request_refund(request, actor=actor).refund


@pytest.mark.parametrize(
    ("language", "amount", "words"),
    [
        ("en", "€123.45", ("Requested by", "Ada Bakker", "What it books", "How it goes back", "in all; the limit is")),
        (
            "nl",
            "€\N{NO-BREAK SPACE}123,45",
            ("Gevraagd door", "Ada Bakker", "Wat het boekt", "in totaal; de limiet is"),
        ),
    ],
)
def test_a_refund_is_shown_as_people_speak_of_it(
    shop: Shop, ada: User, sign_in: SignIn, language: str, amount: str, words: tuple[str, ...]
) -> None:
    made = refund(shop, ada)
    approval = Approval.objects.get()
    finance = sign_in("finance", language=language)
    page = finance.get(f"people/approval/{approval.id}/change/")
    assert made.order.reference is not None
    for shown in (amount, "Does not fit.", made.order.reference, *words):
        assert shown in page, shown
    assert f"/admin/payments/order/{made.order_id}/change/" in page
    assert "12345" not in page
    assert ada.id not in page
    listed = finance.get("people/approval/")
    assert amount in listed
    assert "Ada Bakker" in listed


def test_of_a_key_its_label_and_its_maker_are_shown(shop: Shop, ada: User, sign_in: SignIn) -> None:
    key = api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor=ada, label="Till 3")
    refund(shop, api_keys.verify(key.text))
    page = sign_in("finance").get(f"people/approval/{Approval.objects.get().id}/change/")
    assert "key “Till 3”, made by Ada Bakker" in page


def test_who_may_not_decide_is_told_why_and_sees_no_button(shop: Shop, ada: User, sign_in: SignIn) -> None:
    refund(shop, ada)
    path = f"people/approval/{Approval.objects.get().id}/change/"
    own = Browser(ada, cast.signed_in(ada)).get(path)
    assert "this is your own request" in own
    assert 'value="approve"' not in own
    assert "You may not do this there" in sign_in("clerk").get(path)
    assert 'value="approve"' in sign_in("finance").get(path)


def test_the_note_survives_the_second_factor(shop: Shop, ada: User, sign_in: SignIn) -> None:
    made = refund(shop, ada)
    approval = Approval.objects.get()
    finance = sign_in("finance")
    decide = f"people/approval/{approval.id}/decide/"
    sent = finance.client.post(f"/admin/{decide}", {"decision": "approve", "note": "Saw the till's roll."})
    assert sent.headers["location"].startswith("/admin/second-factor/?next=")
    finance.prove()
    assert "Saw the till&#x27;s roll.</textarea>" in finance.get(f"people/approval/{approval.id}/change/")
    finance.post(decide, decision="approve", note="Saw the till's roll.")
    assert (fresh(approval).note, fresh(made).status) == ("Saw the till's roll.", "succeeded")
    assert "</textarea>" not in finance.get(f"people/approval/{approval.id}/change/")


def test_a_note_holds_no_card_number(shop: Shop, ada: User, sign_in: SignIn) -> None:
    refund(shop, ada)
    approval = Approval.objects.get()
    finance = sign_in("finance")
    finance.prove()
    path = f"people/approval/{approval.id}/decide/"
    assert "card number" in finance.post(path, decision="approve", note="4111 1111 1111 1111")
    assert fresh(approval).decision is None


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_setting_is_shown_as_it_is_and_as_it_would_be(language: str) -> None:
    shop = open_shop(mode="live", second_person_above=10_000, iban="NL91ABNA0417164300")
    ada, bob = (cast.person(name, shop.merchant.id, role=Role.Name.OWNER) for name in ("ada", "bob"))
    User.objects.filter(id=bob.id).update(language=language)
    waiting = update_setup.amend_merchant(
        shop.merchant, changes={"second_person_above": None, "iban": "NL13TEST0123456789"}, actor=ada
    )
    assert waiting is not None
    page = Browser(bob, cast.signed_in(bob)).get(f"people/approval/{waiting.id}/change/")
    now, none = ("€100.00", "no limit") if language == "en" else ("€\N{NO-BREAK SPACE}100,00", "geen limiet")
    for shown in (now, none, "NL91ABNA0417164300", "NL13TEST0123456789"):
        assert shown in page, shown


def test_every_action_that_waits_has_its_page(shop: Shop, ada: User, settings: object) -> None:
    from django.conf import settings as all_settings

    assert set(all_settings.APPROVAL_ACTIONS) <= set(all_settings.APPROVAL_PAGES)
    decide_alone.switch(shop.merchant, on=True, actor="command")
    account = shop.account("external")
    for action, subject in (
        ("change_payout", account),
        ("take_second_factor", ada),
        ("change_money_rules", shop.store),
    ):
        row = gate.propose(
            Action(action),
            subject=subject,
            by="command",
            merchant_id=shop.merchant.id,
            payload={"changes": {"name": "New"}, "before": {"name": "Old"}, "credentials": ["secret_key"]},
        )
        assert case_of(row).what


def test_what_was_decided_alone_says_so(ada: User, shop: Shop) -> None:
    Merchant.objects.update(decides_alone_from=timezone.now())
    refund(shop, ada)
    approval = Approval.objects.get()
    browser = Browser(ada, cast.signed_in(ada))
    path = f"people/approval/{approval.id}"
    assert "you decide alone, and it will say so" in browser.get(f"{path}/change/")
    browser.post(f"{path}/decide/", decision="approve", note="")
    page = browser.get(f"{path}/change/")
    assert "Decided alone by" in page
