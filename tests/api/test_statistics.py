"""Figures of what was sold and given back, with what was committed a moment ago."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from payments import statistics
from payments.models import Channel, StatisticDelta, StatisticTotal
from payments.services import create_setup
from tests.api.client import Api, faults
from tests.api.conftest import BY, Shop

pytestmark = pytest.mark.django_db(transaction=True)


def sell(api: Api, amount: int, reference: str = "1", **more: Any) -> dict[str, Any]:
    body = {"order_reference": reference, "amount": amount, "currency": "EUR", "method": "cash", **more}
    answer = api.post("/v1/payments", body)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def figures(api: Api, **query: str) -> list[dict[str, Any]]:
    answer = api.get("/v1/statistics", **query)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


def test_a_sale_and_its_refund_count_at_once(shop: Shop) -> None:
    api = shop.api(channel=shop.store)
    sell(api, 1000)
    sold = sell(api, 505, "2")
    api.post("/v1/refunds", {"payment": sold["id"], "amount": 205, "reason": "broken", "route": "cash"})
    [row] = figures(api)
    assert row == {
        "currency": "EUR",
        "sales_count": 2,
        "sales_amount": 1505,
        "refunds_count": 1,
        "refunds_amount": 205,
        "chargebacks_amount": 0,
        "net_amount": 1300,
        "average_amount": 753,
        "tips_amount": 0,
    }


def test_figures_are_grouped(shop: Shop) -> None:
    market, store = shop.api(channel=_market(shop)), shop.api(channel=shop.store)
    day = sell(market, 1000)["business_day"]
    sell(store, 500)
    sell(store, 300, "2", currency="USD")
    rows = figures(shop.api(), group_by="channel,business_day,method,origin,brand,hour")
    assert {(row["channel"]["name"], row["currency"], row["sales_amount"]) for row in rows} == {
        ("Bloem market", "EUR", 1000),
        ("Bloem Utrecht", "EUR", 500),
        ("Bloem Utrecht", "USD", 300),
    }
    assert {(row["business_day"], row["method"], row["brand"]) for row in rows} == {(day, "cash", None)}
    assert all(0 <= row["hour"] <= 23 for row in rows)
    assert [row["currency"] for row in figures(shop.api(), currency="USD")] == ["USD"]
    assert figures(shop.api(), to="2020-01-31", **{"from": "2020-01-01"}) == []


def test_a_key_of_one_channel_sees_its_own_figures(shop: Shop, stranger: Shop) -> None:
    sell(shop.api(channel=_market(shop)), 1000)
    sell(shop.api(channel=shop.store), 500)
    sell(stranger.api(channel=stranger.store), 700)
    assert [row["sales_amount"] for row in figures(shop.api(channel=shop.store))] == [500]
    assert [row["sales_amount"] for row in figures(shop.api())] == [1500]


def test_folding_changes_nothing_that_is_read(shop: Shop) -> None:
    api = shop.api()
    for at in range(7):
        sell(shop.api(channel=shop.store), 100 * (at + 1), str(at))
    before = figures(api, group_by="method,hour")
    assert statistics.fold(3) == 3
    sell(shop.api(channel=shop.store), 50, "late")
    assert statistics.fold_all(3) == 5
    [row] = figures(api)
    assert (row["sales_count"], row["sales_amount"]) == (8, 2850)
    assert before[0]["sales_amount"] == 2800
    assert not StatisticDelta.objects.exists()
    assert StatisticTotal.objects.count() >= 1


def test_a_slow_transaction_is_not_skipped(shop: Shop) -> None:
    """A sale that commits after a later one was folded is folded with the next."""
    written, folded = threading.Event(), threading.Event()
    [sale] = [StatisticDelta(**_groups(shop), sales_count=1, sales_amount=100)]

    def slow() -> None:
        with transaction.atomic():
            sale.save()
            written.set()
            folded.wait(30)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    written.wait(60)
    StatisticDelta(**_groups(shop), sales_count=1, sales_amount=7).save()
    assert statistics.fold_all() == 1
    folded.set()
    thread.join()
    assert statistics.fold_all() == 1
    assert StatisticTotal.objects.get().sales_amount == 107


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"group_by": "moon"}, "group_by"),
        ({"from": "2026-13-01"}, "from"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "to"),
        ({"currency": "GOLD"}, "currency"),
        ({"channel": "x"}, "channel"),
    ],
)
def test_a_wrong_question_is_refused(shop: Shop, query: dict[str, str], place: str) -> None:
    assert place in faults(shop.api().get("/v1/statistics", **query))


def _market(shop: Shop) -> Channel:
    """Where the shop takes cash beside its store."""
    return create_setup.create_channel(merchant=shop.merchant, kind="remote", name="Bloem market", actor=BY)


def _groups(shop: Shop) -> dict[str, object]:
    return {
        "merchant_id": shop.merchant.id,
        "channel_id": shop.store.id,
        "business_day": "2026-11-22",
        "hour": 9,
        "method": "cash",
        "origin": "in_store",
        "currency": "EUR",
    }
