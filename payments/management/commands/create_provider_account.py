"""Add a contract: `manage.py create_provider_account --merchant M --provider P --name N [--currency EUR] …`."""

import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from payments.core.errors import wrong
from payments.management.answering import AnsweringCommand, merchant_of
from payments.services.create_setup import create_provider_account


class Command(AnsweringCommand):
    help = "Add a merchant's contract with a provider or acquirer."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", required=True, help="mer_…")
        parser.add_argument("--provider", required=True, help="one of settings.PROVIDERS")
        parser.add_argument("--name", required=True)
        parser.add_argument("--currency", help="what it settles in; by default the merchant's")
        parser.add_argument("--external-id", default="", help="the account or MID at the provider")
        parser.add_argument("--bank-iban", default="", help="where it pays out to")
        parser.add_argument(
            "--credentials",
            action="store_true",
            help="read a JSON object of secrets from standard input, where no other program sees them",
        )

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        merchant = merchant_of(options)
        account = create_provider_account(
            merchant=merchant,
            provider=options["provider"],
            name=options["name"],
            currency=options["currency"] or merchant.currency,
            external_id=options["external_id"],
            bank_iban=options["bank_iban"],
            credentials=_secrets() if options["credentials"] else None,
            actor=self.ACTOR,
        )
        return {"id": account.id}


def _secrets() -> dict[str, str]:
    try:
        secrets = json.load(sys.stdin)
    except ValueError:
        secrets = None
    if not isinstance(secrets, dict) or not all(isinstance(value, str) for value in secrets.values()):
        raise wrong("credentials", "invalid_type", "Give the credentials as a JSON object of strings.")
    return secrets
