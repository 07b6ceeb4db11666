"""Who guesses codes is slowed, in the installation where it happens."""

from typing import Any

import pytest

from payments.runtime import throttling

pytestmark = pytest.mark.django_db


def test_installations_on_one_server_do_not_slow_each_other(settings: Any) -> None:
    settings.REDIS_PREFIX += "one:"
    waits = [throttling.record_failure("voucher", "192.0.2.7") for _ in range(throttling.FREE + 1)]
    assert waits[: throttling.FREE] == [None] * throttling.FREE
    assert 0 < (waits[-1] or 0) <= throttling.WAIT_SECONDS
    settings.REDIS_PREFIX += "two:"
    assert throttling.record_failure("voucher", "192.0.2.7") is None
