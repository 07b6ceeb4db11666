"""Take on a merchant, a channel of it, a provider account of it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.db import transaction

from payments import audit_log
from payments.core.errors import Fault, Forbidden, Invalid, ValidationFailed
from payments.core.fee_rates import faults as fee_rate_faults
from payments.core.iban import compact
from payments.core.money import EXPONENTS
from payments.core.pan import has_card_number
from payments.models import Channel, Merchant, ProviderAccount
from payments.models.refund import Route
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.services import gate, second_factors
from payments.providers import registry
from payments.services.idempotency import IdempotencyGuard

# What a test merchant starts with, so that its first payment needs no set-up.
TEST_ACCOUNTS: Final = ("simulator", "recorded", "external")
# What every merchant has: tills, vouchers and bank transfers of refunds are our own books, and nobody's contract.
OWN_BOOKS: Final = ("recorded",)
# Cash is rounded to this many minor units where small coins are not given out.
CASH_ROUNDING: Final[dict[tuple[str, str], int]] = {
    ("NL", "EUR"): 5,
    ("BE", "EUR"): 5,
    ("FI", "EUR"): 5,
    ("IE", "EUR"): 5,
    ("IT", "EUR"): 5,
    ("SK", "EUR"): 5,
    ("CH", "CHF"): 5,
}
TIME_ZONES: Final[dict[str, str]] = {
    "BE": "Europe/Brussels",
    "CH": "Europe/Zurich",
    "DE": "Europe/Berlin",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "IT": "Europe/Rome",
    "LU": "Europe/Luxembourg",
    "NL": "Europe/Amsterdam",
    "SK": "Europe/Bratislava",
}
LONGEST_NAME: Final = 200
LONGEST_NAMESPACE: Final = 64
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")


def create_merchant(
    *, name: str, mode: str = "test", country: str = "NL", currency: str = "EUR", iban: str = "", actor: str
) -> Merchant:
    """Take on a merchant; one in test mode gets the accounts it can try everything with.

    Raises:
        ValidationFailed: each fault by the name of its argument.
    """
    _refuse(
        _name_fault(name),
        _fault(mode not in Merchant.Mode.values, "mode", "invalid_choice", "Use test or live."),
        _fault(
            not (len(country) == 2 and country.isascii() and country.isupper()),
            "country",
            "country_unknown",
            "Use a country's two capital letters, as NL.",
        ),
        _currency_fault(currency),
        _iban_fault("iban", iban),
    )
    merchant = Merchant(
        name=name,
        mode=mode,
        country=country,
        currency=currency,
        iban=compact(iban) if iban else "",
        cash_rounding=CASH_ROUNDING.get((country, currency), 1),
        timezone=TIME_ZONES.get(country, TIME_ZONES["NL"]),
    )
    with transaction.atomic():
        merchant.save(force_insert=True)
        audit_log.write(actor=actor, action="merchant.created", subject=merchant, merchant_id=merchant.id)
        if not merchant.test_mode:
            second_factors.remove_demo(actor=actor)
        for provider in TEST_ACCOUNTS if merchant.test_mode else OWN_BOOKS:
            create_provider_account(
                merchant=merchant, provider=provider, name=provider.capitalize(), currency=currency, actor=actor
            )
    return merchant


def create_channel(
    *,
    merchant: Merchant,
    kind: str,
    name: str,
    namespace: str | None = None,
    numeric_references: bool = False,
    return_schemes: Sequence[str] = (),
    refund_routes: Sequence[str] | None = None,
    actor: Actor,
    guard: IdempotencyGuard | None = None,
) -> Channel:
    """Open a sales location. Its order references are its own, unless it names a namespace to share.

    `return_schemes` are those of the addresses of its apps (`com.example.shop`), to which a customer may return from
    a provider's page; `refund_routes` are those by which it gives money back (None: all).

    Raises:
        ValidationFailed: each fault by the name of its argument.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.CHANGE_SETTINGS, by=actor, merchant_id=merchant.id)
    _refuse(
        _name_fault(name),
        _kind_fault(kind),
        _namespace_fault(namespace),
        *_scheme_faults(return_schemes),
        *_route_faults(refund_routes),
    )
    channel = Channel(
        merchant=merchant,
        kind=kind,
        name=name,
        numeric_references=numeric_references,
        return_schemes=list(return_schemes),
        refund_routes=None if refund_routes is None else list(refund_routes),
    )
    channel.namespace = namespace or channel.id
    with transaction.atomic():
        if guard is not None:
            guard.begin(channel.id)
        channel.save(force_insert=True)
        audit_log.write(actor=name_of(actor), action="channel.created", subject=channel, merchant_id=merchant.id)
    return channel


