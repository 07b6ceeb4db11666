"""Who guesses codes is slowed, in the installation where it happens."""

from typing import Any

import pytest

from payments import guessing

pytestmark = pytest.mark.django_db


def test_installations_on_one_server_do_not_slow_each_other(settings: Any) -> None:
    settings.REDIS_PREFIX += "one:"
    waits = [guessing.wrong("voucher", "192.0.2.7") for _ in range(guessing.FREE + 1)]
    assert waits[: guessing.FREE] == [None] * guessing.FREE
    assert 0 < (waits[-1] or 0) <= guessing.WAIT_SECONDS
    settings.REDIS_PREFIX += "two:"
    assert guessing.wrong("voucher", "192.0.2.7") is None
