"""Take on a merchant, a channel of it, a provider account of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction

from payments import audit_log
from payments.core.errors import Forbidden, Invalid
from payments.core.fee_rates import faults as fee_rate_faults
from payments.core.iban import compact
from payments.models import Channel, Merchant, ProviderAccount, Till
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.services import gate, second_factors
from payments.providers import registry
from payments.services import setup_faults
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


def create_merchant(
    *, name: str, mode: str = "test", country: str = "NL", currency: str = "EUR", iban: str = "", actor: str
) -> Merchant:
    """Take on a merchant; one in test mode gets the accounts it can try everything with.

    Raises:
        ValidationFailed: each fault by the name of its argument.
    """
    setup_faults.refuse(
        setup_faults.name_fault(name),
        setup_faults.fault(mode not in Merchant.Mode.values, "mode", "invalid_choice", "Use test or live."),
        setup_faults.fault(
            not (len(country) == 2 and country.isascii() and country.isupper()),
            "country",
            "country_unknown",
            "Use a country's two capital letters, as NL.",
        ),
        setup_faults.currency_fault(currency),
        setup_faults.iban_fault("iban", iban),
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
            # The demo's codes are printed by a command: beside real money nobody signs in with them.
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
    setup_faults.refuse(
        setup_faults.name_fault(name),
        setup_faults.kind_fault(kind),
        setup_faults.namespace_fault(namespace),
        *setup_faults.scheme_faults(return_schemes),
        *setup_faults.route_faults(refund_routes),
    )
    channel = Channel(
        merchant=merchant,
        kind=kind,
        name=name,
        numeric_references=numeric_references,
        return_schemes=list(return_schemes),
        refund_routes=None if refund_routes is None else list(refund_routes),
    )
    # Its own id: nobody can share it by accident, and it never changes.
    channel.namespace = namespace or channel.id
    with transaction.atomic():
        if guard is not None:
            guard.begin(channel.id)
        channel.save(force_insert=True)
        if kind == Channel.Kind.IN_STORE:  # counted in the admin before anything is paid there
            Till.objects.create(merchant=merchant, channel=channel)
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
    setup_faults.refuse(
        setup_faults.name_fault(name),
        setup_faults.currency_fault(currency),
        setup_faults.iban_fault("bank_iban", bank_iban),
        *setup_faults.credential_faults(provider, credentials or {}),
        *fee_rate_faults(fee_rates),
    )
    return ProviderAccount(
        merchant=merchant,
        provider=provider,
        name=name,
        currency=currency,
        external_id=external_id,
        bank_iban=compact(bank_iban) if bank_iban else "",
        credentials=json.dumps({**translator.new_secrets(), **(credentials or {})}),  # given ones win over made-up ones
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
