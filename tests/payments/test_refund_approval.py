"""Large refunds need a second person; nobody is that for what they asked themselves."""

import pytest

from payments.core.errors import Conflict, Forbidden
from payments.models import Refund
from payments.people.models import Approval, User
from payments.services.refunds.approve import approve_refund
from payments.services.refunds.cancel import cancel_refund
from payments.services.refunds.decline import decline_refund
from payments.services.refunds.request import request_refund
from tests.builders import Shop, fresh, only, open_shop
from tests.people.cast import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop(second_person_above=10_000, refund_fallback="voucher")


@pytest.fixture
def finance(shop: Shop) -> User:
    return person("finance", shop.merchant.id)


@pytest.fixture
def waiting(shop: Shop) -> Refund:
    requested = shop.request_refund(shop.pin(20_000).order, 10_001)
    assert requested.voucher_code is None  # nothing is made before the second person agrees
    return requested.refund


def test_up_to_the_limit_nobody_is_asked(shop: Shop) -> None:
    assert shop.refund(shop.pin(20_000).order, 10_000).status == "succeeded"


def test_above_it_the_amount_is_held_and_nothing_is_booked(shop: Shop, waiting: Refund) -> None:
    assert (waiting.status, waiting.parts.get().status) == ("requires_approval", "requires_approval")
    assert waiting.order.refundable == 9_999
    assert only(shop.books(), "returns", "refunds_payable", "vouchers") == {
        "returns": 0,
        "refunds_payable": 0,
        "vouchers": 0,
    }


def test_approved_it_is_carried_out(shop: Shop, waiting: Refund, finance: User) -> None:
    done = approve_refund(waiting, user=finance, note="Seen the goods.")
    assert (done.refund.status, done.refund.parts.get().status) == ("succeeded", "succeeded")
    assert done.voucher_code is not None
    assert only(shop.books(), "returns", "vouchers") == {"returns": 10_001, "vouchers": -10_001}
    approval = Approval.objects.get(subject_id=waiting.id)
    assert (approval.decision, approval.decided_by_id) == ("approved", finance.id)


def test_declined_it_holds_nothing(waiting: Refund, finance: User) -> None:
    assert decline_refund(waiting, user=finance, note="Used goods.").status == "canceled"
    assert fresh(waiting.order).refundable == 20_000


def test_nobody_approves_what_they_asked_themselves(shop: Shop, finance: User) -> None:
    requested = shop.asks(shop.pin(20_000).order)
    refund = request_refund(requested, actor=finance.id).refund
    with pytest.raises(Forbidden):
        approve_refund(refund, user=finance)
    assert fresh(refund).status == "requires_approval"


def test_it_is_decided_once(waiting: Refund, finance: User) -> None:
    approve_refund(waiting, user=finance)
    with pytest.raises(Conflict) as refused:
        decline_refund(waiting, user=finance, note="Changed my mind.")
    assert refused.value.code == "refund_not_waiting"


def test_given_up_before_anybody_decided(waiting: Refund, finance: User) -> None:
    assert cancel_refund(waiting, actor="tests").status == "canceled"
    assert Approval.objects.get(subject_id=waiting.id).decision == "withdrawn"
    with pytest.raises(Conflict):
        approve_refund(waiting, user=finance)
