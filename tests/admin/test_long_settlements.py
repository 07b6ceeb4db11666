"""A settlement of thousands is one entry; a payment's page tells what of it is its own, and leads to the rest."""

import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.accounting.chart_of_accounts import account
from payments.ledger.models import JournalEntry
from payments.ledger.posting import Entry, Line, post
from payments.models import Payment
from reconciliation import journal
from reconciliation.models import Settlement, SettlementFile
from tests.admin.conftest import Browser
from tests.builders import Shop

pytestmark = pytest.mark.django_db

OTHERS = 3_000


def settle(shop: Shop, payment: Payment, others: int) -> Settlement:
    """The acquirer settles a payment together with those of so many other customers."""
    provider = payment.provider_account
    file = SettlementFile.objects.create(
        merchant=shop.merchant,
        provider_account=provider,
        name="november.csv",
        sha256=str(others),
        status="imported",
        actor="tests",
    )
    gross = payment.amount + others
    row = Settlement.objects.create(
        file=file,
        merchant=shop.merchant,
        provider_account=provider,
        reference=f"NOV-{others}",
        currency="EUR",
        item=900_000_000 + others,
        closed_at=timezone.now(),
        gross=gross,
        fee=0,
        vat=0,
        net=gross,
    )
    bookings = [("receivable", "EUR", 800_000_000 + number, 1) for number in range(others)]
    bookings.append(("receivable", "EUR", payment.item, payment.amount))
    post(list(journal.settled(shop.merchant, row, bookings)))
    return row


def opened(browser: Browser, row: Model) -> tuple[str, int]:
    """A row's page, and how many statements it took."""
    path = f"{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"
    browser.get(path)
    with CaptureQueriesContext(connection) as captured:
        page = browser.get(path)
    return page, len(captured)


def journal_of(page: str) -> str:
    return page.split('id="journal"')[1].split("</section>", maxsplit=1)[0]


def test_a_page_shows_its_own_lines_of_a_settlement_and_leads_to_it(shop: Shop, root: Browser) -> None:
    small, large = shop.pin(2_500), shop.pin(2_500)
    refunded = [shop.refund(payment, 500) for payment in (small, large)]
    few, many = settle(shop, small, 3), settle(shop, large, OTHERS)
    for short, long in ((small, large), (small.order, large.order), (refunded[0], refunded[1])):
        assert opened(root, short)[1] == opened(root, long)[1], short
    for subject in (large, large.order):
        page, _ = opened(root, subject)
        assert journal_of(page).count("<tr>") < 12
        assert "€25.00" in journal_of(page)
        assert f"1 of the settlement&#x27;s {OTHERS + 2:,} lines" in page
        link = re.search(r'href="/admin/(reconciliation/settlement/of-item/\d+/)"', journal_of(page))
        assert link is not None
        assert many.reference in page_text(root.client.get(f"/admin/{link[1]}", follow=True))
    assert few.reference in opened(root, few)[0]


def test_a_settlements_own_page_tells_it_as_a_whole(shop: Shop, root: Browser) -> None:
    payment = shop.pin(2_500)
    row = settle(shop, payment, OTHERS)
    page, statements = opened(root, row)
    assert journal_of(page).count("<tr>") == 2
    assert "€55.00" in journal_of(page)
    assert statements <= 25


def test_a_long_entry_is_leafed_through(shop: Shop, root: Browser) -> None:
    settle(shop, shop.pin(2_500), 450)
    entry = JournalEntry.objects.get(event="settled")
    path, seen = f"ledger/journalentry/{entry.id}/change/", 0
    while path:
        page = root.get(path)
        seen += page.split('id="postings"')[1].split("</section>")[0].count("<tr>") - 1
        next_lines = re.search(r'href="(\?after=\d+)"[^>]*>Next lines', page)
        path = f"ledger/journalentry/{entry.id}/change/{next_lines[1]}" if next_lines else ""
    assert seen == entry.lines


def test_the_sides_of_ones_own_entries_are_all_shown(shop: Shop, root: Browser) -> None:
    payment = shop.pin(2_500)
    page = journal_of(opened(root, payment)[0])
    assert "Takings" in page
    assert "Receivable" in page
    entry = Entry(
        key="test:1",
        event="late_match",
        merchant_id=shop.merchant.id,
        occurred_at=timezone.now(),
        timezone=shop.merchant.timezone,
        lines=[
            Line(account("suspense", "EUR"), 2_500, 700_000_001),
            Line(account("receivable", "EUR", payment.provider_account_id), -2_500, payment.item),
        ],
    )
    post([entry])
    assert "Suspense" in journal_of(opened(root, payment)[0])


def page_text(answer: Any) -> str:
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text
