"""Provider accounts: contracts with whoever moves the money."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.settings import api_settings

from payments import rates, shapes
from payments.api.fields import OPTIONAL, Currency, StrictField, Text
from payments.api.idempotency import Answer
from payments.api.inputs import Input
from payments.api.openapi import described
from payments.api.schemas import (
    ADDRESS,
    ANY_OBJECT,
    CURRENCY,
    FLAG,
    INSTANT,
    TEXT,
    define,
    identifier,
    many,
    maybe,
    record,
    word,
)
from payments.api.views import ApiView
from payments.models import ProviderAccount
from payments.services import onboard
from payments.services.intent import Intent
from payments.services.submit import webhook_url

PROVIDER_ACCOUNT = define(
    "ProviderAccount",
    record(
        id=identifier("pac"),
        object=word("provider_account"),
        provider=TEXT,
        name=TEXT,
        currency=CURRENCY,
        external_id=maybe(TEXT),
        bank_iban=maybe(TEXT),
        fee_rates=many(ANY_OBJECT),
        webhook_url=ADDRESS,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


class Secrets(StrictField):
    """What a provider gave for signing in; kept encrypted, never shown."""

    schema = {"type": "object", "maxProperties": 20, "additionalProperties": {"type": "string", "maxLength": 4000}}
    default_error_messages = {"invalid_type": "Send an object of at most 20 strings."}

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict) or len(data) > 20 or not all(_is_secret(value) for value in data.values()):
            self.fail("invalid_type")
        return data


class FeeRates(StrictField):
    """What a provider takes, per method or brand, as reconciliation reads it."""

    schema = {
        "type": "array",
        "maxItems": rates.MOST,
        "items": {
            "type": "object",
            "properties": {
                **{name: {"type": "string", "minLength": 1, "maxLength": rates.LONGEST_WORD} for name in rates.WORDS},
                **{
                    name: {"type": "integer", "minimum": -most, "maximum": most} for name, most in rates.NUMBERS.items()
                },
            },
            "additionalProperties": False,
        },
    }

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        found = rates.faults(data, param="")
        if found:
            raise serializers.ValidationError(
                {
                    fault.param or api_settings.NON_FIELD_ERRORS_KEY: [ErrorDetail(fault.detail, fault.code)]
                    for fault in found
                }
            )
        return list(data)


class ProviderAccountInput(Input):
    """A contract with a provider."""

    provider = Text(longest=40)
    name = Text(longest=200)
    currency = Currency()
    external_id = Text(longest=100, **OPTIONAL)
    bank_iban = Text(longest=42, **OPTIONAL)
    credentials = Secrets(**OPTIONAL)
    fee_rates = FeeRates(**OPTIONAL)


class ProviderAccounts(ApiView):
    """Where provider accounts are made."""

    scopes: ClassVar[dict[str, str]] = {"POST": "accounts:write"}

    @described(
        "create_provider_account",
        "Add a provider account",
        {201: PROVIDER_ACCOUNT},
        body=ProviderAccountInput,
        tag="Provider accounts",
    )
    def post(self, request: Request) -> HttpResponse:
        return self.once(self._create, self._resume)

    def _create(self, intent: Intent) -> Answer:
        given = self.input(ProviderAccountInput)
        account = onboard.create_provider_account(
            merchant=self.merchant, actor=self.caller.actor, intent=intent, **given
        )
        return Answer(201, _account(account))

    def _resume(self, object_id: str) -> Answer:
        rows = ProviderAccount.objects.select_related("merchant")
        return Answer(201, _account(self.one(self.own(rows, channel=None), id=object_id)))


def _account(row: ProviderAccount) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": row.OBJECT,
        "provider": row.provider,
        "name": row.name,
        "currency": row.currency,
        "external_id": row.external_id or None,
        "bank_iban": row.bank_iban or None,
        "fee_rates": row.fee_rates,
        "webhook_url": webhook_url(row),
        "created_at": shapes.instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def _is_secret(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 4000
