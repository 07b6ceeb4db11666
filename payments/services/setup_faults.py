"""What is wrong with a merchant, channel or provider account as somebody would have it: every fault at once."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from payments.core.errors import Fault, ValidationFailed
from payments.core.fee_rates import faults as fee_rate_faults
from payments.core.iban import compact
from payments.core.money import EXPONENTS
from payments.core.pan import has_card_number
from payments.models import Channel, Merchant
from payments.models.refund import Route
from payments.providers import registry

LONGEST_NAME: Final = 200  # the columns hold as much
LONGEST_NAMESPACE: Final = 64
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Names and IBANs as they are stored, fee rates as they can be compared; the rest as it is, if it can be.

    Raises:
        ValidationFailed: one that is none.
    """
    ibans = {name: str(given[name]) for name in ("iban", "bank_iban") if name in given}
    refuse(
        name_fault(str(given["name"])) if "name" in given else None,
        kind_fault(given["kind"]) if "kind" in given else None,
        namespace_fault(given["namespace"]) if "namespace" in given else None,
        *scheme_faults(given.get("return_schemes", ())),
        *(iban_fault(name, iban) for name, iban in ibans.items()),
        *fee_rate_faults(given.get("fee_rates", ())),
        fault(
            not 1 <= int(given.get("fiscal_year_start", 1)) <= 12,
            "fiscal_year_start",
            "out_of_range",
            "Send a month, from 1 to 12.",
        ),
        choice_fault("refund_fallback", given.get("refund_fallback"), Merchant.RefundFallback.values),
        *route_faults(given.get("refund_routes")),
    )
    return {**given, **{name: compact(iban) if iban else "" for name, iban in ibans.items()}}


def refuse_unknown_credentials(provider: str, names: Iterable[str]) -> None:
    """Refuse what a provider has no use for: a misspelled name would be kept, and never read.

    Raises:
        ValidationFailed: each by its place, as `credentials.secretkey`.
    """
    refuse(*credential_faults(provider, names))


def refuse(*faults: Fault | None) -> None:
    """Raise what was found, all of it at once; nothing where there is nothing."""
    found = [fault for fault in faults if fault is not None]
    if found:
        raise ValidationFailed(found)


def fault(wrong: bool, param: str, code: str, detail: str) -> Fault | None:
    """This fault, if it is one."""
    return Fault(param, code, detail) if wrong else None


def choice_fault(param: str, value: Any, choices: Sequence[str]) -> Fault | None:
    """A value that is none of these; None is left out, not wrong."""
    wrong = value is not None and value not in choices
    return fault(wrong, param, "invalid_choice", f"Use one of: {', '.join(choices)}.")


def route_faults(routes: Any) -> list[Fault | None]:
    """Each route once and none that does not exist; None stands for every route."""
    if routes is None:
        return []
    # Compared as texts: a list of anything may have been sent, also what cannot be hashed.
    if not isinstance(routes, list) or not routes or len(set(map(str, routes))) < len(routes):
        detail = "Send a list of routes, each once; null for every route."
        return [Fault("refund_routes", "invalid_choice", detail)]
    return [choice_fault(f"refund_routes[{at}]", route, Route.values) for at, route in enumerate(routes)]


def currency_fault(currency: str) -> Fault | None:
    """A currency that ISO 4217 does not know."""
    return fault(currency not in EXPONENTS, "currency", "currency_unknown", "Use an ISO 4217 code, as EUR.")


def iban_fault(param: str, iban: str) -> Fault | None:
    """An IBAN whose length or check digits are wrong; an empty one is none."""
    if not iban:
        return None
    try:
        compact(iban)
    except ValueError as error:
        return Fault(param, "iban_invalid", str(error))
    return None


def credential_faults(provider: str, names: Iterable[str]) -> Iterator[Fault]:
    """Credentials that this provider has no use for."""
    able = registry.provider(provider).capabilities
    known = [one.name for one in able.credentials]
    for name in sorted(set(names).difference(known)) if not able.other_credentials else ():
        detail = f"{provider} knows no such credential. It takes: {', '.join(known) or 'none'}."
        # The name is the caller's own text: it is echoed short, and never with a card number.
        shown = "[redacted]" if has_card_number(name) else name[:40]
        yield Fault(f"credentials.{shown}", "unknown_field", detail)


def kind_fault(kind: str) -> Fault | None:
    """A kind of sales location that does not exist."""
    return fault(kind not in Channel.Kind.values, "kind", "invalid_choice", "Use online, in_store or remote.")


def namespace_fault(namespace: str | None) -> Fault | None:
    """A namespace of order references that is too long, or empty."""
    wrong = namespace is not None and not 1 <= len(namespace) <= LONGEST_NAMESPACE
    return fault(wrong, "orders", "too_long", f"A namespace has 1 to {LONGEST_NAMESPACE} characters.")


def scheme_faults(schemes: Sequence[str]) -> Iterator[Fault]:
    """An app's own scheme is its reversed domain name (RFC 8252, 7.1): none that a browser acts upon has a dot."""
    for at, scheme in enumerate(schemes):
        if _SCHEME.fullmatch(scheme) is None:
            detail = "Send the scheme of an app's address, which has a dot in it, as com.example.shop."
            yield Fault(f"return_schemes[{at}]", "invalid_format", detail)


def name_fault(name: str) -> Fault | None:
    """A name that nobody could read, or that holds a card number."""
    if has_card_number(name):
        return Fault("name", "card_number_refused", "This holds a card number. Never send one.")
    wrong = not name.strip() or len(name) > LONGEST_NAME or "\0" in name
    return fault(wrong, "name", "too_long", f"A name has 1 to {LONGEST_NAME} characters.")
