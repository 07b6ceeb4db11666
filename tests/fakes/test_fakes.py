"""The parts that every fake stands on: addresses, specifications, traps and faults."""

from enum import StrEnum

import pytest

from tests.fakes.faults import Fault, Faults
from tests.fakes.routes import find
from tests.fakes.specification import SHARED, TEXT, Specification, _as_request, _modern, shape
from tests.fakes.traps import Traps

ORDERS = "POST /v1/orders"


class Trap(StrEnum):
    LATE = "late"


def test_an_address_is_found_with_what_stands_in_its_places() -> None:
    endpoints = ["GET /v1/orders/{id}", "PATCH /v1/orders/{id}/void"]
    assert find(endpoints, "PATCH", "/v1/orders/7/void") == ("PATCH /v1/orders/{id}/void", {"id": "7"})
    assert find(endpoints, "GET", "/v1/orders/7/void") is None
    assert find(endpoints, "DELETE", "/v1/orders/7") is None


def test_a_request_is_held_against_what_the_fake_carries() -> None:
    specification = Specification({ORDERS: shape("serviceId", serviceId=TEXT)}, {})
    assert specification.problems(ORDERS, {"serviceId": "SL-1234-1234"}) == []
    [unknown] = specification.problems(ORDERS, {"serviceId": "SL-1234-1234", "amuont": 1})
    assert "amuont" in unknown
    assert specification.problems("GET /v1/unknown", {}) == []


@pytest.mark.skipif(not (SHARED / "providers").exists(), reason="the published specifications are not at hand")
@pytest.mark.parametrize(
    ("file", "front", "endpoint"),
    [
        ("paynl/paynl-connect-v1.openapi.json", "", ORDERS),
        ("mollie/mollie-v2.openapi.json", "", "POST /v2/payments"),
        ("adyen/adyen-checkout-v72.openapi.json", "/v72", "POST /v72/payments"),
    ],
)
def test_a_request_is_held_against_the_published_specification(file: str, front: str, endpoint: str) -> None:
    specification = Specification({}, {file: front})
    assert specification.is_published(endpoint)
    assert specification.problems(endpoint, {"amount": "eleven"})


def test_what_openapi_3_0_calls_nullable_may_be_null() -> None:
    assert _modern({"type": "string", "nullable": True}) == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert _modern({"minimum": 0, "exclusiveMinimum": True}) == {"exclusiveMinimum": 0}


def test_what_can_only_be_read_is_not_required_of_a_request() -> None:
    components = {"schemas": {"moment": {"type": "string", "readOnly": True}}}
    answer = shape("id", "at", "amount", id={"readOnly": True}, at={"$ref": "#/components/schemas/moment"}, amount=TEXT)
    assert _as_request({"allOf": [answer]}, components)["allOf"][0]["required"] == ["amount"]


def test_a_trap_springs_as_often_as_it_was_set() -> None:
    traps: Traps[Trap] = Traps()
    assert not traps.springs(Trap.LATE)
    traps.set(Trap.LATE, times=2)
    assert [traps.springs(Trap.LATE) for _ in range(3)] == [True, True, False]
    traps.always(Trap.LATE)
    assert all(traps.springs(Trap.LATE) for _ in range(3))
    assert traps.sprung[Trap.LATE] == 5


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.DROPPED_NOT_DONE, Fault.SLOW])
def test_a_broken_connection_says_nothing_about_what_was_done(fault: Fault) -> None:
    done: list[int] = []
    with pytest.raises(ConnectionAbortedError):
        Faults(silence=0).strike(fault, lambda: done.append(1), lambda _: None)
    assert bool(done) is (fault is not Fault.DROPPED_NOT_DONE)
