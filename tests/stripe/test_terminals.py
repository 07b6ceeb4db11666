"""Readers of Stripe Terminal: the PaymentIntent is the truth, whatever a reader says, and nobody pays it later."""

from dataclasses import replace

import pytest

from payments.core.ids import new_id
from payments.core.money import Money
from payments.providers.base import Outcome
from payments.providers.stripe import webhooks
from terminals.providers.base import Request, Till
from terminals.providers.stripe import Stripe
from tests.fake_stripe import readers
from tests.fake_stripe.books import Books, Object
from tests.fake_stripe.faults import Fault
from tests.fake_stripe.post import body_of
from tests.fake_stripe.server import FakeStripe


@pytest.fixture
def books(fake_stripe: FakeStripe) -> Books:
    return fake_stripe.account("sk_test_bloem")


@pytest.fixture
def reader(books: Books) -> Object:
    return readers.add(books)


@pytest.fixture
def till(books: Books, reader: Object) -> Till:
    return Till(reader["id"], books.secrets, test_mode=True)


def request(amount: int = 10_00) -> Request:
    return Request(action_id=new_id("act"), amount=Money(amount, "EUR"), operator="Sanne")


def statuses(books: Books) -> list[str]:
    """Of all PaymentIntents, the newest first."""
    return [row["status"] for row in books.all("pi")]


def test_a_card_is_charged_and_told_with_what_proves_it(books: Books, reader: Object, till: Till) -> None:
    one, asked = Stripe(), request()
    first = one.start(asked, till)
    assert first.outcome is Outcome.PENDING
    assert one.status(asked, till).outcome is Outcome.PENDING
    readers.act(books, reader["id"], "tap")
    answer = one.status(replace(asked, reference=first.reference), till)
    assert (answer.outcome, answer.charged) == (Outcome.SUCCEEDED, Money(10_00, "EUR"))
    assert (answer.rrn, answer.payment_reference, answer.authorization_code) == (
        first.reference,
        first.reference,
        "080668",
    )
    card = answer.card
    assert (card.brand, card.last4, card.entry_mode, card.verification) == (
        "mastercard",
        "4444",
        "contactless",
        "online_pin",
    )


def test_a_second_start_under_one_id_charges_nobody(books: Books, reader: Object, till: Till) -> None:
    one, asked = Stripe(), request()
    assert one.start(asked, till) == one.start(asked, till)
    readers.act(books, reader["id"], "tap")
    one.start(asked, till)
    assert [effect.verb for effect in books.effects] == ["charge"]


@pytest.mark.parametrize("status", ["failed", "in_progress"])
def test_what_the_reader_says_of_a_charged_card_counts_for_nothing(
    books: Books, reader: Object, till: Till, status: str
) -> None:
    one, asked = Stripe(), request()
    one.start(asked, till)
    readers.act(books, reader["id"], "tap", says=status)
    assert one.status(asked, till).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(("what", "code"), [("refuse", "insufficient_funds"), ("give_up", "canceled")])
def test_a_refusal_leaves_nothing_that_could_be_paid_later(
    books: Books, reader: Object, till: Till, what: str, code: str
) -> None:
    one, asked = Stripe(), request()
    one.start(asked, till)
    readers.act(books, reader["id"], what)
    answer = one.status(asked, till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, code)
    assert statuses(books) == ["canceled"]


def test_a_busy_reader_is_a_refusal_with_its_code(books: Books, till: Till) -> None:
    Stripe().start(request(), till)
    answer = Stripe().start(request(), till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, "terminal_busy")
    assert statuses(books) == ["canceled", "requires_payment_method"]


def test_a_reader_out_of_reach_is_a_refusal_with_its_code(books: Books, reader: Object, till: Till) -> None:
    reader["status"] = "offline"
    answer = Stripe().start(request(), till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, "terminal_unreachable")
    assert statuses(books) == ["canceled"]


