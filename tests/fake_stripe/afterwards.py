"""What happens at Stripe without our asking: customers, the dashboard, disputes, payouts and the clock."""

import time
from typing import Final

from tests.fake_stripe import endpoints
from tests.fake_stripe.books import DISPUTE_FEE, Books, Object

IN_EUROS: Final = "eur"


def pay(books: Books, name: str, method: str | None = None) -> Object:
    """The customer pays, on Stripe's page or at the bank; the PaymentIntent. A second attempt changes nothing."""
    with books.lock:
        if name.startswith("cs_"):
            return _pay_on_page(books, books.objects[name], method)
        intent = books.objects[name]
        if intent["status"] in ("requires_action", "processing"):
            endpoints.succeed(books, intent, method or intent["payment_method_types"][0])
        return intent


def refuse(books: Books, name: str, code: str = "generic_decline") -> Object:
    """The customer's bank refuses, or the customer gives up there."""
    with books.lock:
        session = books.objects[name] if name.startswith("cs_") else None
        intent = _intent_of(books, session) if session is not None else books.objects[name]
        return endpoints.fail(books, intent, code, "The customer's bank refused.")


def expire(books: Books, name: str) -> None:
    """A page, or an authorization, runs out."""
    with books.lock:
        if name.startswith("cs_"):
            endpoints.expire_session(books, name, {})
        else:
            endpoints.give_up(books, books.objects[name], "automatic")


def _pay_on_page(books: Books, session: Object, method: str | None) -> Object:
    if session["status"] == "open":
        intent = _intent_of(books, session)
        session.update(status="complete", payment_intent=intent["id"], url=None)
        kind = method or session["payment_method_types"][0]
        if kind == "sepa_debit":
            intent["status"] = "processing"
            books.emit("payment_intent.processing", intent)
        else:
            endpoints.succeed(books, intent, kind)
            session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
        books.emit("checkout.session.completed", session)
    return books.objects[session["payment_intent"]]


def _intent_of(books: Books, session: Object) -> Object:
    if session["payment_intent"] is not None:
        return books.objects[session["payment_intent"]]
    plan = books.plans[session["id"]]
    params = {"amount": session["amount_total"], "currency": session["currency"], **plan}
    intent = endpoints.new_intent(books, params, session["payment_method_types"][0])
    session["payment_intent"] = intent["id"]
    return intent


def arrive(books: Books, session_name: str) -> None:
    """The debit that a customer promised on Stripe's page comes in."""
    with books.lock:
        session = books.objects[session_name]
        endpoints.succeed(books, books.objects[session["payment_intent"]], "sepa_debit")
        session["payment_status"] = "paid"
        books.emit("checkout.session.async_payment_succeeded", session)


def dashboard_refund(books: Books, intent_name: str, amount: int | None = None) -> Object:
    """Somebody presses refund at the dashboard."""
    with books.lock:
        charge = books.objects[books.objects[intent_name]["latest_charge"]]
        left = charge["amount_captured"] - charge["amount_refunded"]
        return endpoints.give_back(books, charge, amount or left, {}, None)


def end_refund(books: Books, name: str, status: str) -> Object:
    """A refund goes on: `succeeded`, `requires_action`; or `failed`, `canceled`, and the money is back."""
    with books.lock:
        refund = books.objects[name]
        refund["status"] = status
        if status in ("failed", "canceled"):
            charge = books.objects[refund["charge"]]
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            returned = books.balance(refund, "refund_failure", refund["amount"])
            refund["failure_balance_transaction"] = returned["id"]
            if status == "failed":
                refund["failure_reason"] = "expired_or_canceled_card"
            books.moved("refund_failed", refund, refund["amount"], refund["amount"])
        books.emit("refund.failed" if status == "failed" else "refund.updated", refund)
        return refund


def dispute(books: Books, intent_name: str, amount: int | None = None, *, inquiry: bool = False) -> Object:
    """The customer's bank asks (an inquiry), or takes the money back, and Stripe its fee."""
    with books.lock:
        intent = books.objects[intent_name]
        charge = books.objects[intent["latest_charge"]]
        opened = books.add(
            "du",
            amount=amount or charge["amount_captured"],
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=intent_name,
            reason="fraudulent",
            status="warning_needs_response" if inquiry else "needs_response",
            balance_transactions=[],
        )
        books.emit("charge.dispute.created", opened)
        if not inquiry:
            take_back(books, opened)
        return opened


def take_back(books: Books, disputed: Object) -> None:
    """The bank takes the money: at once, or after an inquiry."""
    with books.lock:
        disputed["status"] = "needs_response"
        books.objects[disputed["charge"]]["disputed"] = True
        taken = books.balance(disputed, "dispute", -disputed["amount"], DISPUTE_FEE)
        disputed["balance_transactions"].append(taken)
        books.moved("dispute", disputed, disputed["amount"], -disputed["amount"])
        books.emit("charge.dispute.funds_withdrawn", disputed)


def close_dispute(books: Books, name: str, status: str) -> Object:
    """It is `won` (the money comes back, the fee does not), `lost`, or an inquiry ends as `warning_closed`."""
    with books.lock:
        closed = books.objects[name]
        closed["status"] = status
        if status == "won":
            back = books.balance(closed, "dispute_reversal", closed["amount"])
            closed["balance_transactions"].append(back)
            books.moved("dispute_reversal", closed, closed["amount"], closed["amount"])
            books.emit("charge.dispute.funds_reinstated", closed)
        books.emit("charge.dispute.closed", closed)
        return closed


def bill(books: Books, amount: int, category: str = "fee") -> Object:
    """Stripe takes something that is about no payment: its monthly bill, or a reserve (negative: it comes back)."""
    with books.lock:
        row = books.balance({"id": None, "currency": IN_EUROS}, category, -amount)
        row["description"] = "Billing"
        return row


def pay_out(books: Books, *, status: str = "paid", complete: bool = True) -> Object:
    """What is held goes to the bank; once its list is complete, Stripe says so."""
    with books.lock:
        rows = [row for row in books.all("txn") if row["id"] not in books.paid_out]
        net = sum(row["net"] for row in rows)
        payout = books.add(
            "po",
            amount=net,
            currency=IN_EUROS,
            arrival_date=int(time.time()) + 86_400,
            automatic=True,
            status=status,
            reconciliation_status="completed" if complete else "in_progress",
            failure_code=None,
            failure_message=None,
        )
        own = books.balance(payout, "payout", -net)
        payout["balance_transaction"] = own["id"]
        books.paid_out |= {row["id"]: payout["id"] for row in [*rows, own]}
        books.emit("payout.created", payout)
        books.emit("payout.paid", payout)
        if complete:
            books.emit("payout.reconciliation_completed", payout)
        return payout


def fail_payout(books: Books, name: str) -> Object:
    """The bank sent it back: the money is at Stripe again, and goes with the next payout."""
    with books.lock:
        payout = books.objects[name]
        back = books.balance(payout, "payout_reversal", payout["amount"])
        payout.update(status="failed", failure_code="account_closed", failure_balance_transaction=back["id"])
        books.emit("payout.failed", payout)
        return payout
