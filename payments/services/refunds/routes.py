"""By which route a part of a refund travels: what each route needs, and which one `auto` takes.

`auto` gives back the way the money came where that needs no card: by the provider, on the same voucher, out of the
till. Else the card at a terminal that is named (or the channel's only one that can be driven), else a bank account that
is given or known, else what the merchant's `refund_fallback` says. Where nothing is left it refuses and names the
choices (`route_required`): store credit is never chosen silently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypedDict

from payments.core.errors import Invalid
from payments.models import Channel, Merchant, Payment
from payments.models.payment import Method
from payments.models.refund import Route
from payments.providers import registry
from payments.services.voucher import is_usable
from payments.text.formatting import amount as written

AUTO: Final = "auto"
# Routes that only lack a name, the code that says so, and what to send.
_TO_NAME: Final = (
    (Route.TERMINAL, "terminal_required", "terminal, where the customer presents the card"),
    (Route.BANK, "bank_account_required", "bank_account, with the customer's IBAN and name"),
)


class Reason(TypedDict):
    """Why a route was not possible."""

    route: str
    code: str
    detail: str


class RouteChoice(TypedDict):
    """Whether a route could be requested, and if not why."""

    route: str
    possible: bool
    code: str | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What decides whether a route is possible, beside the payment. `channel` is where the goods came back."""

    channel: Channel
    terminal_id: str | None
    has_bank_account: bool
    now: datetime
    original_only: str | None = None  # the name of a rule by which money goes back only the way it came
    refunds_before: Mapping[str, int] = field(default_factory=dict)  # by payment: how often its provider gave back
    in_till: int | None = None  # what the till of the channel holds, where that is known; in minor units
    from_till: int = 0  # what the refund takes out of it by the requested route,
    all_from_till: int = 0  # and what it would, were all of it given in cash


def choose(
    requested: str, payment: Payment, circumstances: Circumstances, *, amount: int | None = None
) -> tuple[str, tuple[Reason, ...]] | None:
    """Return the route that a payment's part takes and why better ones were not possible; None where none is left.

    Raises:
        Invalid: `route_not_possible`, `bank_account_required` or `till_too_low`, of a route that was requested by name.
    """
    if requested != AUTO:
        found = obstacle(requested, payment, circumstances, amount=amount)
        if found is not None:
            raise _impossible(found, payment, circumstances)
        # "original" of cash is the till, so that it is stored under the route that it takes.
        return _way_back(payment) if requested == Route.ORIGINAL else requested, ()
    reasons: list[Reason] = []
    for route in _preferences(payment):
        found = obstacle(route, payment, circumstances, amount=amount)
        if found is None:
            return route, tuple(reasons)
        reasons.append(found)
    return None


def route_required(payments: Sequence[Payment], circumstances: Circumstances) -> Invalid:
    """The refusal of `auto`: what could be requested by name, for all of these payments together."""
    routes = choices(payments, circumstances)
    possible = [choice["route"] for choice in routes if choice["possible"]]
    # What only lacks a name that the request may give comes first: nobody is pushed into store credit.
    ways = [way for route, code, way in _TO_NAME if _any_lacks(payments, route, code, circumstances)]
    ways += [f"route: {', '.join(possible)}"] if possible else []
    ask = f"Ask the customer, then send one of: {'; '.join(ways)}." if ways else "See routes for why."
    alone = any(choose(AUTO, payment, circumstances) is not None for payment in payments)
    rest = " To give back only what goes by itself, send its payment, or an allocation." if alone else ""
    detail = f"Not all of this goes back by itself. {ask}{rest}"
    return Invalid("route_required", detail, param="route", routes=routes)


def choices(payments: Sequence[Payment], circumstances: Circumstances) -> list[RouteChoice]:
    """Each route with whether all of these payments could go back by it."""
    return [_choice(route, payments, circumstances) for route in Route.values]


def _any_lacks(payments: Sequence[Payment], route: str, code: str, circumstances: Circumstances) -> bool:
    found = (obstacle(route, payment, circumstances) for payment in payments)
    return any(reason is not None and reason["code"] == code for reason in found)


def obstacle(route: str, payment: Payment, circumstances: Circumstances, *, amount: int | None = None) -> Reason | None:
    """What stands in the way of this route, in words that say what to do; `amount` None: whatever amount it is."""
    # What a channel allows is about what really happens there, whatever it was called.
    travels = _way_back(payment) if route == Route.ORIGINAL else route
    allowed = circumstances.channel.refund_routes
    if allowed is not None and travels not in allowed:
        code, name = "route_not_allowed", circumstances.channel.name
        return Reason(route=route, code=code, detail=f"{name} gives back by these routes only: {', '.join(allowed)}.")
    rule = circumstances.original_only
    if rule is not None and travels != _way_back(payment):
        detail = f"“{rule}” allows only the way the money came. Ask a colleague without this rule."
        return Reason(route=str(route), code="rule_original_only", detail=detail)
    found = _obstacle(travels, payment, circumstances)
    if found is None and travels == Route.ORIGINAL and amount is not None:
        found = _amount_obstacle(payment, circumstances, amount)
    return Reason(route=str(route), code=found[0], detail=found[1]) if found else None


def _choice(route: str, payments: Sequence[Payment], circumstances: Circumstances) -> RouteChoice:
    if route == Route.CASH:
        circumstances = replace(circumstances, from_till=circumstances.all_from_till)
    found = next(filter(None, (obstacle(route, payment, circumstances) for payment in payments)), None)
    if found is None:
        return RouteChoice(route=route, possible=True, code=None, detail=None)
    return RouteChoice(route=route, possible=False, code=found["code"], detail=found["detail"])


