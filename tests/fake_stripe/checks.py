"""What Stripe refuses beyond the shape of a request: amounts, methods, texts and states."""

from typing import Any, Final

from payments.providers.simulator.magic import DECLINES, Ending, ending
from tests.fake_stripe.errors import card_error, invalid

Params = dict[str, Any]
EURO_ONLY: Final = frozenset({"ideal", "bancontact", "sepa_debit"})
HELD: Final = frozenset({"card", "klarna"})  # what can be authorized first and captured later
REDIRECTS: Final = frozenset({"ideal", "bancontact", "klarna"})
PRESENTED: Final = "card_present"  # never confirmed by a request: a reader does
LEAST: Final = {"eur": 50, "usd": 50, "gbp": 30, "jpy": 50}
DECLINED_TOKENS: Final = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
}
ASKING_TOKENS: Final = frozenset({"pm_card_threeDSecure2Required", "pm_card_authenticationRequired"})


def amount(value: int, currency: str) -> None:
    """An amount that Stripe charges."""
    if currency not in LEAST:
        raise invalid(f"Invalid currency: {currency}.", param="currency")
    if value < LEAST[currency]:
        raise invalid("Amount must be at least the minimum charge amount.", code="amount_too_small", param="amount")
    if value > 99_999_999:
        raise invalid("Amount must be no more than 999,999.99.", code="amount_too_large", param="amount")


def texts(params: Params) -> None:
    """Metadata and what a bank statement can print."""
    for name, value in params.get("metadata", {}).items():
        if len(name) > 40 or len(value) > 500:
            raise invalid("Metadata names have at most 40 characters, values 500.", param="metadata")
    if len(params.get("metadata", {})) > 50:
        raise invalid("Metadata has at most 50 names.", param="metadata")
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        text = params.get(name)
        if text is not None and (len(text) > 22 or set(text) & set("<>\\'\"*") or not any(map(str.isalpha, text))):
            raise invalid(f"Invalid {name}.", param=name)
    descriptor = params.get("statement_descriptor")
    if descriptor is not None and len(descriptor) < 5:
        raise invalid("The statement descriptor must have at least 5 characters.", param="statement_descriptor")


def method(kind: str, currency: str, params: Params) -> None:
    """A method that is known, enabled, and able to do what is requested."""
    if kind not in {*EURO_ONLY, *HELD, *REDIRECTS, PRESENTED}:
        raise invalid(f"The payment method type {kind} is invalid.", param="allowed_payment_method_types")
    if kind in EURO_ONLY and currency != "eur":
        raise invalid(f"{kind} is only in euros.", param="currency")
    if params.get("capture_method") == "manual" and kind not in HELD:
        raise invalid(f"{kind} does not support manual capture.", param="capture_method")
    if kind == "card" and "statement_descriptor" in params:
        raise invalid("Cards take a statement_descriptor_suffix.", param="statement_descriptor")


def confirmation(params: Params) -> str:
    """The kind of method that a PaymentIntent is confirmed with."""
    tokens = [params[name] for name in ("payment_method", "confirmation_token") if name in params]
    given = params.get("payment_method_data", {}).get("type")
    if len(tokens) + (given is not None) > 1:
        raise invalid("Give one of payment_method, payment_method_data and confirmation_token.")
    if not params.get("confirm"):
        for name in ("return_url", "error_on_requires_action", "confirmation_token"):
            if name in params:
                raise invalid(f"{name} needs confirm=true.", param=name)
    if tokens and not tokens[0].startswith(("pm_card", "ctoken_", "pm_test")):
        raise invalid(f"No such PaymentMethod: '{tokens[0]}'", code="resource_missing", param="payment_method")
    allowed = params.get("allowed_payment_method_types", ["card"])
    kind = given or (PRESENTED if allowed == [PRESENTED] and not params.get("confirm") else "card")
    if kind not in params.get("allowed_payment_method_types", [kind]):
        raise invalid(f"{kind} is not among the allowed types.", param="payment_method")
    if params.get("confirm") and kind in REDIRECTS and "return_url" not in params:
        raise invalid("return_url is required for methods that redirect.", param="return_url")
    return str(kind)


def declined(params: Params) -> tuple[str, str] | None:
    """Code and message where the issuer refuses, by token or by the ending of the amount."""
    code = DECLINED_TOKENS.get(params.get("payment_method", ""))
    if code is not None:
        return code, "Your card was declined."
    return DECLINES.get(ending(params["amount"]))


def needs_customer(params: Params) -> bool:
    """Whether the customer has to do something first."""
    asks = params.get("payment_method") in ASKING_TOKENS or ending(params["amount"]) is Ending.REDIRECT
    if asks and params.get("error_on_requires_action"):
        raise card_error("authentication_required", "This payment required an authentication action.")
    return asks
