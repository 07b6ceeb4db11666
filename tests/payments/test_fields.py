"""The columns that every floor shares."""

import pytest

from payments.models import Merchant

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("rows", [1, 2])
def test_a_currency_is_stored_whole_however_many_rows_are_written_at_once(rows: int) -> None:
    Merchant.objects.bulk_create([Merchant(name="Bloem", mode="test", currency="EUR") for _ in range(rows)])
    assert set(Merchant.objects.values_list("currency", flat=True)) == {"EUR"}
