"""File formats, sources, kinds of exports and bookkeeping packages, loaded by the dotted paths in settings."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from payments.core.errors import Fault, ValidationFailed
from reconciliation.connectors.base import Connector
from reconciliation.exports.base import ExportKind
from reconciliation.formats.base import Format
from reconciliation.sources.base import Source


def formats() -> dict[str, Format]:
    """Every registered format by its code, in the order of settings."""
    return {one.code: one for one in map(_load, settings.SETTLEMENT_FORMATS)}


def named(code: str) -> Format:
    """The format of this code.

    Raises:
        ValidationFailed: no such format is registered.
    """
    known = formats()
    if code not in known:
        detail = f"There is no such format. Leave it out, or use one of: {', '.join(known)}."
        raise ValidationFailed([Fault("format", "format_unknown", detail)])
    return known[code]


def recognize(head: bytes, name: str) -> Format | None:
    """The format that claims a file by its first bytes, None if none does."""
    return next((one for one in formats().values() if one.identify(head, name)), None)


def sources() -> dict[str, Source]:
    """Every registered source by the code of its provider."""
    return {code: _load_source(path) for code, path in settings.SETTLEMENT_SOURCES.items()}


def connectors() -> dict[str, Connector]:
    """Every registered bookkeeping package by its code."""
    return {code: _load_connector(path) for code, path in settings.CONNECTORS.items()}


def export_kinds() -> dict[str, ExportKind]:
    """Every kind of export by its code, in the order of settings."""
    return {one.code: one for one in map(_load_export, settings.EXPORT_KINDS)}


@cache
def _load(path: str) -> Format:
    instance: Format = import_string(path)()
    return instance


@cache
def _load_source(path: str) -> Source:
    instance: Source = import_string(path)()
    return instance


@cache
def _load_connector(path: str) -> Connector:
    instance: Connector = import_string(path)()
    return instance


@cache
def _load_export(path: str) -> ExportKind:
    instance: ExportKind = import_string(path)()
    return instance
