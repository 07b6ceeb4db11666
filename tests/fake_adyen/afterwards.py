"""What happens at Adyen without our asking: customers pay, what was received is carried out, banks take back."""

from tests.fake_adyen.books import Books, Change, Object, Payment

_EVENTS = {"capture": "CAPTURE", "refund": "REFUND", "cancel": "CANCELLATION"}


def pay(books: Books, session: str, method: str | None = None) -> Payment | None:
    """The customer pays on the page, or holds what is captured later; also after an attempt was refused."""
    with books.lock:
        asked = books.sessions[session]
        if asked["_paid"]:
            return None
        asked["_paid"] = True
        allowed = (asked.get("allowedPaymentMethods") or [None])[0]
        return authorise(books, asked, method or {"scheme": "visa", None: "visa"}.get(allowed, allowed))


def authorise(books: Books, asked: Object, method: str) -> Payment:
    """What was asked for is held, and taken at once unless it is captured by hand."""
    name, amount = books.psp_reference(), asked["amount"]
    payment = Payment(name, asked["reference"], amount["currency"], amount["value"], method)
    books.payments[name] = payment
    if asked.get("additionalData", {}).get("manualCapture") != "true":
        payment.captured, payment.is_open = payment.held, False
        books.moved("sale", payment.held, payment.held, name, name, payment.reference)
    tell_authorised(books, payment)
    return payment


def tell_authorised(books: Books, payment: Payment) -> None:
    """The webhook of an authorisation that was given; its card's data comes in what is not signed."""
    is_card = payment.method in ("visa", "mc")
    card = {"cardSummary": "1111", "PaymentAccountReference": "V0010013019"} if is_card else {}
    books.tell(
        "AUTHORISATION", payment.name, payment.held, reference=payment.reference, method=payment.method,
        currency=payment.currency, additional=card,
    )  # fmt: skip


def refuse(books: Books, session: str, reason: str = "2 : Refused") -> None:
    """An attempt on the page is refused; the customer may try again there."""
    asked = books.sessions[session]
    amount = asked["amount"]
    books.tell(
        "AUTHORISATION", books.psp_reference(), amount["value"], success=False, reason=reason,
        reference=asked["reference"], currency=amount["currency"], method="visa",
    )  # fmt: skip


def close_page(books: Books, session: str) -> None:
    """The customer did not pay in time."""
    asked = books.sessions[session]
    amount = asked["amount"]
    books.tell(
        "OFFER_CLOSED", books.psp_reference(), amount["value"], reference=asked["reference"],
        currency=amount["currency"], method="ideal",
    )  # fmt: skip


def carry_out(books: Books, name: str, *, success: bool = True, reference: str | None = None) -> None:
    """What was received is done, or is not; `reference`: what the webhook calls it, in place of its own."""
    with books.lock:
        change = books.changes[name]
        if change.is_done:
            return
        change.is_done = True
        if success:
            _do(books, change)
        elif change.verb == "refund":
            change.payment.refunded -= change.amount
        books.tell(
            _EVENTS[change.verb], name, change.amount, payment=change.payment, success=success,
            reference=reference or change.reference, reason="" if success else "Not possible",
        )  # fmt: skip


def _do(books: Books, change: Change) -> None:
    payment = change.payment
    if change.verb == "cancel":
        payment.is_open = False
        return
    net = change.amount if change.verb == "capture" else -change.amount
    books.moved(change.verb, change.amount, net, change.name, payment.name, change.reference)
    if change.verb == "capture":
        payment.captured += change.amount
        payment.is_open = False  # what a first capture leaves is released


def fail_refund(books: Books, name: str, code: str = "REFUND_FAILED") -> None:
    """A refund comes back days later: the money is at Adyen again."""
    change = books.changes[name]
    change.payment.refunded -= change.amount
    books.moved("refund_failed", change.amount, change.amount, name, change.payment.name, change.reference)
    books.tell(code, name, change.amount, payment=change.payment, reference=change.reference, reason="Account closed")


def fail_capture(books: Books, name: str) -> None:
    """The bank does not give what was captured."""
    change = books.changes[name]
    books.moved("capture_failed", change.amount, -change.amount, name, change.payment.name, change.reference)
    books.tell("CAPTURE_FAILED", name, change.amount, payment=change.payment, reference=change.payment.reference)


def refund_at_dashboard(books: Books, payment: Payment, amount: int) -> str:
    """Somebody gives back in the Customer Area; the payment's reference is the only one."""
    name = books.psp_reference()
    payment.refunded += amount
    books.moved("refund", amount, -amount, name, payment.name, "")
    books.tell("REFUND", name, amount, payment=payment, reference=payment.reference)
    return name


def expire(books: Books, payment: Payment) -> None:
    """What was held and never captured is released."""
    payment.is_open = False
    books.tell("EXPIRE", books.psp_reference(), payment.held, payment=payment, reference=payment.reference)


def dispute(books: Books, payment: Payment, code: str, name: str = "", *, net: int = 0, **additional: str) -> str:
    """One step of a dispute, and what it takes (or gives back) of the merchant's money."""
    name = name or books.psp_reference()
    if net:
        books.moved("dispute", abs(net), net, name, payment.name, "")
    books.tell(
        code, name, payment.held, payment=payment, reference=payment.reference, reason="Fraud", additional=additional
    )
    return name
