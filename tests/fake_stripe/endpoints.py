"""What the API does: PaymentIntents, Checkout Sessions and refunds, with all that Stripe refuses."""

import time
from typing import Any, Final

from payments.providers.simulator.magic import Ending, ending
from tests.fake_stripe import checks
from tests.fake_stripe.books import Books, Object, fee_of
from tests.fake_stripe.errors import card_error, invalid, unexpected_state

CANCELABLE: Final = {"requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"} | {
    "processing"
}
PRESENTED: Final = {
    "brand": "mastercard",
    "last4": "4444",
    "fingerprint": "fp_ben",
    "read_method": "contactless_emv",
    "receipt": {"authorization_code": "080668", "cardholder_verification_method": "online_pin"},
}
CARD: Final = {"brand": "visa", "last4": "4242", "fingerprint": "fp_anna", "funding": "credit", "country": "NL"}

DETAILS: Final[dict[str, Object]] = {"card": CARD, "card_present": PRESENTED}


def create_intent(books: Books, params: Object) -> Object:
    """A PaymentIntent; confirmed at once where requested."""
    checks.amount(params["amount"], params["currency"])
    checks.texts(params)
    kind = checks.confirmation(params)
    checks.method(kind, params["currency"], params)
    asks, refusal = checks.needs_customer(params), checks.declined(params)
    intent = new_intent(books, params, kind)
    if not params.get("confirm"):
        return intent
    if asks or kind in checks.REDIRECTS:
        intent["status"] = "requires_action"
        url = f"{books.base}/pay/{intent['id']}"
        back = params.get("return_url")
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": back}}
        books.returns[intent["id"]] = back or ""
        books.emit("payment_intent.requires_action", intent)
    elif refusal is not None:
        error = fail(books, intent, *refusal)
        raise card_error(refusal[0], refusal[1], payment_intent=error)
    elif kind == "sepa_debit" or ending(params["amount"]) is Ending.PENDING_SUCCEEDS:
        intent["status"] = "processing"
        books.emit("payment_intent.processing", intent)
    else:
        succeed(books, intent, kind)
    return intent


def new_intent(books: Books, params: Object, kind: str) -> Object:
    """A PaymentIntent that nobody has paid yet."""
    intent = books.add(
        "pi",
        amount=params["amount"],
        amount_capturable=0,
        amount_received=0,
        currency=params["currency"],
        capture_method=params.get("capture_method", "automatic_async"),
        metadata=dict(params.get("metadata", {})),
        description=params.get("description"),
        statement_descriptor=params.get("statement_descriptor"),
        statement_descriptor_suffix=params.get("statement_descriptor_suffix"),
        payment_method_types=params.get("allowed_payment_method_types", [kind]),
        latest_charge=None,
        canceled_at=None,
        cancellation_reason=None,
        status="requires_payment_method",
    )
    intent["client_secret"] = f"{intent['id']}_secret_{len(books.objects)}"
    books.emit("payment_intent.created", intent)
    return intent


def succeed(books: Books, intent: Object, kind: str) -> None:
    """The customer paid: all of it is taken, or held to be captured."""
    held = intent["capture_method"] == "manual"
    charge = books.add(
        "ch",
        amount=intent["amount"],
        amount_captured=0 if held else intent["amount"],
        amount_refunded=0,
        captured=not held,
        currency=intent["currency"],
        disputed=False,
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method_details={"type": kind, kind: dict(DETAILS.get(kind, {}))},
        refunded=False,
        balance_transaction=None,
        status="succeeded",
    )
    intent.update(latest_charge=charge["id"], next_action=None, status="requires_capture" if held else "succeeded")
    if held:
        intent["amount_capturable"] = intent["amount"]
        books.moved("authorize", intent, intent["amount"], 0)
    else:
        take(books, intent, charge, intent["amount"], "charge")
    books.emit("charge.succeeded", charge)
    books.emit("payment_intent.amount_capturable_updated" if held else "payment_intent.succeeded", intent)


def take(books: Books, intent: Object, charge: Object, amount: int, verb: str) -> None:
    """Money comes in, less Stripe's fee."""
    intent.update(amount_received=amount, amount_capturable=0)
    fee = fee_of(charge["payment_method_details"]["type"], amount)
    charge["balance_transaction"] = books.balance(charge, "charge", amount, fee)["id"]
    books.moved(verb, intent, amount, amount)


def fail(books: Books, intent: Object, code: str, message: str) -> Object:
    """The issuer refused; the PaymentIntent waits for another method."""
    error = {"type": "card_error", "code": "card_declined", "decline_code": code, "message": message}
    intent.update(status="requires_payment_method", last_payment_error=error, next_action=None)
    books.emit("payment_intent.payment_failed", intent)
    return intent


def capture(books: Books, name: str, params: Object) -> Object:
    """All or a part of what is held; the rest is released."""
    intent = books.get(name, "pi")
    if intent["status"] != "requires_capture":
        raise unexpected_state(intent, "capture")
    held: int = intent["amount_capturable"]
    amount: int = params.get("amount_to_capture", held)
    if not 0 < amount <= held:
        message = "The amount to capture is greater than the amount that can be captured."
        raise invalid(message, code="amount_too_large", param="amount_to_capture")
    checks.texts(params)
    intent["metadata"].update(params.get("metadata", {}))
    charge = books.objects[intent["latest_charge"]]
    charge.update(captured=True, amount_captured=amount)
    intent["status"] = "succeeded"
    take(books, intent, charge, amount, "capture")
    books.emit("charge.captured", charge)
    books.emit("payment_intent.succeeded", intent)
    return intent


