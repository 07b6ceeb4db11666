"""What is just being captured or released is not there for anybody else, and a refusal of it is told as such."""

import pytest
from django.utils import timezone

from payments.core.errors import Conflict, Invalid
from payments.core.ids import new_id
from payments.models import Operation, Order, Payment
from payments.notify.models import Event
from payments.payloads import PAYMENT_RELATED
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.cancel import cancel_payment
from payments.services.capture import capture_payment
from payments.services.card_present.types import Device
from payments.services.record import record
from payments.services.recover import recover
from tests.builders import BY, Shop, open_shop
from tests.simulator import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]

# Of a capture: it stays under way for two seconds, and then succeeds or is refused.
SUCCEEDS, FAILS = 10, 11


@pytest.fixture
def held() -> Payment:
    return open_shop().pay(10_000, manual_capture=True)


def now(payment: Payment) -> Payment:
    return Payment.objects.select_related(*PAYMENT_RELATED).get(id=payment.id)


def capture(payment: Payment, amount: int | None = None, *, final: bool = False) -> Payment:
    return capture_payment(now(payment), amount=amount, final=final, actor=BY)


def answered(payment: Payment) -> None:
    """The sweep asks until everything is known."""

    def all_known() -> bool:
        Operation.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        recover()
        return not payment.operations.filter(outcome="pending").exists()

    eventually(all_known)


def left(payment: Payment) -> tuple[str, int, int, int]:
    row = now(payment)
    return row.status, row.amount_captured, row.amount_capturable, row.order.authorized


def events(payment: Payment) -> list[str]:
    return list(Event.objects.filter(object_id=payment.id).order_by("id").values_list("type", flat=True))


class TestWhatIsShown:
    def test_is_without_what_is_being_captured(self, held: Payment) -> None:
        assert capture(held, 4_000 + SUCCEEDS).amount_capturable == 5_990
        assert left(held) == ("authorized", 0, 5_990, 10_000)
        answered(held)
        assert left(held) == ("captured", 4_010, 5_990, 5_990)

    def test_is_nothing_while_a_last_capture_is_under_way(self, held: Payment) -> None:
        assert capture(held, 4_000 + SUCCEEDS, final=True).amount_capturable == 0
        answered(held)
        assert left(held) == ("captured", 4_010, 0, 0)

    def test_comes_back_where_the_capture_is_refused(self, held: Payment) -> None:
        capture(held, 4_000 + FAILS, final=True)
        answered(held)
        assert left(held) == ("authorized", 0, 10_000, 10_000)


class TestAnyoneElse:
    def test_captures_no_more_than_is_left_beside_it(self, held: Payment) -> None:
        capture(held, 4_000 + SUCCEEDS)
        with pytest.raises(Invalid, match="amount_exceeds_capturable") as refused:
            capture(held, 6_000)
        assert refused.value.members["amount_capturable"] == 5_990
        assert "59.90" in refused.value.detail
        assert "A capture of €40.10 is under way." in refused.value.detail
        assert capture(held, 5_950).amount_captured == 5_950
        answered(held)
        assert left(held) == ("captured", 9_960, 40, 40)

    def test_captures_nothing_beside_the_last_capture(self, held: Payment) -> None:
        capture(held, 4_000 + SUCCEEDS, final=True)
        with pytest.raises(Conflict, match="payment_not_capturable") as refused:
            capture(held, 50)
        assert "A capture of €40.10 is under way." in refused.value.detail

    def test_releases_only_the_rest(self, held: Payment) -> None:
        capture(held, 4_000 + SUCCEEDS)
        released = cancel_payment(now(held), actor=BY)
        assert (released.status, released.amount_capturable) == ("authorized", 0)
        assert left(held) == ("authorized", 0, 0, 4_010)
        answered(held)
        assert left(held) == ("captured", 4_010, 0, 0)
        assert "payment.canceled" not in events(held)

    def test_releases_nothing_beside_the_last_capture(self, held: Payment) -> None:
        capture(held, 4_000 + SUCCEEDS, final=True)
        with pytest.raises(Conflict, match="payment_not_cancelable") as refused:
            cancel_payment(now(held), actor=BY)
        assert "A capture of €40.10 is under way." in refused.value.detail

    def test_what_was_released_around_a_capture_that_is_refused_is_all_given_up(self, held: Payment) -> None:
        capture(held, 4_000 + FAILS)
        cancel_payment(now(held), actor=BY)
        answered(held)
        assert left(held) == ("canceled", 0, 0, 0)

    def test_a_last_capture_leaves_an_earlier_one_its_money(self, held: Payment) -> None:
        capture(held, 4_000 + SUCCEEDS)
        capture(held, 3_000, final=True)
        assert left(held) == ("captured", 3_000, 0, 4_010)
        answered(held)
        assert left(held) == ("captured", 7_010, 0, 0)

    def test_gives_back_what_is_captured_and_hears_of_the_rest(self, held: Payment) -> None:
        till = Device(
            terminal_id=new_id("trm"), label="Till", series=1, channel=held.channel, account=held.provider_account
        )
        shop = Shop(held.merchant, held.channel, held.channel, till)
        capture(held, 4_000 + SUCCEEDS)
        for ask in (shop.refund, lambda row, amount: shop.refund(row.order, amount)):
            with pytest.raises(Invalid, match="amount_exceeds_refundable") as refused:
                ask(now(held), 4_010)
            assert refused.value.members["amount_refundable"] == 0
            assert refused.value.members["amount_being_captured"] == 4_010
            assert "A capture of €40.10 is under way. It can be given back then." in refused.value.detail
        answered(held)
        assert shop.refund(now(held), 4_010).amount == 4_010

    def test_our_own_clock_does_not_end_what_is_being_captured(self, held: Payment) -> None:
        capture(held, 4_000 + SUCCEEDS)
        Payment.objects.update(expires_at=timezone.now())
        recover()
        assert left(held) == ("authorized", 0, 0, 4_010)
        answered(held)
        assert left(held) == ("captured", 4_010, 0, 0)


class TestARefusal:
    def test_of_a_capture_is_told_as_such(self, held: Payment) -> None:
        refused = capture(held, 4_001)
        assert (refused.status, refused.failure_code) == ("authorized", "do_not_honor")
        assert left(held) == ("authorized", 0, 10_000, 10_000)
        assert events(held) == ["payment.authorized", "payment.capture_declined"]
        operation = held.operations.get(verb="capture")
        assert (operation.outcome, operation.failure_code) == ("declined", "do_not_honor")
        capture(held, 4_000)
        assert now(held).failure_code == ""

    def test_that_comes_later_is_told_too(self, held: Payment) -> None:
        capture(held, 4_000 + FAILS)
        answered(held)
        assert now(held).failure_code == "processing_failed"
        assert events(held)[-1] == "payment.capture_declined"


def test_a_capture_that_is_taken_back_cannot_be_made_again(held: Payment) -> None:
    """What the scheme reversed is not held any more."""
    capture(held, 4_050)
    capture(held, 2_000)

    operation = held.operations.get(verb="capture", amount=4_050)
    result = Result(Outcome.SUCCEEDED, reference="rev_1", payment_reference=now(held).provider_reference)
    report = ProviderReport(ReportType.REVERSAL, result, original_reference=operation.provider_reference)
    record(held.provider_account, [report], actor="provider:tests")
    assert left(held) == ("captured", 2_000, 3_950, 3_950)
    assert Order.objects.get().refundable == 2_000
