"""Money is a whole number of minor units of one currency: it is never guessed, mixed or lost when it is split."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.core.money import Money

AMOUNTS = st.integers(-(10**12), 10**12)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize("amount", [12.5, "12", Decimal(12), True, None])
def test_an_amount_is_a_whole_number(amount: Any) -> None:
    with pytest.raises(TypeError, match="whole minor units"):
        Money(amount, "EUR")


def test_a_currency_is_one_of_iso_4217() -> None:
    with pytest.raises(ValueError, match="'GLD' is no ISO 4217 currency"):
        Money(1, "GLD")
    with pytest.raises(ValueError, match="'GLD' is no ISO 4217 currency"):
        Money.from_decimal(Decimal(1), "GLD")


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("49.50", "EUR", 4_950),
        ("-0.01", "EUR", -1),
        ("1200", "JPY", 1_200),
        ("1.234", "KWD", 1_234),
        ("1E+2", "EUR", 10_000),
    ],
)
def test_a_decimal_is_read_by_its_currency_and_written_back(text: str, currency: str, amount: int) -> None:
    read = Money.from_decimal(Decimal(text), currency)
    assert read == Money(amount, currency)
    assert read.to_decimal() == Decimal(text)


@pytest.mark.parametrize(("text", "currency"), [("0.005", "EUR"), ("0.5", "JPY"), ("NaN", "EUR"), ("Infinity", "EUR")])
def test_a_decimal_that_is_no_whole_number_of_minor_units_is_never_rounded(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="not a whole number of minor units"):
        Money.from_decimal(Decimal(text), currency)


def test_two_currencies_do_not_add_up() -> None:
    assert Money(4_950, "EUR") + Money(50, "EUR") == Money(5_000, "EUR")
    assert Money(4_950, "EUR") - Money(5_000, "EUR") == -Money(50, "EUR")
    for sum_of in (Money.__add__, Money.__sub__):
        with pytest.raises(ValueError, match="EUR and USD do not add up"):
            sum_of(Money(1, "EUR"), Money(1, "USD"))


def test_it_is_written_with_the_decimals_of_its_currency() -> None:
    assert [str(Money(amount, currency)) for amount, currency in ((4_950, "EUR"), (0, "EUR"), (7, "JPY"), (-5, "KWD"))] == [
        "49.50 EUR", "0.00 EUR", "7 JPY", "-0.005 KWD",
    ]  # fmt: skip


def test_what_does_not_divide_goes_to_the_largest_remainders_and_of_equals_to_the_first() -> None:
    assert [share.amount for share in Money(100, "EUR").allocate([1, 1, 1])] == [34, 33, 33]
    assert [share.amount for share in Money(-100, "EUR").allocate([1, 1, 1])] == [-34, -33, -33]
    assert [share.amount for share in Money(10, "EUR").allocate([15, 0, 85])] == [2, 0, 8]
    assert [share.amount for share in Money(5, "EUR").allocate([1, 2])] == [2, 3]


@given(amount=AMOUNTS, weights=WEIGHTS)
def test_no_minor_unit_is_lost_however_it_is_split(amount: int, weights: list[int]) -> None:
    shares = Money(amount, "EUR").allocate(weights)
    assert sum(share.amount for share in shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.amount * sum(weights) - amount * weight) < sum(weights)


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_what_cannot_be_split_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one is positive"):
        Money(100, "EUR").allocate(weights)


@pytest.mark.parametrize(
    ("amount", "step", "rounded"),
    [
        (4_952, 5, 4_950),
        (4_953, 5, 4_955),
        (-4_953, 5, -4_955),
        (25, 10, 30),
        (-25, 10, -30),
        (4_953, 1, 4_953),
        (4_953, 0, 4_953),
    ],
)
def test_cash_is_rounded_to_the_nearest_coin_and_halves_away_from_zero(amount: int, step: int, rounded: int) -> None:
    assert Money(amount, "EUR").rounded_to(step) == Money(rounded, "EUR")
