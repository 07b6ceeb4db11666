"""Every list and every page opens, for whoever may see it and in both languages."""

import re

import pytest
from django.contrib import admin
from django.urls import reverse

from payments.admin.base import render
from payments.ledger.models import Account, JournalEntry
from payments.models import CardEvidence, Discrepancy, Payment, Refund
from payments.people.models import Role
from payments.people.services import api_keys
from payments.services.card_present.types import AcquirerReferences
from tests.admin.conftest import Browser, SignIn
from tests.builders import BY, Shop, on, open_shop

pytestmark = pytest.mark.django_db

LISTS = sorted(f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry)
STORY_LISTS = [
    "payments/payment",
    "payments/order",
    "payments/refund",
    "payments/chargeback",
    "payments/voucher",
    "payments/cardevidence",
    "payments/merchant",
    "payments/channel",
    "payments/provideraccount",
]
BOOKS = ["ledger/journalentry", "ledger/account", "payments/providerevent", "reconciliation/payout"]
BOOKS += ["reconciliation/announcement"]


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """Cash and PIN sales, a split order, a refund by voucher, one that waits, a refund at the terminal."""
    pinned = shop.pin(2_500, references=AcquirerReferences(rrn="RRN-77", authorization_code="A77"))
    shop.pay_cash(1_002, order=pinned.order)
    shop.refund(shop.pin(1_500).order, 500)
    shop.refund(shop.pin(50_000).order, 20_000)
    shop.pin_back(300, pinned)
    shop.pin_back(100)  # no sale is known for it
    return shop


# In place of a list they have one page, on which all rows are edited.
EDITED_AT_ONCE = {"reconciliation/accountmapping", "reconciliation/matchingrule"}


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_list_opens(language: str, busy: Shop, sign_in: SignIn) -> None:
    """All lists of one shop: to make it anew for each list took longer than to open it."""
    browser = sign_in(language=language)
    listed = {name for name in LISTS if 'id="changelist"' in browser.get(f"{name}/")}
    assert listed == set(LISTS) - EDITED_AT_ONCE
    for name in LISTS:
        browser.get(f"{name}/", q="nothing")


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_page_opens(language: str, busy: Shop, sign_in: SignIn) -> None:
    root = sign_in(language=language)
    for model in admin.site._registry:
        row = model._default_manager.first()
        if row is not None:
            root.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])[7:])


def test_a_payments_page_tells_everything(busy: Shop, root: Browser) -> None:
    payment = Payment.objects.get(amount=2_500)
    page = root.get(f"payments/payment/{payment.id}/change/")
    for expected in (
        "€25.00",
        "Maestro",
        "4242",
        "Till 1",
        "RRN-77",
        "€10.02",
        "Takings",
        "Receivable",
        "capture",
        "refund",
    ):
        assert expected in page, expected
    for section in ("payments", "refunds", "operations", "transitions", "evidence", "journal", "events"):
        assert f'id="{section}"' in page, section
    assert page.count("<form") == page.count('id="logout-form"') + page.count("/admin/language/") + page.count(
        'role="search"'
    )


def test_a_dutch_reader_reads_dutch(busy: Shop, sign_in: SignIn) -> None:
    payment = Payment.objects.get(amount=2_500)
    page = sign_in(language="nl").get(f"payments/payment/{payment.id}/change/")
    assert "€\N{NO-BREAK SPACE}25,00" in page
    assert "Terugbetalen" in page
    assert "€25.00" not in page


@pytest.mark.parametrize("role", list(Role.Name.values))
def test_what_a_role_sees_of_its_own_merchant(role: str, busy: Shop, sign_in: SignIn) -> None:
    browser = sign_in(role)
    for name in STORY_LISTS:
        browser.get(f"{name}/")
    sees_books = role in ("owner", "finance", "controller", "auditor")
    for name in BOOKS:
        browser.get(f"{name}/", status=200 if sees_books else 403)
    payment = Payment.objects.earliest("id")
    page = browser.get(f"payments/payment/{payment.id}/change/")
    assert ('id="journal"' in page) == sees_books


def test_nobody_sees_another_merchants_rows(busy: Shop, sign_in: SignIn) -> None:
    stranger = open_shop("Vreemd")
    theirs = stranger.pin(999)
    stranger.refund(theirs.order, 99, route="voucher")
    owner = sign_in("owner")
    for model, row in (
        ("payments/payment", theirs),
        ("payments/order", theirs.order),
        ("payments/refund", Refund.objects.get(order=theirs.order)),
        ("payments/cardevidence", CardEvidence.objects.get(payment=theirs)),
        ("payments/merchant", stranger.merchant),
        ("payments/channel", stranger.store),
        ("ledger/account", Account.objects.filter(merchant_id=stranger.merchant.id).earliest("id")),
        ("ledger/journalentry", JournalEntry.objects.filter(merchant_id=stranger.merchant.id).earliest("id")),
    ):
        assert row.pk not in owner.get(f"{model}/"), model
        owner.get(f"{model}/{row.pk}/change/", status=404)
    for action in ("refund", "capture", "cancel"):
        owner.get(f"payments/payment/{theirs.id}/{action}/", status=404)
    assert stranger.webshop.name not in owner.get("payments/payment/")


