"""Readers of Stripe Terminal: given a PaymentIntent to process, and what their customers do with it.

`card` of a reader is what its customer does at once: `tap`, `refuse`, `give_up`; empty until somebody acts.
"""

from typing import Any, Final

from tests.fake_stripe import endpoints
from tests.fake_stripe.books import Books, Object
from tests.fake_stripe.errors import invalid, unexpected_state

_OPEN: Final = ("requires_payment_method", "requires_confirmation")


def add(books: Books, *, card: str = "") -> Object:
    """A simulated reader that is online."""
    return books.add(
        "tmr",
        action=None,
        device_type="simulated_wisepos_e",
        label="Counter",
        status="online",
        last_seen_at=1_764_550_000_000,
        metadata={"card": card},
    )


def process(books: Books, name: str, params: Object) -> Object:
    """The reader asks for a card; what comes of it, the PaymentIntent tells."""
    reader = books.get(name, "tmr")
    if reader["status"] == "offline":
        raise invalid("Reader is currently offline.", code="terminal_reader_offline")
    if (reader["action"] or {}).get("status") == "in_progress":
        raise invalid("Reader is currently busy processing another request.", code="terminal_reader_busy")
    intent = books.get(params["payment_intent"], "pi")
    if intent["status"] not in _OPEN or intent["payment_method_types"] != ["card_present"]:
        raise unexpected_state(intent, "process")
    reader["action"] = {
        "type": "process_payment_intent",
        "status": "in_progress",
        "failure_code": None,
        "failure_message": None,
        "process_payment_intent": {"payment_intent": intent["id"]},
    }
    if reader["metadata"]["card"]:
        act(books, name, reader["metadata"]["card"])
    return reader


def cancel_action(books: Books, name: str, params: Object) -> Object:
    """Stop what the reader is at, unless the card was there first."""
    reader = books.get(name, "tmr")
    if reader["metadata"].pop("crosses", False):
        act(books, name, "tap")
    if (reader["action"] or {}).get("status") != "in_progress":
        raise invalid("There is no action to cancel.", code="terminal_reader_no_action")
    reader["action"] = None
    return reader


def act(books: Books, name: str, what: str, *, says: str = "") -> None:
    """The customer does something; `says`: what the reader reports in place of what happened."""
    with books.lock:
        reader = books.objects[name]
        action = reader["action"]
        intent = books.objects[action["process_payment_intent"]["payment_intent"]]
        if what == "tap":
            endpoints.succeed(books, intent, "card_present")
            action["status"] = says or "succeeded"
        else:
            code = "card_declined" if what == "refuse" else "customer_canceled"
            action |= {"status": "failed", "failure_code": code, "failure_message": "Not charged."}
            if what == "refuse":
                endpoints.fail(books, intent, "insufficient_funds", "Your card has insufficient funds.")
        books.emit(f"terminal.reader.action_{action['status']}", reader)


HANDLERS: Final[dict[str, Any]] = {
    "GET /v1/terminal/readers/{id}": lambda books, _, name: books.get(name, "tmr"),
    "POST /v1/terminal/readers/{id}/process_payment_intent": lambda books, params, name: process(books, name, params),
    "POST /v1/terminal/readers/{id}/cancel_action": lambda books, params, name: cancel_action(books, name, params),
}