def test_a_stop_before_the_card(books: Books, reader: Object, till: Till) -> None:
    one, asked = Stripe(), request()
    one.start(asked, till)
    answer = one.cancel(asked, till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, "canceled")
    assert (statuses(books), reader["action"], books.effects) == (["canceled"], None, [])


def test_a_stop_that_crosses_a_tap_says_what_happened(books: Books, reader: Object, till: Till) -> None:
    one, asked = Stripe(), request()
    one.start(asked, till)
    reader["metadata"]["crosses"] = True
    answer = one.cancel(asked, till)
    assert (answer.outcome, answer.charged) == (Outcome.SUCCEEDED, Money(10_00, "EUR"))


def test_a_reader_that_is_at_something_else_by_now(books: Books, reader: Object, till: Till) -> None:
    """Its power went: it is at nothing. What nobody is at is canceled, so that "not charged" stays true."""
    one, asked = Stripe(), request()
    one.start(asked, till)
    reader["action"] = None
    assert one.status(asked, till).code == "canceled"
    assert statuses(books) == ["canceled"]


def test_another_customers_payment_is_not_stopped(books: Books, reader: Object, till: Till) -> None:
    one, asked, other = Stripe(), request(), request(20_00)
    one.start(asked, till)
    reader["action"] = None
    one.start(other, till)
    assert one.cancel(asked, till).code == "canceled"
    assert one.status(other, till).outcome is Outcome.PENDING


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE])
def test_an_intent_whose_answer_was_lost_is_found_by_its_action(
    books: Books, till: Till, fake_stripe: FakeStripe, fault: Fault
) -> None:
    one, asked = Stripe(), request()
    fake_stripe.faults.plan(fault)
    assert one.start(asked, till).outcome is Outcome.UNKNOWN
    assert one.status(asked, till).code == "canceled"
    assert statuses(books) == ["canceled"]


def test_a_reader_whose_answer_was_lost_is_at_it(
    books: Books, reader: Object, till: Till, fake_stripe: FakeStripe
) -> None:
    one, asked = Stripe(), request()
    fake_stripe.faults.plan(None, Fault.DROPPED_DONE)
    assert one.start(asked, till).outcome is Outcome.UNKNOWN
    readers.act(books, reader["id"], "tap")
    assert one.status(asked, till).outcome is Outcome.SUCCEEDED
    assert [effect.verb for effect in books.effects] == ["charge"]


def test_what_stripe_never_received_is_not_found(till: Till, fake_stripe: FakeStripe) -> None:
    one, asked = Stripe(), request()
    fake_stripe.faults.plan(Fault.DROPPED_NOT_DONE)
    assert one.start(asked, till).outcome is Outcome.UNKNOWN
    answer = one.status(asked, till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, "not_found")


def test_a_question_that_is_not_answered_decides_nothing(till: Till, fake_stripe: FakeStripe) -> None:
    one, asked = Stripe(), request()
    one.start(asked, till)
    fake_stripe.faults.plan(Fault.DROPPED_NOT_DONE)
    assert one.status(asked, till).outcome is Outcome.UNKNOWN
    fake_stripe.faults.plan(Fault.RATE_LIMITED)
    assert one.cancel(asked, till).outcome is Outcome.UNKNOWN


def test_its_events_report_no_payment_a_second_time(books: Books, reader: Object, till: Till) -> None:
    Stripe().start(request(), till)
    readers.act(books, reader["id"], "tap")
    assert [event["type"] for event in books.events][-1] == "terminal.reader.action_succeeded"
    for event in books.events:
        assert webhooks.parse_webhook(body_of(event)).reports == ()


def test_a_key_of_the_other_mode_is_never_sent(till: Till, fake_stripe: FakeStripe) -> None:
    answer = Stripe().start(request(), replace(till, test_mode=False))
    assert (answer.outcome, answer.code) == (Outcome.NOT_SENT, "credentials_of_other_mode")
    assert fake_stripe.received == []


def test_a_refund_needs_no_reader(till: Till) -> None:
    assert Stripe().refund(request(), till).code == "not_supported"
    assert Stripe().totals(till) is None
