"""The providers this installation knows, loaded by the dotted paths in settings.PROVIDERS."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from payments.core.errors import Fault, ValidationFailed
from payments.providers.base import Provider


def provider(code: str) -> Provider:
    """Return the provider of this code, one instance a process.

    Raises:
        ValidationFailed: no such provider is registered.
    """
    try:
        path = settings.PROVIDERS[code]
    except KeyError:
        detail = f"There is no such provider. Use one of: {', '.join(sorted(settings.PROVIDERS))}."
        raise ValidationFailed([Fault("provider", "provider_unknown", detail)]) from None
    return _load(path)


def providers() -> dict[str, Provider]:
    """Return every registered provider by its code."""
    return {code: _load(path) for code, path in settings.PROVIDERS.items()}


@cache
def _load(path: str) -> Provider:
    # Cached by path, not by code: tests that put another path behind a code get another provider.
    instance: Provider = import_string(path)()
    return instance