def create_provider_account(
    *,
    merchant: Merchant,
    provider: str,
    name: str,
    currency: str,
    external_id: str = "",
    bank_iban: str = "",
    credentials: Mapping[str, str] | None = None,
    fee_rates: Sequence[Mapping[str, Any]] = (),
    actor: Actor,
    guard: IdempotencyGuard | None = None,
) -> ProviderAccount:
    """Write down a contract with a provider. The first one of a provider is used when none is named.

    Raises:
        Invalid: `provider_test_only`.
        ValidationFailed: a provider, name, currency, IBAN, credential or fee rate that is none.
        Forbidden: as `gate.check`; `second_person_required`, where `request_provider_account` has to ask for one.
    """
    account = new_account(
        merchant=merchant,
        provider=provider,
        name=name,
        currency=currency,
        external_id=external_id,
        bank_iban=bank_iban,
        credentials=credentials,
        fee_rates=fee_rates,
        actor=actor,
    )
    if gate.waits(Action.ADD_PROVIDER_ACCOUNT, by=actor, merchant=merchant):
        raise Forbidden("second_person_required", "A second person has to agree to this. Ask for one.")
    return save_account(account, actor=name_of(actor), guard=guard)


def new_account(
    *,
    merchant: Merchant,
    provider: str,
    name: str,
    currency: str,
    external_id: str,
    bank_iban: str,
    credentials: Mapping[str, str] | None,
    fee_rates: Sequence[Mapping[str, Any]],
    actor: Actor,
) -> ProviderAccount:
    """A contract as it would be written down: checked, and not saved yet. Raises as `create_provider_account`."""
    gate.check(Action.ADD_PROVIDER_ACCOUNT, by=actor, merchant_id=merchant.id)
    translator = registry.provider(provider)
    if translator.capabilities.test_only and not merchant.test_mode:
        raise Invalid("provider_test_only", "A live merchant cannot use it: it moves no money.", param="provider")
    _refuse(
        _name_fault(name),
        _currency_fault(currency),
        _iban_fault("bank_iban", bank_iban),
        *_credential_faults(provider, credentials or {}),
        *fee_rate_faults(fee_rates),
    )
    return ProviderAccount(
        merchant=merchant,
        provider=provider,
        name=name,
        currency=currency,
        external_id=external_id,
        bank_iban=compact(bank_iban) if bank_iban else "",
        credentials=json.dumps({**translator.new_secrets(), **(credentials or {})}),
        fee_rates=list(fee_rates),
    )