@pytest.mark.parametrize(("role", "leads"), [("auditor", False), ("owner", True)])
def test_a_link_leads_only_to_what_its_reader_may_open(role: str, leads: bool, shop: Shop, sign_in: SignIn) -> None:
    """Whoever reads the audit log is told of keys; their pages are for who manages them."""
    key = api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor=BY).key
    reader = sign_in(role)
    assert (f'href="/admin/people/apikey/{key.id}/change/"' in reader.get("people/auditlog/", q=key.id)) == leads
    reader.get(f"people/apikey/{key.id}/change/", status=200 if leads else 403)


def test_a_webshops_clerk_begins_with_the_webshops_payments(busy: Shop, sign_in: SignIn) -> None:
    """What they may do for a customer of the store is in `test_service`."""
    page = sign_in("clerk", channel_id=busy.webshop.id).get("payments/payment/")
    assert not any(payment.id in page for payment in Payment.objects.all())


def test_nobody_adds_changes_or_deletes_what_is_about_money(busy: Shop, root: Browser) -> None:
    for name in [*STORY_LISTS[:6], "ledger/journalentry", "ledger/account"]:
        root.get(f"{name}/add/", status=403)
        label, model = name.split("/")
        found = next(known for known in admin.site._registry if known._meta.label_lower == f"{label}.{model}")
        row = found._default_manager.first()
        if row is not None:
            before = found._default_manager.filter(pk=row.pk).values().get()
            root.get(f"{name}/{row.pk}/delete/", status=403)
            root.post(f"{name}/{row.pk}/change/", amount=1, status=403)
            assert found._default_manager.filter(pk=row.pk).values().get() == before


def test_whoever_has_no_role_sees_nothing(busy: Shop, sign_in: SignIn) -> None:
    nobody = sign_in("auditor")
    nobody.user.roles.all().delete()
    for page in ("", "payments/payment/", "sales/"):
        assert nobody.client.get(f"/admin/{page}")["Location"].startswith("/admin/login/")


def test_lists_lead_to_pages(busy: Shop, root: Browser) -> None:
    for name in ("payments/payment", "payments/refund", "ledger/journalentry", "ledger/account", "payments/merchant"):
        link = re.search(rf'href="/admin/({name}/[^"]+/change/)', root.get(f"{name}/"))
        assert link is not None, name
        assert "ot-facts" in root.get(link[1])


def test_every_page_goes_by_the_merchants_clock(busy: Shop, root: Browser) -> None:
    Discrepancy.objects.update(created_at=on("2026-07-01", "23:30"))
    assert "2 Jul 01:30:00" in root.get("payments/discrepancy/")
    Payment.objects.update(occurred_at=on("2025-07-01", "23:30"))
    assert "2 Jul 2025 01:30" in root.get("payments/payment/")


def test_a_payment_tells_how_it_was_paid_as_its_owners_spell_it(shop: Shop) -> None:
    payment = shop.pin(1_250)
    payment.card_brand, payment.card_last4 = "vpay", "7731"
    assert render.method(payment) == "V PAY •7731"
    payment.method, payment.card_brand, payment.card_last4 = "bancontact", "bancontact", "3385"
    assert render.method(payment) == "Bancontact •3385"
    payment.method, payment.card_brand, payment.card_last4 = "ideal", "", ""
    assert render.method(payment) == "iDEAL"


def test_an_empty_list_speaks_of_filters_only_where_there_are_some(sign_in: SignIn) -> None:
    anyone = sign_in("root")
    assert "A refund begins on the page of its order or payment." in (empty := anyone.get("payments/refund/"))
    assert "Reset filters" not in empty
    assert "Nothing matches the search and filters." in (requested := anyone.get("payments/refund/", q="nobody"))
    assert "Reset filters" in requested
    assert "Reset filters" in anyone.get("payments/payment/", business_day_to="2020-01-01")


def test_every_empty_list_says_how_rows_come_into_it() -> None:
    silent = {
        model._meta.label_lower.replace(".", "/")
        for model, pages in admin.site._registry.items()
        if not getattr(pages, "empty_text", "")
    }
    assert silent == EDITED_AT_ONCE
