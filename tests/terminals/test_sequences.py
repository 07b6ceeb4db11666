"""Every number of a device's series is used once: duplicates, conflicts and gaps are told apart and told."""

from typing import Any

import pytest

from payments.models import Discrepancy, Payment, RefundPart
from terminals import sequences
from terminals.models import SequenceConflict, Terminal
from tests.api.client import refusal
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.device import Device, refund, reversal, sale

pytestmark = pytest.mark.django_db


def test_the_same_again_is_a_duplicate_and_has_no_effect(terminal: Device, shop: Shop) -> None:
    first = terminal.post(sale(1)).json()
    again = terminal.post(dict(reversed(sale(1).items())))  # JSON has no order
    assert again.status_code == 200
    assert (again.json()["status"], again.json()["payment"]) == ("duplicate", first["payment"])
    assert Payment.objects.count() == 1
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_the_same_moment_in_another_zone_is_the_same(terminal: Device) -> None:
    terminal.post(sale(1))
    assert terminal.post(sale(1, occurred_at="2026-11-20T10:30:00+01:00")).json()["status"] == "duplicate"


def test_other_content_is_a_conflict_both_are_kept_and_finance_is_told(
    terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    first = terminal.post(sale(1, 1250)).json()
    members = refusal(terminal.post(sale(1, 9950)), 409, "sequence_conflict")
    assert (members["sequence"], members["missing_sequences"], members["next_sequence"]) == (1, [], 2)
    assert discrepancies() == [("sequence_conflict", "open")]
    assert Discrepancy.objects.get().payment_id == first["payment"]
    assert SequenceConflict.objects.get().posted["amount"] == 9950
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_the_same_conflict_again_is_told_once(terminal: Device, discrepancies: Any) -> None:
    terminal.post(sale(1, 1250))
    terminal.post(sale(1, 9950))
    terminal.post(sale(1, 9950))
    assert (SequenceConflict.objects.count(), discrepancies()) == (1, [("sequence_conflict", "open")])


def test_a_gap_is_told_to_the_device_and_to_finance_and_closes_by_itself(terminal: Device, discrepancies: Any) -> None:
    assert terminal.post(sale(3)).json()["missing_sequences"] == [[1, 2]]
    answer = terminal.post(sale(7)).json()
    assert (answer["missing_sequences"], answer["next_sequence"]) == ([[1, 2], [4, 6]], 8)
    assert discrepancies() == [("sequence_gap", "open")]
    assert Discrepancy.objects.get().sequences == [[1, 2], [4, 6]]
    terminal.post(sale(5))
    assert Discrepancy.objects.get().sequences == [[1, 2], [4, 4], [6, 6]]
    answer = terminal.post(sale(1), sale(2), sale(4), sale(6)).json()
    assert (answer["missing_sequences"], answer["next_sequence"]) == ([], 8)
    assert discrepancies() == [("sequence_gap", "resolved")]


def test_a_new_gap_after_a_closed_one_is_told_again(terminal: Device, discrepancies: Any) -> None:
    terminal.post(sale(2))
    terminal.post(sale(1))
    terminal.post(sale(4))
    assert discrepancies() == [("sequence_gap", "resolved"), ("sequence_gap", "open")]


def test_one_bad_item_never_stops_the_others(terminal: Device, shop: Shop) -> None:
    answer = terminal.post(
        sale(1), sale(2, amount=-5), sale(3, colour="red"), sale(1, 999), sale(1), "nonsense", sale(4)
    )
    assert answer.status_code == 200
    body = answer.json()
    assert [result["status"] for result in body["results"]] == [
        "recorded", "refused", "refused", "conflict", "duplicate", "refused", "recorded",
    ]  # fmt: skip
    assert [result["sequence"] for result in body["results"]] == [1, 2, 3, 1, 1, None, 4]
    assert body["results"][1]["error"]["param"] == "transactions[1].amount"
    assert body["results"][2]["error"]["param"] == "transactions[2].colour"
    assert (body["missing_sequences"], body["next_sequence"]) == ([[2, 3]], 5)
    assert books(shop.merchant) == {"receivable": 2500, "takings": -2500}


def test_a_refused_transaction_may_be_corrected(terminal: Device) -> None:
    refused = terminal.post(sale(1, amount=0))
    members = refusal(refused, 422, "validation_failed")
    assert (members["sequence"], members["missing_sequences"], members["next_sequence"]) == (1, [[1, 1]], 2)
    answer = terminal.post(sale(1, amount=100))
    assert (answer.status_code, answer.json()["missing_sequences"]) == (201, [])


@pytest.mark.parametrize("number", [100_004, 2_147_483_647, 2_147_483_648, 10**15, 0, -1])
def test_a_sequence_cannot_jump(terminal: Device, discrepancies: Any, number: int) -> None:
    terminal.post(sale(1), sale(2), sale(3))
    members = refusal(terminal.post(sale(number)), 422, "sequence_out_of_range")
    assert (members["status"], members["result_status"]) == (422, "refused")
    assert (members["missing_sequences"], members["next_sequence"]) == ([], 4)
    answer = terminal.post(sale(number), sale(4)).json()
    first = answer["results"][0]
    assert (first["status"], first["error"]["code"]) == ("refused", "sequence_out_of_range")
    assert first["error"]["param"] == "transactions[0].sequence"
    assert (answer["missing_sequences"], answer["next_sequence"]) == ([], 5)
    assert discrepancies() == []


def test_a_hundred_thousand_are_no_jump_yet(terminal: Device, discrepancies: Any) -> None:
    terminal.post(sale(1))
    answer = terminal.post(sale(100_001)).json()
    assert (answer["status"], answer["missing_sequences"]) == ("recorded", [[2, 100_000]])
    assert discrepancies() == [("sequence_gap", "open")]


def test_what_is_refused_for_more_than_its_number_tells_all_of_it(terminal: Device) -> None:
    members = refusal(terminal.post(sale(2**31, amount=0)), 422, "validation_failed")
    assert {fault["code"] for fault in members["errors"]} == {"out_of_range", "sequence_out_of_range"}


def test_a_problem_about_one_post_says_what_the_result_would(terminal: Device) -> None:
    terminal.post(sale(1))
    members = refusal(terminal.post(sale(1, 999)), 409, "sequence_conflict")
    assert (members["status"], members["result_status"], members["sequence"]) == (409, "conflict", 1)


def test_a_refused_one_makes_room_for_the_next_of_its_number_in_the_same_batch(terminal: Device) -> None:
    wrong = sale(1, order="ord_0123456789abcdefghjkmnpqrs")
    results = terminal.post(wrong, sale(1)).json()["results"]
    assert [result["status"] for result in results] == ["refused", "recorded"]


def test_those_that_come_after_a_refused_one_are_open_items_of_their_own(terminal: Device) -> None:
    wrong = refund(1, original={"payment": "pay_00000000000000000000000000"})
    results = terminal.post(wrong, sale(2), refund(3), sale(1)).json()["results"]
    assert [result["status"] for result in results] == ["refused", "recorded", "recorded", "recorded"]
    items = [*Payment.objects.values_list("item", flat=True), *RefundPart.objects.values_list("item", flat=True)]
    assert len(items) == len(set(items)) == 3


def test_more_than_500_are_to_be_halved(terminal: Device) -> None:
    refusal(terminal.batch([{} for _ in range(501)]), 413, "batch_too_large")
    assert Terminal.objects.get(id=terminal.terminal).last_sequence == 0


@pytest.mark.parametrize("items", [[], "all", None, {"sequence": 1}])
def test_a_batch_is_an_array_of_transactions(terminal: Device, items: Any) -> None:
    refusal(terminal.send("/v1/terminal/transactions", {"transactions": items}), 422, "validation_failed")


def test_a_chain_that_came_backwards_unrolls_at_once(terminal: Device, shop: Shop) -> None:
    terminal.post(reversal(3, of=2, amount=400))
    terminal.post(refund(2, 400, original={"sequence": 1}))
    terminal.post(sale(1))
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250, "returns": 400, "refunds_payable": -400}


@pytest.mark.parametrize(
    ("missing", "last", "seen", "recorded", "after"),
    [
        ([], 0, [1], [1], ([], 1)),
        ([], 0, [3], [3], ([[1, 2]], 3)),
        ([[1, 2]], 3, [2], [2], ([[1, 1]], 3)),
        ([[1, 9]], 9, [5], [5], ([[1, 4], [6, 9]], 9)),
        ([[1, 2]], 2, [4], [4], ([[1, 3]], 4)),
        ([], 5, [6], [], ([[6, 6]], 6)),
        ([], 5, [], [], ([], 5)),
        ([[1, 1], [3, 4]], 5, [1, 3, 4, 5], [1, 3, 4, 5], ([], 5)),
    ],
)
def test_the_arithmetic_of_gaps(
    missing: sequences.Ranges, last: int, seen: list[int], recorded: list[int], after: Any
) -> None:
    assert sequences.after(missing, last, seen=seen, recorded=recorded) == after