def save_account(account: ProviderAccount, *, actor: str, guard: IdempotencyGuard | None = None) -> ProviderAccount:
    """Write down a contract that was checked."""
    with transaction.atomic():
        if guard is not None:
            guard.begin(account.id)
        # Two first accounts at once: one is the default.
        Merchant.objects.select_for_update().get(id=account.merchant_id)
        accounts = ProviderAccount.objects.filter(merchant_id=account.merchant_id, provider=account.provider)
        account.default = not accounts.filter(default=True).exists()
        account.save(force_insert=True)
        audit_log.write(
            actor=actor, action="provider_account.created", subject=account, merchant_id=account.merchant_id
        )
    return account


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Names and IBANs as they are stored, fee rates as they can be compared; the rest as it is, if it can be.

    Raises:
        ValidationFailed: one that is none.
    """
    ibans = {name: str(given[name]) for name in ("iban", "bank_iban") if name in given}
    _refuse(
        _name_fault(str(given["name"])) if "name" in given else None,
        _kind_fault(given["kind"]) if "kind" in given else None,
        _namespace_fault(given["namespace"]) if "namespace" in given else None,
        *_scheme_faults(given.get("return_schemes", ())),
        *(_iban_fault(name, iban) for name, iban in ibans.items()),
        *fee_rate_faults(given.get("fee_rates", ())),
        _choice_fault("refund_fallback", given.get("refund_fallback"), Merchant.RefundFallback.values),
        *_route_faults(given.get("refund_routes")),
    )
    return {**given, **{name: compact(iban) if iban else "" for name, iban in ibans.items()}}


def refuse_unknown_credentials(provider: str, names: Iterable[str]) -> None:
    """Refuse what a provider has no use for: a misspelled name would be kept, and never read.

    Raises:
        ValidationFailed: each by its place, as `credentials.secretkey`.
    """
    _refuse(*_credential_faults(provider, names))


def _refuse(*faults: Fault | None) -> None:
    found = [fault for fault in faults if fault is not None]
    if found:
        raise ValidationFailed(found)


def _fault(wrong: bool, param: str, code: str, detail: str) -> Fault | None:
    return Fault(param, code, detail) if wrong else None


def _choice_fault(param: str, value: Any, choices: Sequence[str]) -> Fault | None:
    wrong = value is not None and value not in choices
    return _fault(wrong, param, "invalid_choice", f"Use one of: {', '.join(choices)}.")


def _route_faults(routes: Any) -> list[Fault | None]:
    """Each route once and none that does not exist; None stands for every route."""
    if routes is None:
        return []
    if not isinstance(routes, list) or not routes or len(set(map(str, routes))) < len(routes):
        detail = "Send a list of routes, each once; null for every route."
        return [Fault("refund_routes", "invalid_choice", detail)]
    return [_choice_fault(f"refund_routes[{at}]", route, Route.values) for at, route in enumerate(routes)]


def _currency_fault(currency: str) -> Fault | None:
    return _fault(currency not in EXPONENTS, "currency", "currency_unknown", "Use an ISO 4217 code, as EUR.")


def _iban_fault(param: str, iban: str) -> Fault | None:
    if not iban:
        return None
    try:
        compact(iban)
    except ValueError as error:
        return Fault(param, "iban_invalid", str(error))
    return None


def _credential_faults(provider: str, names: Iterable[str]) -> Iterator[Fault]:
    able = registry.provider(provider).capabilities
    known = [one.name for one in able.credentials]
    for name in sorted(set(names).difference(known)) if not able.other_credentials else ():
        detail = f"{provider} knows no such credential. It takes: {', '.join(known) or 'none'}."
        shown = "[redacted]" if has_card_number(name) else name[:40]
        yield Fault(f"credentials.{shown}", "unknown_field", detail)


def _kind_fault(kind: str) -> Fault | None:
    return _fault(kind not in Channel.Kind.values, "kind", "invalid_choice", "Use online, in_store or remote.")


def _namespace_fault(namespace: str | None) -> Fault | None:
    wrong = namespace is not None and not 1 <= len(namespace) <= LONGEST_NAMESPACE
    return _fault(wrong, "orders", "too_long", f"A namespace has 1 to {LONGEST_NAMESPACE} characters.")


def _scheme_faults(schemes: Sequence[str]) -> Iterator[Fault]:
    """An app's own scheme is its reversed domain name (RFC 8252, 7.1): none that a browser acts upon has a dot."""
    for at, scheme in enumerate(schemes):
        if _SCHEME.fullmatch(scheme) is None:
            detail = "Send the scheme of an app's address, which has a dot in it, as com.example.shop."
            yield Fault(f"return_schemes[{at}]", "invalid_format", detail)


def _name_fault(name: str) -> Fault | None:
    if has_card_number(name):
        return Fault("name", "card_number_refused", "This holds a card number. Never send one.")
    wrong = not name.strip() or len(name) > LONGEST_NAME or "\0" in name
    return _fault(wrong, "name", "too_long", f"A name has 1 to {LONGEST_NAME} characters.")
