"""Create a terminal: where it stands, whose contract it uses, and the code it pairs with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Invalid
from payments.models import Channel, Merchant, ProviderAccount
from payments.people.permissions import May
from payments.people.services import authority
from payments.providers import registry as providers
from payments.services.counter import check_counter
from payments.services.default_account import reporting_accounts
from payments.services.idempotency import IdempotencyGuard
from terminals import codes
from terminals.models import Terminal
from terminals.providers import registry
from terminals.providers.registry import OWN


@dataclass(frozen=True, slots=True)
class NewTerminal:
    """A terminal with the code it can be paired with, shown this once."""

    terminal: Terminal
    pairing_code: str  # empty where its maker drives it: no device pairs


def create(
    *,
    channel: Channel,
    label: str,
    provider_account: ProviderAccount | None = None,
    serial_number: str | None = None,
    model: str | None = None,
    merchant_ids: Sequence[Mapping[str, Any]] = (),
    driver: str = OWN,
    device_id: str | None = None,
    actor: str,
    guard: IdempotencyGuard | None = None,
) -> NewTerminal:
    """Create a terminal: unpaired, with a fresh pairing code; or driven by its maker, who knows it as `device_id`.

    Raises:
        Invalid: `channel_kind` (nobody stands in a webshop); or no provider account is named, and the merchant has
            none that devices report to; or another's is, or none of the driver's maker; or the driver is for test
            merchants alone.
        Forbidden: `permission_missing`, the actor manages no terminals in this channel.
    """
    check_counter(channel, what="A terminal")
    merchant = channel.merchant
    # Here and not in the views alone: every caller of the service is checked, also a command or a task.
    require_manager(actor, merchant.id, channel.id, "terminal.created")
    if provider_account is not None and provider_account.merchant_id != merchant.id:
        raise Invalid("not_found", "The merchant has no such provider account.", param="provider_account")
    if registry.driver(driver).test_only and not merchant.test_mode:
        raise Invalid("provider_test_only", "A live merchant cannot use the simulator.", param="driver")
    account = provider_account or _default_account(merchant, driver)
    _check_maker(driver, account)
    terminal = Terminal(
        merchant=merchant,
        channel=channel,
        provider_account=account,
        label=label,
        serial_number=serial_number,
        model=model,
        merchant_ids=list(merchant_ids),
        driver=driver,
        device_id=device_id,
    )
    code = _hand_over(terminal, timezone.now())
    with transaction.atomic():
        if guard is not None:
            guard.begin(terminal.id)
        terminal.save(force_insert=True)
        audit_log.write(actor=actor, action="terminal.created", subject=terminal, merchant_id=merchant.id)
    return NewTerminal(terminal, code)


def _hand_over(terminal: Terminal, now: datetime) -> str:
    """Give it to whoever drives it: to a device by a pairing code, to its maker at once."""
    if not registry.driver(terminal.driver).asks:
        return offer_code(terminal, now)
    terminal.status = Terminal.Status.ACTIVE
    # Nobody ever signs with it: what the maker says is asked for, not posted.
    terminal.secret = codes.new_secret()
    terminal.series, terminal.paired_at, terminal.polled_at = 1, now, now
    return ""


def require_manager(actor: str, merchant_id: str, channel_id: str, action: str) -> None:
    """Refuse actors who do not manage the terminals of this channel.

    Raises:
        Forbidden: `permission_missing`.
    """
    authority.require(
        actor=actor, what=May.MANAGE_TERMINALS, merchant_id=merchant_id, channel_id=channel_id, action=action
    )


def offer_code(terminal: Terminal, now: datetime) -> str:
    """Give an unpaired terminal a new code, in place of any before it; the caller saves."""
    code = codes.new_code()
    # Only a hash: who reads the table cannot pair a device of their own.
    terminal.pairing_code_hash = codes.hash_of(code)
    terminal.pairing_expires_at = now + codes.LIVES
    return code


def _check_maker(driver: str, account: ProviderAccount) -> None:
    """Refuse a terminal of a provider's under an account that this provider cannot sign in with.

    Raises:
        Invalid: `provider_account_required`.
    """
    if _is_a_providers(driver) and account.provider != driver:
        detail = f"A terminal with the driver {driver} needs a provider account of {driver}. Name one."
        raise Invalid("provider_account_required", detail, param="provider_account")


def _is_a_providers(driver: str) -> bool:
    return driver in settings.PROVIDERS and providers.provider(driver).capabilities.drives_terminals


def _default_account(merchant: Merchant, driver: str) -> ProviderAccount:
    if _is_a_providers(driver):
        # Of several none is chosen: whose contract a device has, only its merchant knows.
        own = list(merchant.provider_accounts.filter(provider=driver, active=True)[:2])
        account = own[0] if len(own) == 1 else None
    else:
        account = reporting_accounts(merchant).filter(active=True).first()
    if account is None:
        raise Invalid(
            "provider_account_required",
            "Name the provider account of the terminal's PIN contract; make one with POST /v1/provider_accounts.",
            param="provider_account",
        )
    return account
