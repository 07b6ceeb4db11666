"""The pages of days and months: found from home, with what was checked, and the buttons that two persons press."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import Discrepancy
from payments.people.models import Approval, Role
from reconciliation.services.periods import day_of, month_of, state_of
from tests.people.cast import person, signed_in
from tests.reconciliation.conftest import Shop
from tests.reconciliation.test_close import ago, booked_on, closes, noon, sells

PERIODS = "/admin/reconciliation/period/"


def words(client: Client, address: str) -> str:
    """What a page shows, without its tags."""
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def links(client: Client, address: str) -> set[str]:
    return set(re.findall(r'href="([^"]+)"', client.get(address).content.decode()))


@pytest.fixture
def anna(shop: Shop) -> Client:
    return signed_in(person("anna", shop.merchant.id))


@pytest.fixture
def bob(shop: Shop) -> Client:
    return signed_in(person("bob", shop.merchant.id))


def presses(client: Client, address: str, **form: str) -> str:
    """Press a button on the page of a period; what it says then."""
    answer = client.post(address, form, follow=True)
    assert answer.status_code == 200, answer.content.decode()[-2000:]
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def agrees(client: Client) -> None:
    approval = Approval.objects.get(decision=None)
    page = f"/admin/people/approval/{approval.id}/change/"
    assert "Anna" not in words(client, page) or approval.payload["reason"] in words(client, page)
    answer = client.post(f"/admin/people/approval/{approval.id}/decide/", {"decision": "approve", "note": ""})
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    approval.refresh_from_db()
    assert approval.decision == "approved"


def test_a_day_is_closed_from_the_page_of_days(shop: Shop, anna: Client) -> None:
    day = ago(shop, 1)
    sells(shop, 1200, day)
    days_page = f"{PERIODS}days/?merchant={shop.merchant.id}&month={day:%Y-%m}"
    assert f"{PERIODS}days/" in links(anna, "/admin/")
    of_day = f"{PERIODS}{shop.store.id}.{day}/"
    assert f"{of_day}change/" in links(anna, days_page)
    shown = words(anna, f"{of_day}change/")
    assert "All days before it are closed." in shown
    assert "../close/" in links(anna, f"{of_day}change/")
    assert "../override/" not in links(anna, f"{of_day}change/")
    assert "is closed." in presses(anna, f"{of_day}close/")
    after = words(anna, f"{of_day}change/")
    assert "anna" in after
    assert "../reopen/" in links(anna, f"{of_day}change/")
    late = sells(shop, 700, day)
    assert booked_on(late) == ago(shop, 0)
    assert "Came later, and is booked on a later day Entry" in words(anna, f"{of_day}change/")


def test_closing_in_spite_of_the_checklist_and_reopening_take_a_second_person(
    shop: Shop, anna: Client, bob: Client
) -> None:
    day = ago(shop, 1)
    Discrepancy.objects.create(
        merchant=shop.merchant, kind="sequence_gap", key="gap", channel_id=shop.store.id, detail="2 to 3"
    )
    of_day = f"{PERIODS}{shop.store.id}.{day}/"
    shown = words(anna, f"{of_day}change/")
    assert "Shifts that are open or differ, and gaps in what terminals have sent: 1." in shown
    assert any("/payments/discrepancy/?status__exact=open" in link for link in links(anna, f"{of_day}change/"))
    assert "../close/" not in links(anna, f"{of_day}change/")
    presses(anna, f"{of_day}override/", reason="The till was stolen.")
    assert state_of(day_of(shop.store, day)).status == "open"
    assert "../override/" not in links(anna, f"{of_day}change/")
    assert "The till was stolen." in words(bob, f"/admin/people/approval/{Approval.objects.get().id}/change/")
    agrees(bob)
    assert state_of(day_of(shop.store, day)).status == "closed"
    presses(anna, f"{of_day}reopen/", reason="It was found again.")
    agrees(bob)
    assert state_of(day_of(shop.store, day)).status == "open"
    history = words(anna, f"{of_day}change/")
    assert "It was found again." in history
    assert "The till was stolen." in history


def test_a_month_is_closed_from_the_page_of_months(shop: Shop, anna: Client) -> None:
    day = ago(shop, 0).replace(day=1) - timedelta(days=3)
    sells(shop, 1200, day)
    months = f"{PERIODS}months/?merchant={shop.merchant.id}&month={day:%Y-%m}"
    of_month = f"{PERIODS}{shop.merchant.id}.{day:%Y-%m}/"
    assert f"{of_month}change/" in links(anna, months)
    assert "Days of channels that are not closed: 1" in words(anna, f"{of_month}change/")
    closes(shop, shop.store, day)
    assert "is closed." in presses(anna, f"{of_month}close/")
    assert state_of(month_of(shop.merchant, day)).status == "closed"
    assert "closed" in words(anna, months)


def test_they_are_read_in_dutch(shop: Shop) -> None:
    clara = person("clara", shop.merchant.id)
    clara.language = "nl"
    clara.save()
    client = signed_in(clara)
    day = ago(shop, 1)
    shown = words(client, f"{PERIODS}{shop.store.id}.{day}/change/")
    assert "Alle dagen ervoor zijn afgesloten." in shown
    assert "Controlelijst" in shown
    assert "Dagen" in words(client, f"{PERIODS}days/")


def test_nobody_sees_another_merchants_days(shop: Shop, anna: Client, open_shop: Callable[[str], Shop]) -> None:
    stranger = open_shop("Vreemd")
    day = ago(shop, 1)
    for name in (
        f"{stranger.store.id}.{day}",
        f"{stranger.merchant.id}.{day:%Y-%m}",
        "chn_x.2026-01-01",
        "x",
        "mer_.y",
    ):
        assert anna.get(f"{PERIODS}{name}/change/").status_code == 404
    auditor = signed_in(person("dora", shop.merchant.id, role=Role.Name.AUDITOR))
    assert auditor.get(f"{PERIODS}{shop.store.id}.{day}/change/").status_code == 200
    assert auditor.post(f"{PERIODS}{shop.store.id}.{day}/close/").status_code == 403
    clerk = signed_in(person("carl", shop.merchant.id, role=Role.Name.CLERK))
    assert clerk.get(f"{PERIODS}days/").status_code == 403
    assert noon(shop, day) < timezone.now()
