"""Customers: recognized across channels, made once however many ask, forgotten when they wish."""

import inspect
import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection

from payments.core.errors import NotFound
from payments.people.models import AuditLog, Customer
from payments.people.services.customers import forget, get_or_create, recognize

MERCHANT = "mer_00000000000000000000000001"
OTHER_MERCHANT = "mer_00000000000000000000000002"

pytestmark = pytest.mark.django_db


def known(**expected: str) -> Customer:
    customer = get_or_create(merchant_id=MERCHANT, **expected)
    assert customer is not None
    return customer


def test_who_tells_nothing_is_nobody() -> None:
    assert get_or_create(merchant_id=MERCHANT) is None
    assert get_or_create(merchant_id=MERCHANT, reference="", email=" ", name="") is None


def test_a_reference_names_one_customer_per_merchant() -> None:
    first = known(reference="C1", email="ada@shop.example", name="Ada")
    assert known(reference="C1") == first
    assert get_or_create(merchant_id=OTHER_MERCHANT, reference="C1") != first


def test_what_is_told_anew_replaces_what_was_known() -> None:
    first = known(reference="C1", email="ada@shop.example", name="Ada")
    known(reference="C1", email="ada@home.example")
    first.refresh_from_db()
    assert (first.email, first.name) == ("ada@home.example", "Ada")
    assert recognize(merchant_id=MERCHANT, email="ada@home.example") == [first]
    assert recognize(merchant_id=MERCHANT, email="ada@shop.example") == []


def test_an_address_is_recognized_in_every_channel() -> None:
    webshop = known(reference="C1", email="Ada@Shop.Example")
    assert known(email="  ada@shop.example ") == webshop
    assert recognize(merchant_id=MERCHANT, email="ADA@SHOP.EXAMPLE") == [webshop]
    assert recognize(merchant_id=OTHER_MERCHANT, email="ada@shop.example") == []
    assert recognize(merchant_id=MERCHANT, email="") == []


def test_an_address_that_two_share_names_neither() -> None:
    known(reference="C1", email="family@home.example")
    known(reference="C2", email="family@home.example")
    guest = known(email="family@home.example")
    assert guest.reference is None
    assert known(email="family@home.example") == guest


def test_the_hash_cannot_be_searched_without_our_key() -> None:
    import hashlib

    customer = known(email="ada@shop.example")
    assert customer.email_hash
    assert customer.email_hash != hashlib.sha256(b"ada@shop.example").hexdigest()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("expected", [{"reference": "C1", "name": "Ada"}, {"email": "ada@shop.example"}])
def test_many_at_once_make_one(expected: dict[str, str]) -> None:
    found: list[str] = []
    together = threading.Barrier(12)

    def arrive() -> None:
        together.wait()
        found.append(known(**expected).id)
        connection.close()

    threads = [threading.Thread(target=arrive) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert len(set(found)) == Customer.objects.count() == 1


def test_who_is_erased_tells_nothing_anymore() -> None:
    customer = known(reference="C1", email="ada@shop.example", name="Ada")
    forget(merchant_id=MERCHANT, customer_id=customer.id, actor="key_1")

    customer.refresh_from_db()
    assert (customer.reference, customer.email, customer.email_hash, customer.name) == (None, "", "", "")
    assert customer.erased_at is not None
    assert recognize(merchant_id=MERCHANT, email="ada@shop.example") == []
    log = AuditLog.objects.get(action="customer.erased")
    assert log.object_id == customer.id
    assert "ada" not in str(AuditLog.objects.values()).lower()
    assert known(reference="C1") != customer


def test_only_ones_own_customers_are_erased() -> None:
    customer = known(reference="C1")
    for merchant, customer_id in ((OTHER_MERCHANT, customer.id), (MERCHANT, "cus_0")):
        with pytest.raises(NotFound):
            forget(merchant_id=merchant, customer_id=customer_id, actor="key_1")
    assert Customer.objects.get().reference == "C1"


def test_what_holds_personal_data_says_how_long_and_why() -> None:
    for label in ("people.User", "people.Customer", "people.AuditLog", "notify.Event"):
        model = apps.get_model(label)
        assert isinstance(inspect.getattr_static(model, "RETENTION"), timedelta)
        assert len(inspect.getattr_static(model, "RETENTION_WHY")) > 20
