"""What must be committed together is refused outside of a transaction, and a provider's call inside of one."""

import pytest
from django.db import connection, transaction
from django.utils import timezone

from payments.models import IdempotencyKey, Operation
from payments.services.idempotency import FormSubmission
from payments.services.submit import provider_request, submit
from payments.services.unit_of_work import UnitOfWork
from tests.builders import open_shop

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_lock_that_ends_at_once_is_none() -> None:
    payment = open_shop().pay_cash(1_000)
    uow = UnitOfWork(merchant=payment.merchant, actor="tests", now=timezone.now())
    with pytest.raises(RuntimeError, match=r"inside transaction\.atomic"):
        uow.lock([payment.order_id])
    with transaction.atomic():
        uow.lock([payment.order_id])
        assert uow.payments[payment.id] == payment


def test_a_key_is_not_committed_without_what_it_names() -> None:
    form = FormSubmission(merchant_id=open_shop().merchant.id, form_id="f" * 32)
    with pytest.raises(RuntimeError, match="committed with what its request makes"):
        form.begin("pay_1")
    assert not IdempotencyKey.objects.exists()


def test_no_provider_is_called_while_locks_are_held() -> None:
    payment = open_shop().pay_cash(1_000)
    with transaction.atomic(), pytest.raises(RuntimeError, match="never called inside a transaction"):
        submit(payment.operations.get().id, actor="tests")
    assert not connection.needs_rollback


def test_an_operation_without_a_payment_is_nothing_to_ask_a_provider() -> None:
    with pytest.raises(ValueError, match="has no payment"):
        provider_request(Operation(id="op_1"))


def test_orders_that_are_locked_one_after_the_other_keep_their_own_sums() -> None:
    shop = open_shop()
    paid, overpaid = shop.pay_cash(1_000, order_total=1_000), shop.pay_cash(1_000, order_total=1_000)
    shop.pin(300, order=overpaid.order)  # the till did not know that nothing was due
    with transaction.atomic():
        uow = UnitOfWork(merchant=shop.merchant, actor="tests", now=timezone.now())
        uow.lock([paid.order_id])
        uow.lock([overpaid.order_id])
        assert uow.overpaid_before == {paid.order_id: 0, overpaid.order_id: 300}
