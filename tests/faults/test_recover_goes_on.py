"""The sweep loses its database in the middle, and goes on with what it has claimed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Operation, Payment
from payments.providers.simulator.magic import Ending, magic
from payments.runtime.fail_points import fail_points_enabled
from payments.services.recover import recover
from tests.builders import open_shop
from tests.faults.strikes import Strike
from tests.simulator import RunningSimulator, eventually


@pytest.mark.django_db(transaction=True)
def test_one_lost_connection_costs_one_operation(simulator: RunningSimulator) -> None:
    shop = open_shop()
    payments = [shop.pay(magic(amount, Ending.PENDING_SUCCEEDS)) for amount in (10_00, 20_00, 30_00)]
    eventually(lambda: len(simulator.effects(account=payments[0].provider_account_id)) == len(payments))
    Operation.objects.filter(outcome="pending").update(due_at=timezone.now() - timedelta(seconds=1))
    with fail_points_enabled(Strike("recover.answered", "lost", lambda **report: None)):
        assert recover() == len(payments)
    assert Payment.objects.filter(status="captured").count() == len(payments) - 1
    Operation.objects.filter(outcome="pending").update(due_at=timezone.now())
    recover()
    assert Payment.objects.filter(status="captured").count() == len(payments)
