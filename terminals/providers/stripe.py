"""Readers of Stripe Terminal, driven by the server: a PaymentIntent is made, and a reader is given it to process.

Not verified live. The PaymentIntent is the truth, whatever the reader says: a reader knows its latest action only, and
may say "failed" of a card that was charged. A reader that takes nothing is a refusal with its code, and its
PaymentIntent is canceled, so that nobody pays it later; so is one that no reader is at. What cannot be canceled was
paid. Stripe gives back without the card, by the payment: a refund is none of the reader's.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import stripe

from payments.core.ids import made_at
from payments.core.money import Money
from payments.providers.base import Card, Credentials, Outcome, Verb
from payments.providers.payload import Payload, part, text, whole
from payments.providers.stripe import translate
from payments.providers.stripe.amounts import NotRepresentable, to_stripe
from payments.providers.stripe.client import client, unusable_key
from payments.providers.stripe.requests import ACTION
from terminals.providers.base import BUSY, UNREACHABLE, Answer, Request, Till, Total

_SLACK: Final = timedelta(minutes=1)  # between Stripe's clock and ours
_MOST: Final = 100  # Stripe's largest page
# Nothing ran on the reader.
_TAKES_NOTHING: Final = {
    "terminal_reader_busy": BUSY,
    "terminal_reader_offline": UNREACHABLE,
    "terminal_reader_invalid_location_for_payment": "reader_location_invalid",
}
# It may have run all the same.
_UNCERTAIN: Final = frozenset({"terminal_reader_timeout", "terminal_reader_hardware_fault"})
_ENTRY_MODES: Final = {
    "contact_emv": "contact",
    "contactless_emv": "contactless",
    "contactless_magstripe_mode": "contactless",
    "magnetic_stripe_fallback": "magstripe",
    "magnetic_stripe_track2": "magstripe",
}
_VERIFICATIONS: Final = {
    "offline_pin": "offline_pin",
    "online_pin": "online_pin",
    "signature": "signature",
    "approval": "none",
    "none": "none",
    "failure": None,
}


class Stripe:
    """Readers that Stripe's API starts."""

    code = "stripe"
    asks = True
    test_only = False

    def start(self, request: Request, till: Till) -> Answer:
        unusable = unusable_key(_credentials(till))
        if unusable is not None:
            return Answer(outcome=Outcome.NOT_SENT, code=unusable[0])
        try:
            intent = _made(request, till)
        except NotRepresentable:
            return Answer(outcome=Outcome.DECLINED, code="amount_not_representable")
        except stripe.StripeError as error:
            return _refused(error, None)
        return _process(request, till, text(intent, "id") or "")

    def refund(self, request: Request, till: Till) -> Answer:
        return Answer(outcome=Outcome.DECLINED, code="not_supported")

    def cancel(self, request: Request, till: Till) -> Answer:
        return _asked(request, till, stops=True)

    def status(self, request: Request, till: Till) -> Answer:
        return _asked(request, till, stops=False)

    def totals(self, till: Till) -> Sequence[Total] | None:
        # Stripe counts nothing for a reader.
        return None


def _credentials(till: Till) -> Credentials:
    return Credentials("", "stripe", "", secrets=till.secrets, test_mode=till.test_mode)


def _api(till: Till) -> Any:
    return client(_credentials(till)).v1


def _made(request: Request, till: Till) -> Payload:
    """The PaymentIntent of an action, the same one however often it is asked for."""
    made = _api(till).payment_intents.create(
        {
            "amount": to_stripe(request.amount),
            "currency": request.amount.currency.lower(),
            "allowed_payment_method_types": ["card_present"],
            "capture_method": "automatic",
            "metadata": {ACTION: request.action_id},
        },
        {"idempotency_key": request.action_id},
    )
    intent: Payload = made.to_dict()
    return intent


def _process(request: Request, till: Till, intent: str) -> Answer:
    """Have the reader process it; its answer comes later, and is read of the PaymentIntent."""
    wanted = {
        "payment_intent": intent,
        "process_config": {"enable_customer_cancellation": True, "skip_tipping": True},
    }
    try:
        _api(till).terminal.readers.process_payment_intent(
            till.device_id, wanted, {"idempotency_key": f"{request.action_id}:process"}
        )
    except stripe.StripeError as error:
        answer = _refused(error, intent)
        if answer.outcome is Outcome.DECLINED:
            # Nobody is to pay it later; where that fails too, it is asked about as any.
            return answer if _given_up(intent, till) else _unknown("no_answer", intent)
        return answer if answer.outcome is Outcome.UNKNOWN else _unknown(answer.code, intent)
    return Answer(outcome=Outcome.PENDING, reference=intent, payment_reference=intent)


def _asked(request: Request, till: Till, *, stops: bool) -> Answer:
    if unusable_key(_credentials(till)) is not None:
        return _unknown("credentials_missing", request.reference)
    try:
        intent = _found(request, till)
        if intent is None:
            return Answer(outcome=Outcome.DECLINED, code="not_found")
        return _of_intent(intent, till, stops=stops)
    except stripe.StripeError:
        return _unknown("no_answer", request.reference)


