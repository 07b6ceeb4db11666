"""Card numbers are recognized wherever they hide, and nothing else is taken for one."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from payments.core.pan import has_card_number, mask_card_numbers, mask_tree
from tests.faults.cards import OF_NO_RANGE

SHARED = Path(__file__).parents[1].parent / "shared"
KNOWN = SHARED / "samples" / "lists" / "test-pans-adyen.json"
PIECES = st.sampled_from(
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "2223000048400011",
        "6011000990139424",
        "340000000000009",
        "8171999900000000021",
        "2026",
        "1",
        "0",
        "4 4 4 ",
        "abc",
        " ",
        "-",
        "  ",
        "٤",
        "ord_06h0692n1400x9yv0m6m7a8g7g",
    ]
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111111111111111", "************1111"),
        ("paid 4111 1111 1111 1111!", "paid **** **** **** 1111!"),
        ("4111-1111-1111-1111 12/27", "****-****-****-1111 12/27"),
        ("4111111111111111 2026", "************1111 2026"),
        ("340000000000009", "***********0009"),
        ("2223000048400011", "************0011"),
    ],
)
def test_a_card_number_keeps_its_last_four(text: str, masked: str) -> None:
    assert has_card_number(text)
    assert mask_card_numbers(text) == masked
    assert mask_tree({text: [text]}) == ({masked: [masked]}, True)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # not valid by Luhn
        "41111111111111111",  # a digit more
        "14111111111111111",  # a digit before
        "4111  1111 1111 1111",  # two spaces
        "9111111111111110",  # no scheme's prefix
        "2220999999999999",  # below 2221
        "4000000000006",  # Visa's range, but 13 digits: an order number of a large shop system
        "4222222222222",
        "36000000000008000",  # Diners Club has 14
        "3400000000000000",  # American Express has 15
        "6221260000000",  # UnionPay has 16 and more
        "6012000000000009",  # no scheme's range between 6011 and 62
        "3527000000000005",  # below JCB's
        "424242424242",  # too short
        "ord_06h0692n1400x9yv0m6m7a8g7g",
        "",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert not has_card_number(text)
    assert mask_card_numbers(text) == text


@pytest.mark.skipif(not KNOWN.exists(), reason="the list of test cards is not here")
def test_every_test_card_of_a_provider_is_one() -> None:
    known = json.loads(KNOWN.read_text())["valid_luhn"]
    numbers = [number for scheme in known.values() for number in scheme]
    assert len(numbers) > 30
    assert {number for number in numbers if not has_card_number(f"card {number}.")} <= OF_NO_RANGE


@given(st.lists(PIECES, max_size=8).map("".join))
@example("4 4 4 4111111111111111 4 4")
def test_every_span_of_groups_is_looked_at(text: str) -> None:
    assert has_card_number(text) == any(map(_is_one, _spans(text)))


def test_a_run_without_an_end_counts_as_one_and_costs_nothing() -> None:
    """4 MB of it took 15 seconds. Whoever hides a number in such a run has it masked with the rest."""
    began = time.process_time()
    for text in ("4000 0000 " * 400_000, "4111-1111-1111-1111-" * 200_000):
        assert has_card_number(text)
    assert not has_card_number("40000000" * 500_000)  # one number, of no card's length
    assert time.process_time() - began < 5
    masked = mask_card_numbers("x " + "4111111111111111 " * 100 + "x")
    assert set(masked.strip("x ")[:-4]) == {"*", " "}


def test_up_to_its_longest_length_every_number_in_a_run_is_found() -> None:
    run = "0000 " * 190 + "4111 1111 1111 1111"
    assert mask_card_numbers(run) == "0000 " * 190 + "**** **** **** 1111"


def _spans(text: str) -> list[str]:
    """Every span of groups in every run, by the contract's words."""
    runs = re.findall(r"(?<![0-9])[0-9](?:[ -]?[0-9])*(?![0-9])", re.sub(r"[a-z]{3}_[0-9a-z]{26}", "_", text))
    found = []
    for run in runs:
        groups = re.split("[ -]", run)
        found += [
            "".join(groups[first : last + 1]) for first in range(len(groups)) for last in range(first, len(groups))
        ]
    return found


def _is_one(digits: str) -> bool:
    return 13 <= len(digits) <= 19 and len(digits) in _lengths(int(digits[:4])) and _luhn(digits)


def _lengths(four: int) -> set[int]:
    """The lengths that the contract gives to numbers that begin with these four digits."""
    ranges = [
        (4000, 4999, {16, 19}),
        (5100, 5599, {16}),
        (2221, 2720, {16}),
        (3400, 3499, {15}),
        (3700, 3799, {15}),
        (3000, 3059, {14}),
        (3600, 3699, {14}),
        (3800, 3899, {14}),
        (3528, 3589, {16}),
        (6011, 6011, {16}),
        (6440, 6499, {16}),
        (6500, 6599, {16}),
        *((one, one, set(range(13, 20))) for one in (5018, 5020, 5038, 6304, 6759)),
        (6760, 6769, set(range(13, 20))),
        (6200, 6299, set(range(16, 20))),
        (8100, 8199, set(range(16, 20))),
    ]
    return set().union(*(lengths for least, most, lengths in ranges if least <= four <= most))


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def test_digits_within_one_of_our_ids_are_no_card_and_beside_it_they_are() -> None:
    """An id is random: some hold what would be a card number anywhere else, and every link with it would be broken."""
    name = "pay_0h4111111111111111abcdefgh"
    assert mask_card_numbers(f"see {name}") == f"see {name}"
    assert mask_card_numbers(f"{name} 4111111111111111") == f"{name} ************1111"
    assert mask_card_numbers(name.removeprefix("pay_")) == "0h************1111abcdefgh"