def cancel(books: Books, name: str, params: Object) -> Object:
    """Give up what is not captured."""
    intent = books.get(name, "pi")
    if intent["status"] not in CANCELABLE:
        raise unexpected_state(intent, "cancel")
    give_up(books, intent, params.get("cancellation_reason"))
    return intent


def give_up(books: Books, intent: Object, reason: str | None) -> None:
    """A PaymentIntent ends without money."""
    if intent["status"] == "requires_capture":
        books.moved("release", intent, intent["amount_capturable"], 0)
        charge = books.objects[intent["latest_charge"]]
        charge.update(refunded=True, amount_refunded=charge["amount"])
        books.emit("charge.expired" if reason == "automatic" else "charge.refunded", charge)
    intent.update(status="canceled", canceled_at=int(time.time()), cancellation_reason=reason, amount_capturable=0)
    intent["next_action"] = None
    books.emit("payment_intent.canceled", intent)


def create_session(books: Books, params: Object) -> Object:
    """A page of Stripe's, for one payment."""
    prices = [row["price_data"] for row in params.get("line_items", [])]
    if params.get("mode") != "payment" or len(prices) != 1 or params["line_items"][0].get("quantity") != 1:
        raise invalid("The fake sells one thing at a time, in mode payment.", param="line_items")
    if "success_url" not in params:
        raise invalid("Missing required param: success_url.", param="success_url")
    lives = params.get("expires_at", time.time() + 86_400) - time.time()
    if not 29 * 60 < lives <= 86_400:
        raise invalid("The session must live for 30 minutes to 24 hours.", param="expires_at")
    checks.amount(prices[0]["unit_amount"], prices[0]["currency"])
    inner = params.get("payment_intent_data", {})
    checks.texts(params)
    checks.texts(inner)
    for kind in params.get("allowed_payment_method_types", []):
        checks.method(kind, prices[0]["currency"], inner)
    session = books.add(
        "cs",
        amount_total=prices[0]["unit_amount"],
        amount_subtotal=prices[0]["unit_amount"],
        currency=prices[0]["currency"],
        client_reference_id=params.get("client_reference_id"),
        customer_email=params.get("customer_email"),
        metadata=dict(params.get("metadata", {})),
        payment_intent=None,
        payment_status="unpaid",
        payment_method_types=params.get("allowed_payment_method_types", ["card", "ideal", "bancontact"]),
        status="open",
        expires_at=params.get("expires_at", int(time.time()) + 86_400),
        success_url=params["success_url"],
        cancel_url=params.get("cancel_url"),
    )
    session["url"] = f"{books.base}/pay/{session['id']}"
    books.plans[session["id"]] = inner
    return session


def expire_session(books: Books, name: str, params: Object) -> Object:
    """Nobody can pay there any more."""
    session = books.get(name, "cs")
    if session["status"] != "open":
        raise invalid(f"Only Checkout Sessions with a status of open can be expired, not {session['status']}.")
    session.update(status="expired", url=None)
    books.emit("checkout.session.expired", session)
    return session


def create_refund(books: Books, params: Object) -> Object:
    """Part or all of a charge goes back."""
    charge = refundable(books, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if left <= 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not 0 < amount <= left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, param="amount")
    checks.texts(params)
    waits = ending(amount) is Ending.PENDING_SUCCEEDS
    return give_back(books, charge, amount, params.get("metadata", {}), params.get("reason"), waits=waits)


def refundable(books: Books, params: Object) -> Object:
    """The charge that a refund is about."""
    if ("payment_intent" in params) == ("charge" in params):
        raise invalid("Give one of payment_intent and charge.")
    if params.get("reason") not in (None, "duplicate", "fraudulent", "requested_by_customer"):
        raise invalid("Invalid reason.", param="reason")
    name = params.get("charge") or books.get(params["payment_intent"], "pi")["latest_charge"]
    if name is None:
        message = f"This PaymentIntent ({params['payment_intent']}) does not have a successful charge to refund."
        raise invalid(message, code="payment_intent_unexpected_state")
    charge = books.get(name, "ch")
    if not charge["captured"]:
        raise invalid(f"Charge {name} is not captured: cancel its PaymentIntent.", code="charge_not_captured")
    if charge["disputed"]:
        raise invalid(f"Charge {name} has been charged back; cannot issue a refund.", code="charge_disputed")
    return charge


def give_back(
    books: Books, charge: Object, amount: int, metadata: Object, reason: str | None, *, waits: bool = False
) -> Object:
    """A refund, of ours or of the dashboard."""
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    refund = books.add(
        "re",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        metadata=dict(metadata),
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="pending" if waits else "succeeded",
    )
    refund["balance_transaction"] = books.balance(refund, "refund", -amount)["id"]
    books.moved("refund", refund, amount, -amount)
    books.emit("refund.created", refund)
    books.emit("charge.refunded", charge)
    return refund


def listing(books: Books, prefix: str, params: Object, url: str, *filters: str) -> Object:
    """One page of a list."""
    wanted: dict[str, Any] = {name: params[name] for name in filters if name in params}
    return books.listed(books.all(prefix, **wanted), params, url)


def transactions(books: Books, params: Object, url: str) -> Object:
    """One page of balance transactions; those of a payout are the payout's own last."""
    rows = books.all("txn", **{name: params[name] for name in ("source", "type") if name in params})
    if "payout" in params:
        rows = [row for row in rows if books.paid_out.get(row["id"]) == params["payout"]]
    return books.listed(rows, params, url)