def _of_intent(intent: Payload, till: Till, *, stops: bool) -> Answer:
    """What a PaymentIntent says; where it says nothing yet, whether a reader is at it."""
    answer, name = _read(intent), text(intent, "id") or ""
    if answer is not None:
        return answer
    action = part(_api(till).terminal.readers.retrieve(till.device_id).to_dict(), "action")
    is_ours = text(action, "process_payment_intent", "payment_intent") == name
    if is_ours and text(action, "status") == "in_progress":
        if not stops:
            return Answer(outcome=Outcome.PENDING, reference=name, payment_reference=name)
        _stop(till)
    # Nothing is at it any more, or is to be: without its PaymentIntent nobody can be charged.
    gone = _given_up(name, till)
    after = _read(_retrieved(name, till))
    if after is None:
        return Answer(outcome=Outcome.PENDING, reference=name, payment_reference=name)
    if gone and after.outcome is Outcome.DECLINED:
        failed = is_ours and text(action, "status") == "failed"
        code = _failure(intent, action) if failed else "canceled"
        return Answer(outcome=Outcome.DECLINED, code=code, reference=name, payment_reference=name)
    return after


def _found(request: Request, till: Till) -> Payload | None:
    """The PaymentIntent of an action: by its name, else among those made since its id was."""
    if request.reference is not None:
        return _retrieved(request.reference, till)
    since = int((made_at(request.action_id) - _SLACK).timestamp())
    wanted = {"created": {"gte": since}, "limit": _MOST, "expand": ["data.latest_charge"]}
    rows = (row.to_dict() for row in _api(till).payment_intents.list(wanted).auto_paging_iter())
    return next((row for row in rows if text(row, "metadata", ACTION) == request.action_id), None)


def _retrieved(name: str, till: Till) -> Payload:
    intent: Payload = _api(till).payment_intents.retrieve(name, {"expand": ["latest_charge"]}).to_dict()
    return intent


def _stop(till: Till) -> None:
    """Ask the reader to stop. What is refused has read a card already, and its PaymentIntent tells."""
    try:
        _api(till).terminal.readers.cancel_action(till.device_id)
    except stripe.InvalidRequestError:
        return


def _given_up(intent: str, till: Till) -> bool:
    """Whether nobody can pay a PaymentIntent any more; False where it was paid, or nobody knows."""
    try:
        _api(till).payment_intents.cancel(intent)
    except stripe.StripeError:
        return False
    return True


def _read(intent: Payload) -> Answer | None:
    """What a PaymentIntent says for certain; None while it waits for a card."""
    name, status = text(intent, "id"), text(intent, "status")
    if status == "succeeded":
        return _charged(intent)
    if status == "canceled":
        return Answer(outcome=Outcome.DECLINED, code="canceled", reference=name, payment_reference=name)
    if status == "processing":
        return Answer(outcome=Outcome.PENDING, reference=name, payment_reference=name)
    return None


def _charged(intent: Payload) -> Answer:
    result = translate.charged(intent, Verb.SALE)
    details = part(translate.charge_of(intent), "payment_method_details", "card_present")
    receipt = part(details, "receipt")
    tip = whole(intent, "amount_details", "tip", "amount") or 0
    return Answer(
        outcome=Outcome.SUCCEEDED,
        reference=result.reference,
        payment_reference=result.reference,
        charged=result.amount or Money(0, "EUR"),
        tip=tip,
        card=Card(
            brand=text(details, "brand"),
            last4=text(details, "last4"),
            fingerprint=text(details, "fingerprint"),
            entry_mode=_ENTRY_MODES.get(text(details, "read_method") or ""),
            verification=_VERIFICATIONS.get(text(receipt, "cardholder_verification_method") or ""),
        ),
        occurred_at=result.occurred_at,
        # Stripe tells no retrieval reference; its own name for the payment is what its payout shows.
        rrn=result.reference,
        authorization_code=text(receipt, "authorization_code"),
    )


def _failure(intent: Payload, action: Payload) -> str:
    """Why a card was not charged: the issuer's word, that of the reader, or that the customer went."""
    error = part(intent, "last_payment_error")
    code = text(error, "decline_code") or text(error, "code") or text(action, "failure_code") or "declined"
    return "canceled" if code == "customer_canceled" else code


def _refused(error: stripe.StripeError, intent: str | None) -> Answer:
    result = translate.from_exception(error)
    if result.code in _UNCERTAIN:
        return _unknown(str(result.code), intent)
    code = _TAKES_NOTHING.get(result.code or "", result.code or "")
    return Answer(outcome=result.outcome, code=code, reference=intent, payment_reference=intent)


def _unknown(code: str, intent: str | None) -> Answer:
    return Answer(outcome=Outcome.UNKNOWN, code=code, reference=intent, payment_reference=intent)