def _preferences(payment: Payment) -> list[str]:
    """What `auto` tries, the best first; a terminal only gives back on cards."""
    on_the_card = [Route.TERMINAL] if payment.method == Method.CARD else []
    by_voucher = [Route.VOUCHER] if payment.merchant.refund_fallback == Merchant.RefundFallback.VOUCHER else []
    return [_way_back(payment), *on_the_card, Route.BANK, *by_voucher]


def goes_in_cash(payment: Payment) -> bool:
    """Whether it goes back out of a till unless something else is wanted."""
    return payment.method == Method.CASH


def _way_back(payment: Payment) -> str:
    """The way the money came; what was paid in cash goes back out of a till."""
    return Route.CASH if goes_in_cash(payment) else Route.ORIGINAL


def _obstacle(route: str, payment: Payment, circumstances: Circumstances) -> tuple[str, str] | None:
    if route == Route.ORIGINAL:
        return _provider_obstacle(payment, circumstances.now)
    if route == Route.TERMINAL:
        return _terminal_obstacle(payment, circumstances.terminal_id)
    if route == Route.BANK and not circumstances.has_bank_account:
        return ("bank_account_required", "Give bank_account with the customer's IBAN and name.")
    if route == Route.CASH:
        return _cash_obstacle(payment, circumstances)
    return None


def _provider_obstacle(payment: Payment, now: datetime) -> tuple[str, str] | None:
    """What keeps the sale's provider (or the voucher it was paid with) from giving it back without the card."""
    account = payment.provider_account
    capabilities = registry.provider(account.provider).capabilities
    window = capabilities.refund_window
    if payment.method not in capabilities.refund_methods:
        return _without_card(payment)
    if not account.active:
        return ("provider_account_inactive", f"The provider account {account.name} is no longer active.")
    # Taken at a terminal under an online provider's account: without a name there it cannot be asked to give back, and
    # with one only where it needs no card for it.
    at_a_terminal = payment.terminal_id is not None and not capabilities.refunds_terminal_sales
    if not capabilities.instant and (payment.provider_reference is None or at_a_terminal):
        return _without_card(payment)
    # Known before the call, so that another route is taken instead of a refusal an hour later.
    if window is not None and now - payment.occurred_at > window:
        return ("refund_window_passed", f"The provider gives back for {window.days} days after the sale only.")
    if payment.voucher is not None and not is_usable(payment.voucher, now):
        return ("voucher_expired", "The voucher it was paid with has expired.")
    return None


def _amount_obstacle(payment: Payment, circumstances: Circumstances, amount: int) -> tuple[str, str] | None:
    """What its provider cannot do with this much: less than all, once more, or so little."""
    capabilities = registry.provider(payment.provider_account.provider).capabilities
    least = capabilities.least_refund.get(payment.currency, 0)
    if not capabilities.partial_refund and amount < payment.amount_captured:
        return ("partial_refund_not_possible", "The provider gives back this payment only as a whole.")
    most = capabilities.most_refunds
    if most is not None and circumstances.refunds_before.get(payment.id, 0) >= most:
        return ("refunds_used_up", f"The provider gives back {most} times of one payment, and did so already.")
    if amount < least:
        return ("refund_too_small", f"The provider gives back {written(least, payment.currency)} at least.")
    return None


def _without_card(payment: Payment) -> tuple[str, str]:
    if payment.method == Method.CARD:
        return (
            "card_required",
            "This card was read at a terminal, and only a terminal can give back on it: use route terminal and name "
            "the terminal.",
        )
    return ("provider_cannot_refund", "This payment's provider cannot give it back by itself.")


def _terminal_obstacle(payment: Payment, terminal_id: str | None) -> tuple[str, str] | None:
    """Of several terminals none is chosen by itself: which of them the customer stands at, only the counter knows."""
    if payment.method != Method.CARD:
        return ("not_paid_by_card", "A terminal gives back on cards only.")
    if terminal_id is None:
        return ("terminal_required", "Name the terminal at which the customer presents the card.")
    return None


def _cash_obstacle(payment: Payment, circumstances: Circumstances) -> tuple[str, str] | None:
    """Cash is handed over at a counter, in a store or where a remote channel took it, out of a till that holds it."""
    channel, held = circumstances.channel, circumstances.in_till
    taken_here = payment.method == Method.CASH and payment.channel_id == channel.id
    if channel.kind != Channel.Kind.IN_STORE and not (channel.kind == Channel.Kind.REMOTE and taken_here):
        return ("no_till", f"{channel.name} has no till to pay from; use a store as channel.")
    if held is not None and circumstances.from_till > held:
        return ("till_too_low", too_low(channel, held, circumstances.from_till, payment.currency))
    return None


def too_low(channel: Channel, held: int, needed: int, currency: str) -> str:
    """Tell that a till does not hold what is to be given back out of it."""
    return (
        f"The till of {channel.name} holds {written(held, currency)} by the books, and this takes "
        f"{written(needed, currency)}. Count the till, or give back in another way."
    )


def _impossible(found: Reason, payment: Payment, circumstances: Circumstances) -> Invalid:
    if found["code"] == "bank_account_required":
        return Invalid("bank_account_required", found["detail"], param="bank_account")
    if found["code"] == "till_too_low":
        held = {"balance": circumstances.in_till, "currency": payment.currency}
        return Invalid("till_too_low", found["detail"], param="route", **held)
    return Invalid("route_not_possible", found["detail"], param="route", payment=payment.id, reasons=[dict(found)])
