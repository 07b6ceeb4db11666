"""How much goes back on cards: limits per terminal, operator and day, a second person above, and a rule in each denial."""

from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest

from payments.models import Refund, RefundRule
from payments.people.models import Approval
from payments.people.services import approvals
from payments.services import refund_rules
from terminals.services.actions import refunds
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.builders import BY
from tests.people.cast import finance_of
from tests.terminals.device import Device, refund, sale
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def rule(shop: Shop, kind: str, amount: int, **more: Any) -> RefundRule:
    given: dict[str, Any] = {"name": f"House rule {kind}", "beyond": "refuse", "actor": BY} | more
    made = refund_rules.add_rule(shop.merchant, kind=kind, amount=amount, **given)
    assert isinstance(made, RefundRule)
    return made


def back(api: Api, terminal: Device, amount: int, *, payment: str, operator: str = "Sanne") -> Any:
    """The till asks for money back on the card, without yet occupying the terminal."""
    wish = {"route": "terminal", "terminal": terminal.terminal, "operator": operator, "reason": "Too small"}
    return api.post("/v1/refunds", {"payment": payment, "amount": amount, **wish})


def sold(terminal: Device, sequence: int = 1) -> str:
    payment: str = terminal.post(sale(sequence, 100_00)).json()["payment"]
    return payment


def denied(answer: Any, made: RefundRule, counted: int) -> None:
    told = refusal(answer, 403, "refund_limit_exceeded")
    assert (told["rule"], told["counted"]) == ({"id": made.id, "name": made.name}, counted)
    assert made.name in told["detail"]


def test_a_terminals_day_is_added_up_and_another_terminal_has_its_own(
    back_office: Api, terminal: Device, other_terminal: Device, shop: Shop
) -> None:
    made, payment = rule(shop, "per_terminal", 50_00), sold(terminal)
    assert back(back_office, terminal, 30_00, payment=payment).status_code == 201
    denied(back(back_office, terminal, 20_01, payment=payment, operator="Bo"), made, 50_01)
    assert back(back_office, other_terminal, 50_00, payment=payment).status_code == 201
    assert back(back_office, terminal, 20_00, payment=payment, operator="Bo").status_code == 201


def test_what_goes_back_in_another_way_is_no_matter_of_a_terminal(
    back_office: Api, terminal: Device, shop: Shop
) -> None:
    rule(shop, "per_terminal", 10_00)
    rule(shop, "per_operator", 10_00)
    payment = sold(terminal)
    wish = {"payment": payment, "amount": 60_00, "route": "voucher", "operator": "Sanne", "reason": "x"}
    assert back_office.post("/v1/refunds", wish).status_code == 201
    assert back(back_office, terminal, 10_00, payment=payment).status_code == 201


def test_an_operators_day_is_added_up_over_terminals_however_the_name_is_typed(
    back_office: Api, terminal: Device, other_terminal: Device, shop: Shop
) -> None:
    made, payment = rule(shop, "per_operator", 50_00), sold(terminal)
    assert back(back_office, terminal, 30_00, payment=payment).status_code == 201
    denied(back(back_office, other_terminal, 20_01, payment=payment, operator="SANNE"), made, 50_01)
    assert back(back_office, terminal, 50_00, payment=payment, operator="Bo").status_code == 201


def test_what_a_device_gave_back_by_itself_counts(back_office: Api, terminal: Device, shop: Shop) -> None:
    made, payment = rule(shop, "per_terminal", 50_00), sold(terminal)
    terminal.post(refund(2, 40_00, original={"payment": payment}, operator="Sanne"))
    denied(back(back_office, terminal, 10_01, payment=payment), made, 50_01)


def test_a_limit_holds_where_the_till_has_the_terminal_give_back(
    back_office: Api, terminal: Device, shop: Shop
) -> None:
    made, payment = rule(shop, "per_operator", 20_00), sold(terminal)
    asked = {"type": "refund", "payment": payment, "amount": 20_01, "operator": "Sanne", "reason": "x"}
    denied(back_office.post(f"/v1/terminals/{terminal.terminal}/actions", asked), made, 20_01)
    assert Refund.objects.count() == 0
    plan = {"payment": payment, "amount": 20_01, "route": "terminal", "terminal": terminal.terminal, "reason": "x"}
    denied(back_office.post("/v1/refunds/plan", {**plan, "operator": "Sanne"}), made, 20_01)


def test_above_it_a_second_person_decides_and_then_the_terminal_is_asked(
    back_office: Api, terminal: Device, shop: Shop
) -> None:
    made, payment = rule(shop, "per_terminal", 20_00, beyond="second_person"), sold(terminal)
    waiting = back(back_office, terminal, 30_00, payment=payment).json()
    assert waiting["status"] == "requires_approval"
    assert refunds.offer_refunds() == 0
    approval = Approval.objects.get(subject_id=waiting["id"])
    assert approval.payload["limit"]["rule"] == {"id": made.id, "name": made.name}
    approvals.settle(approval_id=approval.id, user=finance_of(shop.merchant.id), approved=True, note="")
    assert refunds.offer_refunds() == 1
    assert back(back_office, terminal, 20_00, payment=payment).json()["status"] == "pending"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["per_terminal", "per_operator"])
def test_two_tills_at_once_do_not_both_pass(kind: str, back_office: Api, terminal: Device, shop: Shop) -> None:
    made = rule(shop, kind, 50_00)
    payments = [sold(terminal, sequence) for sequence in (1, 2, 3)]
    start = Barrier(len(payments))

    def race(payment: str) -> Callable[[], int]:
        def act() -> int:
            start.wait()
            status: int = back(back_office, terminal, 30_00, payment=payment).status_code
            return status

        return act

    assert sorted(int(str(status)) for status in at_once(*map(race, payments))) == [201, 403, 403]
    assert made.active
