"""A voucher's code checks itself: a slip of the finger is told from a code that there is not. Old codes are still read."""

import pytest

from payments.core.crypto import keyed_hash
from payments.core.errors import NotFound, ValidationFailed
from payments.services import voucher
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def test_each_wrong_character_and_each_two_that_changed_places_are_found() -> None:
    code = voucher.new_code().replace("-", "")
    assert not voucher.is_mistyped(code)
    for at, right in enumerate(code):
        for other in voucher.ALPHABET:
            if other != right:
                assert voucher.is_mistyped(code[:at] + other + code[at + 1 :])
        swapped = code[:at] + code[at + 1 : at + 2] + right + code[at + 2 :]
        if swapped != code:
            assert voucher.is_mistyped(swapped)


def test_it_is_read_however_it_is_written(shop: Shop) -> None:
    made = shop.voucher(2_000)
    assert voucher.find(merchant=shop.merchant, code=f" {made.code.lower().replace('-', ' ')} ").id == made.voucher.id
    assert made.code.endswith(made.voucher.code_end)


def test_a_slip_is_told_from_a_code_that_there_is_not(shop: Shop) -> None:
    made = shop.voucher(2_000)
    slip = made.code[:-1] + ("B" if made.code[-1] != "B" else "C")
    with pytest.raises(NotFound, match="wrong"):
        voucher.find(merchant=shop.merchant, code=slip)
    with pytest.raises(ValidationFailed) as refusal:
        shop.pay(1_000, method="voucher", voucher_code=slip)
    assert [fault.code for fault in refusal.value.faults] == ["voucher_code_mistyped"]
    with pytest.raises(NotFound, match="no such voucher"):
        voucher.find(merchant=shop.merchant, code=voucher.new_code())


def test_a_code_from_before_is_still_spent(shop: Shop) -> None:
    row = shop.voucher(2_000).voucher
    row.code_hash = keyed_hash("voucher:BCDF234678KMNPQR")
    row.save()
    assert shop.pay(2_000, method="voucher", voucher_code="BCDF-2346-78KM-NPQR").status == "captured"
