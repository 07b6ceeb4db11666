"""What is wrong with a connector as somebody would have it: every fault at once."""

from collections.abc import Iterator, Mapping
from typing import Final

from payments.core.errors import Fault, ValidationFailed
from payments.core.pan import has_card_number
from payments.services import setup_faults
from reconciliation import registry
from reconciliation.connectors.base import INVOICES, LEAVE, PAY, Capabilities
from reconciliation.models import Connector

LONGEST_SETTING: Final = 100
LONGEST_SECRET: Final = 4000


def refuse(*, kind: str, name: str, settings: Mapping[str, str], credentials: Mapping[str, str], sends: str) -> None:
    """Raise what is wrong.

    Raises:
        ValidationFailed: each fault by its place.
    """
    known = registry.connectors()
    if kind not in known:
        raise ValidationFailed([Fault("kind", "invalid_choice", f"Use one of: {', '.join(known)}.")])
    able = known[kind].capabilities
    setup_faults.refuse(
        setup_faults.name_fault(name),
        setup_faults.choice_fault("sends", sends, _sendable(able)),
        *_setting_faults(able, settings),
        *_invoice_faults(settings, sends),
        *_credential_faults(able, credentials),
    )


def whole(kind: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Settings with what was left out, where that has a default."""
    able = registry.connectors()[kind].capabilities
    defaults = {one.name: one.default for one in able.settings if one.default}
    return {**defaults, **{name: value.strip() for name, value in settings.items() if value.strip()}}


def _sendable(able: Capabilities) -> list[str]:
    return [one for one in Connector.Sends.values if able.statements or one != Connector.Sends.STATEMENTS]


def _setting_faults(able: Capabilities, settings: Mapping[str, str]) -> Iterator[Fault]:
    known = {one.name: one for one in able.settings}
    yield from _unknown("settings", settings, list(known))
    for name, one in known.items():
        value = settings.get(name, "").strip()
        if one.required and not value:
            yield Fault(f"settings.{name}", "required", "This package needs it.")
        elif value and one.choices and value not in one.choices:
            yield Fault(f"settings.{name}", "invalid_choice", f"Use one of: {', '.join(one.choices)}.")
        elif len(value) > LONGEST_SETTING or "\0" in value:
            yield Fault(f"settings.{name}", "too_long", f"Use at most {LONGEST_SETTING} characters.")
        elif has_card_number(value):
            yield Fault(f"settings.{name}", "card_number_refused", "This holds a card number. Never send one.")


def _invoice_faults(settings: Mapping[str, str], sends: str) -> Iterator[Fault]:
    if sends == Connector.Sends.STATEMENTS and settings.get(INVOICES.name, "").strip() == PAY:
        detail = f"Statements name the invoices themselves. Use {LEAVE}, or send journals."
        yield Fault(f"settings.{INVOICES.name}", "invalid_choice", detail)


def _credential_faults(able: Capabilities, credentials: Mapping[str, str]) -> Iterator[Fault]:
    known = {one.name: one for one in able.credentials}
    yield from _unknown("credentials", credentials, list(known))
    for name, one in known.items():
        value = credentials.get(name, "")
        if one.required and not value:
            yield Fault(f"credentials.{name}", "required", "This package needs it.")
        elif len(value) > LONGEST_SECRET or not value.isprintable() or not value.isascii():
            yield Fault(
                f"credentials.{name}", "invalid_format", "Use visible ASCII characters, as the package gave it."
            )
    # Of a package that takes either, one whole set is needed.
    given = {name for name, value in credentials.items() if value}
    either = {"token"} & known.keys()
    if either and not (given >= {"token"} or given >= {"client_id", "client_secret"}):
        detail = "Send a token, or client_id and client_secret of an application that people sign in with."
        yield Fault("credentials.token", "required", detail)


def _unknown(place: str, given: Mapping[str, str], known: list[str]) -> Iterator[Fault]:
    for name in sorted(set(given) - set(known)):
        shown = "[redacted]" if has_card_number(name) else name[:40]
        takes = ", ".join(known) or "none"
        yield Fault(f"{place}.{shown}", "unknown_field", f"This package knows no such thing. It takes: {takes}.")
