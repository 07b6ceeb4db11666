"""What Adyen's Checkout does when it is asked: sessions, payments with stored cards, and changes that come later."""

import threading
from typing import TYPE_CHECKING, Any, Final

from payments.providers.simulator.magic import Ending, ending
from tests.fake_adyen import afterwards
from tests.fake_adyen.books import Books, Change, Object, Payment
from tests.fake_adyen.traps import Trap
from tests.fakes.json_api import Call

if TYPE_CHECKING:
    from tests.fake_adyen.server import FakeAdyen

METHODS: Final = ("scheme", "ideal", "bcmc", "paypal")
_REFUSALS: Final = {
    Ending.DO_NOT_HONOR: ("2", "Refused"),
    Ending.INSUFFICIENT_FUNDS: ("12", "Not enough balance"),
    Ending.EXPIRED_CARD: ("6", "Expired Card"),
}
_REFUSED_BY: Final = {
    "capture": Trap.CAPTURE_REFUSED,
    "refund": Trap.REFUND_REFUSED,
    "cancel": Trap.CANCEL_REFUSED,
}
_AFTER: Final = 0.02  # seconds until what was received is carried out


class Endpoints:
    """The handlers of one fake."""

    def __init__(self, fake: "FakeAdyen") -> None:
        self.fake = fake

    def payment_methods(self, call: Call) -> Object:
        """What the merchant account takes."""
        return {"paymentMethods": [{"name": each, "type": each} for each in METHODS]}

    def create_session(self, call: Call) -> Object:
        """A page on which its customer pays."""
        books: Books = call.account
        unknown = set(call.body.get("allowedPaymentMethods", [])) - set(METHODS)
        if unknown:
            raise self.fake.refusal(422, "14_006", f"Unknown payment method {sorted(unknown)}")
        name = f"CS{books.psp_reference()}"
        page = f"{self.fake.url}/pay/{name}"
        books.sessions[name] = {**call.body, "_paid": False}
        if self.fake.traps.springs(Trap.WEBHOOK_BEFORE_ANSWER):
            afterwards.pay(books, name)
            self.fake.wait_for_post()
        return {**call.body, "id": name, "sessionData": "Ab02b4c0!BQABAgBf", "url": page}

    def create_payment(self, call: Call) -> Object:
        """A stored card, charged at once."""
        books: Books = call.account
        amount, reference = call.body["amount"], call.body["reference"]
        if self.fake.traps.springs(Trap.ERROR_AND_AUTHORISED):
            afterwards.authorise(books, call.body, "visa")
            return {"resultCode": "Error", "merchantReference": reference, "refusalReason": "Acquirer Error"}
        refused = _REFUSALS.get(ending(amount["value"]))
        if refused is not None:
            number, reason = refused
            name = books.psp_reference()
            books.tell(
                "AUTHORISATION", name, amount["value"], success=False, reason=f"{number} : {reason}",
                reference=reference, method="visa", currency=amount["currency"],
            )  # fmt: skip
            refusal = {"refusalReason": reason, "refusalReasonCode": number}
            return {"pspReference": name, "resultCode": "Refused", "merchantReference": reference, **refusal}
        if ending(amount["value"]) is Ending.PENDING_SUCCEEDS:
            return {"resultCode": "Received", "merchantReference": reference, "pspReference": books.psp_reference()}
        payment = afterwards.authorise(books, call.body, "visa")
        return {
            "additionalData": {"cardSummary": "1111", "paymentMethod": "visa"},
            "pspReference": payment.name,
            "resultCode": "Authorised",
            "amount": amount,
            "merchantReference": reference,
        }

    def capture(self, call: Call) -> Object:
        """Received: what comes of it, its webhook tells."""
        return self._change(call, "capture", call.body["amount"]["value"])

    def refund(self, call: Call) -> Object:
        """Received, even of more than there is: its webhook refuses."""
        return self._change(call, "refund", call.body["amount"]["value"])

    def cancel(self, call: Call) -> Object:
        """Received, even of what was captured: its webhook refuses."""
        return self._change(call, "cancel", 0)

    def _change(self, call: Call, verb: str, amount: int) -> Object:
        books: Books = call.account
        payment = books.payments.get(call.names["psp"])
        if payment is None:
            raise self.fake.refusal(422, "167", "Original pspReference required for this operation")
        change = Change(books.psp_reference(), verb, payment, amount, call.body["reference"])
        possible = self._possible(change)
        if verb == "refund":
            payment.refunded += amount
        books.changes[change.name] = change
        refused = self.fake.traps.springs(_REFUSED_BY[verb]) or not possible
        reference = payment.reference if self.fake.traps.springs(Trap.ORIGINAL_REFERENCE) else None
        if not books.by_hand:
            later = threading.Timer(
                _AFTER, afterwards.carry_out, (books, change.name), {"success": not refused, "reference": reference}
            )
            later.daemon = True
            later.start()
        return {
            **call.body,
            "paymentPspReference": payment.name,
            "pspReference": change.name,
            "status": "received",
        }

    def _possible(self, change: Change) -> bool:
        payment: Payment = change.payment
        if change.verb == "refund":
            return 0 < change.amount <= payment.captured - payment.refunded
        return payment.is_open and (change.verb == "cancel" or 0 < change.amount <= payment.held)


def pay_page(fake: "FakeAdyen", name: str, action: str) -> Any:
    """What the customer's buttons on the page do; the address that the browser goes back to."""
    books = next((books for books in fake.accounts.values() if name in books.sessions), None)
    if books is None:
        return None
    if action == "pay":
        afterwards.pay(books, name)
    elif action == "refuse":
        afterwards.refuse(books, name)
    elif action == "leave":
        afterwards.close_page(books, name)
    return books.sessions[name]["returnUrl"]
