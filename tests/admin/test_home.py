"""The first page: the day over all doors beside a week ago, what waits for whom, and news at once."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.admin.finance import overview
from payments.models import StatisticDelta
from payments.people.models import User
from terminals.models import Terminal
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, open_shop
from tests.people import cast
from tests.streaming import streaming

pytestmark = pytest.mark.django_db(transaction=True)  # payments ask their provider outside of any transaction


def band(shop: Shop, user: User) -> dict[str, tuple[int, int, int]]:
    """Sales, refunds and net of each column, in minor units, of the merchant's own currency."""
    day = overview.today(user, shop.merchant, timezone.now())[0]
    return {
        column.title: (column.figures.sales_amount, column.figures.refunds_amount, column.figures.net_amount)
        for column in day.band
    }


def sells_online(shop: Shop, amount: int, currency: str = "EUR") -> None:
    """A sale in the webshop, as the statistics tell it: nobody but a provider could take it here."""
    known = list(StatisticDelta.objects.values_list("pk", flat=True))
    shop.pin(amount, currency=currency)
    fresh = StatisticDelta.objects.exclude(pk__in=known)
    fresh.update(channel_id=shop.webshop.id, origin="online", method="ideal")


def test_together_is_online_and_in_store(shop: Shop, root: Browser) -> None:
    sells_online(shop, 10_000)
    shop.refund(shop.pin(5_000), 1_500, channel=shop.store, terminal_id=shop.terminal.terminal_id)
    shop.pay_cash(2_000)
    assert band(shop, root.user) == {
        "together": (17_000, 1_500, 15_500),
        "online": (10_000, 0, 10_000),
        "in store": (7_000, 1_500, 5_500),
    }
    page = root.get("")
    for amount in ("€155.00", "€100.00", "€55.00"):
        assert amount in page


def test_what_is_seen_is_what_the_role_shows(shop: Shop, sign_in: SignIn) -> None:
    sells_online(shop, 10_000)
    shop.pay_cash(2_000)
    here = sign_in("store_manager", channel_id=shop.store.id)
    assert band(shop, here.user)["together"] == (2_000, 0, 2_000)
    assert "€120.00" not in here.get("")  # the sum with what others sold


def test_full_hours_are_compared_with_the_same_hours_a_week_ago(shop: Shop, root: Browser) -> None:
    now = timezone.now().astimezone(shop.merchant.zone).replace(hour=16, minute=20)
    shop.pin(9_000)
    StatisticDelta.objects.update(hour=15)
    shop.pin(6_000)
    StatisticDelta.objects.exclude(hour=15).update(hour=15, business_day=now.date() - timedelta(days=7))
    shop.pin(50_000)
    StatisticDelta.objects.exclude(hour=15).update(hour=16)  # of this hour, which is not over
    together = overview.today(root.user, shop.merchant, now)[0].band[0]
    assert (together.change, together.grows) == ("+50 %", True)
    earlier = overview.today(root.user, shop.merchant, now.replace(hour=15))[0].band[0]
    assert earlier.change == ""  # nothing was sold by then a week ago: no comparison is better than a wrong one


def test_each_currency_has_a_day_of_its_own(shop: Shop, root: Browser) -> None:
    shop.pin(10_000)
    shop.pin(4_000, currency="USD")
    assert [day.currency for day in overview.today(root.user, shop.merchant, timezone.now())] == ["EUR", "USD"]


def test_charts_say_the_same_as_their_tables(shop: Shop, root: Browser) -> None:
    sells_online(shop, 10_000)
    shop.pin(2_500)
    page = root.get("")
    assert page.count("data-chart=") == 2
    for chart in overview.today(root.user, shop.merchant, timezone.now())[0].charts:
        assert len(chart.table.rows) == len(chart.amounts)
        assert sum(chart.amounts.values()) == 12_500


def test_terminals_and_decisions_that_wait_lead_to_their_lists(shop: Shop, sign_in: SignIn) -> None:
    quiet, gap = (
        Terminal.objects.create(
            merchant=shop.merchant,
            channel=shop.store,
            provider_account=shop.account("external"),
            label=label,
            status="active",
            secret="whsec_x",
            last_seen_at=seen,
            missing=missing,
        )
        for label, seen, missing in (
            ("Quiet", timezone.now() - timedelta(hours=3), []),
            ("Gap", timezone.now(), [[4, 6]]),
        )
    )
    asks, decides = sign_in("clerk"), sign_in("owner")
    shop.refund(shop.pay_cash(50_000), 20_000, channel=shop.store)  # above what one person may give back
    page = decides.get("")
    for text, link, names, others in (
        ("terminals that are silent", "terminals/terminal/?state=silent", quiet.label, gap.label),
        ("terminals of which transactions are missing", "terminals/terminal/?state=gaps", gap.label, quiet.label),
    ):
        assert text in page and f"/admin/{link}" in page
        listed = decides.get(link)
        assert f">{names}<" in listed and f">{others}<" not in listed
    assert "requests that wait for your decision" in page
    assert len(decides.client.get("/admin/people/approval/?turn=me").context["cl"].result_list) == 1
    assert "requests that wait for your decision" not in asks.get("")


def test_it_asks_few_statements(shop: Shop, sign_in: SignIn) -> None:
    shop.pin(10_000)
    finance = sign_in("finance")
    finance.get("live/")
    with CaptureQueriesContext(connection) as captured:
        finance.get("live/")
    assert len(captured) <= 20, [query["sql"][:100] for query in captured]


@pytest.fixture(scope="module")
def stream(django_db_setup: None) -> Iterator[str]:
    with streaming() as url:
        yield url


class TestAtOnce:
    """News over the process of polls and streams."""

    def test_a_sale_is_told_within_two_seconds_and_says_nothing_of_itself(self, stream: str) -> None:
        shop = open_shop()
        user = User.objects.create_superuser("ada")
        lines: list[str] = []
        heard = threading.Event()

        with self.open(stream, user, shop) as answer:
            assert answer.status_code == 200
            assert answer.headers["Access-Control-Allow-Origin"] == settings.PUBLIC_URL

            def read() -> None:
                for line in answer.iter_lines():
                    lines.append(line)
                    if line.startswith("data:"):
                        heard.set()
                        return

            reader = threading.Thread(target=read)
            reader.start()
            shop.pay_cash(1_250)
            assert heard.wait(30)
            reader.join(10)
        assert {line for line in lines if line.startswith("data:")} == {"data: changed"}

    def test_it_is_told_to_nobody_else(self, stream: str) -> None:
        shop, other = open_shop(), open_shop("Vreemd")
        with httpx.Client(trust_env=False) as http:
            for cookies in ({}, {settings.SESSION_COOKIE_NAME: "nonsense"}):
                requested = http.get(
                    f"{stream}/admin/live/stream", params={"merchant": shop.merchant.id}, cookies=cookies
                )
                assert requested.status_code == 403
        theirs = cast.person("theirs", other.merchant.id)
        with self.open(stream, theirs, shop) as answer:
            assert answer.status_code == 403

    def open(self, stream: str, user: User, shop: Shop) -> Any:
        session = cast.signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value
        return httpx.stream(
            "GET",
            f"{stream}/admin/live/stream",
            params={"merchant": shop.merchant.id},
            cookies={settings.SESSION_COOKIE_NAME: session},
            timeout=60,
            trust_env=False,
        )
