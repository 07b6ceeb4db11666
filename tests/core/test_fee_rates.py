"""The rates of a provider account: every fault of the list is told at once, by its place."""

from typing import Any

import pytest

from payments.core.fee_rates import faults


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([], []),
        ([{"method": "card", "brand": "visa", "fixed": 10, "basis_points": 29}, {"basis_points": -5}], []),
        ("1 %", [("fee_rates", "invalid_type")]),
        ([{}] * 51, [("fee_rates", "invalid_type")]),
        ([{}, "1 %"], [("fee_rates[1]", "invalid_type")]),
        ([{"method": ""}], [("fee_rates[0].method", "invalid_type")]),
        ([{"brand": "v" * 33}, {"type": 1}], [("fee_rates[0].brand", "invalid_type"), ("fee_rates[1].type", "invalid_type")]),
        ([{"percentage": 1}], [("fee_rates[0]", "unknown_field")]),
        ([{"basis_points": 10_001}], [("fee_rates[0].basis_points", "out_of_range")]),
        ([{"fixed": True}, {"fixed": 0.5}], [("fee_rates[0].fixed", "out_of_range"), ("fee_rates[1].fixed", "out_of_range")]),
    ],
)  # fmt: skip
def test_each_fault_is_told_by_its_place(rates: Any, expected: list[tuple[str, str]]) -> None:
    assert [(fault.param, fault.code) for fault in faults(rates)] == expected
