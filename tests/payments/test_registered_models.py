"""A unit of work writes the models that are registered with it, in an order their foreign keys can bear."""

from datetime import UTC, datetime
from itertools import combinations

import pytest
from django.db import transaction

from payments.models import IdempotencyKey, Order
from payments.services.registered_models import REGISTERED, events_of, transitions_of
from payments.services.unit_of_work import UnitOfWork
from tests.builders import Shop, open_shop

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.fixture
def shop(db: None) -> Shop:
    return open_shop()


def test_parents_are_written_before_their_children() -> None:
    for earlier, later in combinations(REGISTERED, 2):
        parents = {field.related_model for field in earlier._meta.concrete_fields if field.is_relation}
        assert later not in parents, f"{earlier.__name__} refers to {later.__name__}, which is written after it"


def test_a_row_that_would_never_be_written_is_refused_when_it_is_added(shop: Shop) -> None:
    uow = UnitOfWork(merchant=shop.merchant, actor="system", now=NOW)
    with pytest.raises(RuntimeError, match="IdempotencyKey has no line"):
        uow.add(IdempotencyKey(merchant=shop.merchant, key="k", fingerprint=b"", created_at=NOW))


def test_a_change_that_would_never_be_written_is_refused(shop: Shop) -> None:
    uow = UnitOfWork(merchant=shop.merchant, actor="system", now=NOW)
    with pytest.raises(RuntimeError, match="Merchant has no line"):
        uow.change(shop.merchant, name="Another")


def test_only_what_has_a_status_or_events_is_asked_for_them() -> None:
    with pytest.raises(RuntimeError, match="Order has no transitions"):
        transitions_of(Order)
    with pytest.raises(RuntimeError, match="Order has no events"):
        events_of(Order)


def test_a_new_order_is_held_once_added(shop: Shop) -> None:
    order = Order(
        merchant=shop.merchant, channel=shop.store, namespace="n", reference="1", currency="EUR", created_at=NOW
    )
    with transaction.atomic():
        uow = UnitOfWork(merchant=shop.merchant, actor="system", now=NOW)
        uow.add(order)
        uow.read_refunds()  # asks the database for nothing: a new order has none
        uow.flush()
    assert uow.orders == {order.id: order}
    assert Order.objects.get().reference == "1"
