"""Work that failed is seen on the first page, read with its error, and tried again by a button."""

import re

import pytest
from django.utils import timezone

from payments.models import WorkFailure
from payments.people.models import AuditLog
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(shop: Shop) -> WorkFailure:
    """An event that failed six times."""
    return WorkFailure.objects.create(
        work="payments.apply_event",
        subject="pev_00000000000000000000000001",
        merchant_id=shop.merchant.id,
        attempts=6,
        error="Undecipherable at crypto.py:50",
        first_failed_at=timezone.now(),
        last_failed_at=timezone.now(),
    )


@pytest.mark.parametrize("role", ["root", "finance", "owner"])
def test_it_is_reached_from_home_and_tried_again(failed: WorkFailure, sign_in: SignIn, role: str) -> None:
    browser = sign_in(role)
    home = browser.get("")
    assert "failed work that was set aside" in home
    assert 'href="/admin/payments/workfailure/' in home
    shown = browser.get("payments/workfailure/")
    link = re.search(r'href="/admin/(payments/workfailure/\d+/change/)', shown)
    assert link is not None
    page = browser.get(link[1])
    assert "Undecipherable at crypto.py:50" in page
    assert "set aside" in page
    assert 'href="../retry/"' in page
    answer = browser.post(f"payments/workfailure/{failed.id}/retry/")
    assert "It is tried again within a minute." in answer
    failed.refresh_from_db()
    assert failed.attempts == 0
    assert failed.due_at is not None
    assert AuditLog.objects.get(action="work.retried").actor == browser.user.id


def test_who_only_reads_has_no_button(failed: WorkFailure, sign_in: SignIn) -> None:
    auditor = sign_in("auditor")
    assert "/retry/" not in auditor.get(f"payments/workfailure/{failed.id}/change/")
    auditor.post(f"payments/workfailure/{failed.id}/retry/", status=403)


def test_another_merchants_work_is_nobodys(failed: WorkFailure, sign_in: SignIn) -> None:
    finance: Browser = sign_in("finance")
    WorkFailure.objects.update(merchant_id="mer_00000000000000000000000009")
    finance.get(f"payments/workfailure/{failed.id}/change/", status=404)
    assert "work that failed" not in finance.get("")


def test_it_is_told_in_dutch(failed: WorkFailure, sign_in: SignIn) -> None:
    browser = sign_in("finance", language="nl")
    assert "mislukte taken die opzijgezet zijn" in browser.get("")
    assert "Een melding van een provider verwerken" in browser.get(f"payments/workfailure/{failed.id}/change/")
