"""Rows written in bulk are the rows the ORM would have written, in one statement however many they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from payments.db import bulk
from payments.models import Discrepancy, IdempotencyKey, Merchant, Order, ProviderAccount
from payments.notify.models import Event
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 10, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def orders(shop: Shop, count: int) -> list[Order]:
    return [
        Order(
            merchant=shop.merchant,
            channel=shop.store,
            namespace="é",
            reference=f"A'{at}",
            currency="EUR",
            created_at=NOW,
        )
        for at in range(count)
    ]


def columns(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in type(row)._meta.concrete_fields}


def test_every_kind_of_column_comes_back_as_it_was(shop: Shop) -> None:
    account = ProviderAccount(
        merchant=shop.merchant, provider="external", name="Ünal \"x\" \\ 𝔘", credentials='{"key": "s3cret"}',
        fee_rates=[{"method": "card", "rate": 0.5, "nested": [None, True, "€"]}], created_at=NOW,
    )  # fmt: skip
    key = IdempotencyKey(
        merchant=shop.merchant, key="k", fingerprint=b"\x00\xff" * 16, object_id="x", status=201, body=b"\x00{}\\x",
        lease_until=None, created_at=NOW,
    )  # fmt: skip
    doubt = Discrepancy(merchant=shop.merchant, kind="duplicate", key="k", sequences=[[1, 2]], resolution=None)
    for row in (account, key, doubt):
        bulk.insert([row])
    assert columns(ProviderAccount.objects.get(id=account.id)) == columns(account)
    kept = IdempotencyKey.objects.get(key="k")
    assert (bytes(kept.fingerprint), bytes(kept.body or b""), kept.lease_until) == (key.fingerprint, key.body, None)
    assert columns(Discrepancy.objects.get(id=doubt.id)) == columns(doubt)
    assert Discrepancy.objects.filter(resolution__isnull=True).exists()


def test_secrets_stand_encrypted(shop: Shop) -> None:
    bulk.insert([ProviderAccount(merchant=shop.merchant, provider="external", name="x", credentials="s3cret")])
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM payments_provideraccount WHERE name = 'x'")
        assert "s3cret" not in cursor.fetchone()[0]


def test_what_the_database_fills_in_is_left_to_it(shop: Shop) -> None:
    event = Event(
        merchant_id=shop.merchant.id,
        type="payment.captured",
        object_type="payment",
        object_id="x",
        data={},
        test_mode=True,
    )
    bulk.insert([event])
    assert Event.objects.get(id=event.id).xid > 0


def test_many_rows_cost_one_statement_in_their_order(shop: Shop) -> None:
    rows = orders(shop, 700)
    with CaptureQueriesContext(connection) as captured:
        bulk.insert(rows)
        for row in rows:
            row.total = 5
        bulk.update(rows, ["total", "customer"])
    assert len(captured) == 2
    assert list(Order.objects.order_by("id").values_list("reference", flat=True)) == [row.reference for row in rows]
    assert set(Order.objects.values_list("total", flat=True)) == {5}
    assert not rows[0]._state.adding


def test_only_the_named_columns_of_the_named_rows_change(shop: Shop) -> None:
    first, second = rows = orders(shop, 2)
    bulk.insert(rows)
    first.total, first.reference, first.created_at = 7, "other", NOW + timedelta(days=1)
    bulk.update([first], ["total", "created_at"])
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.total, first.reference, first.created_at) == (7, "A'0", NOW + timedelta(days=1))
    assert (second.total, second.created_at) == (None, NOW)


def test_a_constraint_holds_here_too(shop: Shop) -> None:
    bulk.insert(orders(shop, 1))
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(orders(shop, 2))
    bulk.insert(orders(shop, 2), ignore_conflicts=True)
    assert Order.objects.count() == 2


def test_nothing_costs_nothing() -> None:
    with CaptureQueriesContext(connection) as captured:
        bulk.insert([])
        bulk.update([], ["total"])
        bulk.update([Merchant()], [])
    assert len(captured) == 0
