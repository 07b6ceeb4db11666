"""Prepared queries: the rows that the queryset gives, however often and with whatever values it is asked."""

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from payments.db.compiled_queries import FEW, CompiledQuery
from payments.models import Channel, Order, Payment, ProviderAccount
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db

PAYMENTS = CompiledQuery(
    lambda merchant_id, ids: (
        Payment.objects.filter(merchant_id=merchant_id, id__in=ids, method="cash")
        .select_related("order", "channel__merchant", "voucher")
        .order_by("id")
    )
)


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.fixture
def paid(shop: Shop) -> list[Payment]:
    return [shop.pay_cash(100 * number, metadata={"number": str(number)}) for number in range(1, FEW + 3)]


@pytest.mark.parametrize("count", [0, 1, 3, FEW, FEW + 2])
def test_the_rows_are_those_of_the_queryset(shop: Shop, paid: list[Payment], count: int) -> None:
    ids = [payment.id for payment in paid[:count]]
    rows = PAYMENTS(shop.merchant.id, ids)
    plain = Payment.objects.filter(id__in=ids).order_by("id")
    columns = [field.attname for field in Payment._meta.concrete_fields]
    assert [[getattr(row, name) for name in columns] for row in rows] == [
        [getattr(row, name) for name in columns] for row in plain
    ]
    assert all(not row._state.adding for row in rows)


def test_related_rows_come_along_and_absent_ones_are_absent(shop: Shop, paid: list[Payment]) -> None:
    with CaptureQueriesContext(connection) as statements:
        (row,) = PAYMENTS(shop.merchant.id, [paid[0].id])
        assert row.order.reference == paid[0].order.reference
        assert row.channel.merchant.name == shop.merchant.name
        assert row.voucher is None
    assert len(statements) == 1


def test_values_that_are_the_same_and_values_that_find_nothing(shop: Shop, paid: list[Payment]) -> None:
    assert [row.id for row in PAYMENTS(shop.merchant.id, [paid[1].id, paid[1].id])] == [paid[1].id]
    assert PAYMENTS(paid[0].id, [paid[0].id]) == []
    assert PAYMENTS.first(shop.merchant.id, ["pay_x"]) is None
    assert PAYMENTS.one(shop.merchant.id, [paid[1].id]) == paid[1]
    with pytest.raises(ObjectDoesNotExist, match="pay_x"):
        PAYMENTS.one(shop.merchant.id, ["pay_x"])
    assert PAYMENTS.first(shop.merchant.id, ["' OR 1=1 --", "%s"]) is None


def test_encrypted_columns_are_clear(shop: Shop) -> None:
    accounts = CompiledQuery(lambda merchant_id: ProviderAccount.objects.filter(merchant_id=merchant_id).order_by("id"))
    plain = ProviderAccount.objects.filter(merchant=shop.merchant).order_by("id")
    assert [row.credentials for row in accounts(shop.merchant.id)] == [row.credentials for row in plain]


def test_a_row_is_read_anew_each_time(shop: Shop) -> None:
    channel = CompiledQuery(lambda channel_id: Channel.objects.filter(id=channel_id))
    before = channel(shop.webshop.id)[0]
    Channel.objects.filter(id=shop.webshop.id).update(name="Another name")
    assert (before.name, channel(shop.webshop.id)[0].name) == (shop.webshop.name, "Another name")


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction_every_time(shop: Shop) -> None:
    orders = CompiledQuery(lambda order_id: Order.objects.select_for_update().filter(id=order_id))
    order = shop.pay_cash(100).order
    with transaction.atomic():
        assert orders(order.id) == [order]
    with pytest.raises(TransactionManagementError):
        orders(order.id)
