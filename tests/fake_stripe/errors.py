"""Stripe's refusals, in its own words and shapes."""

from typing import Any


class Refused(Exception):
    """An error answer."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **more}}


def invalid(message: str, *, status: int = 400, **more: Any) -> Refused:
    return Refused(status, "invalid_request_error", message, **more)


def missing(kind: str, name: str) -> Refused:
    return invalid(f"No such {kind}: '{name}'", status=404, code="resource_missing", param="id")


def unexpected_state(intent: dict[str, Any], verb: str) -> Refused:
    message = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
    return invalid(message, code="payment_intent_unexpected_state", payment_intent=intent)


def card_error(code: str, message: str, **more: Any) -> Refused:
    return Refused(402, "card_error", message, code="card_declined", decline_code=code, **more)
