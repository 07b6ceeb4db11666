"""Take on a merchant: `manage.py create_merchant --name N [--mode test|live] [--country NL] [--currency EUR] …`."""

from typing import Any

from django.core.management.base import CommandParser

from payments.management.answering import AnsweringCommand
from payments.services.create_setup import create_merchant


class Command(AnsweringCommand):
    help = "Take on a merchant. One in test mode gets the accounts it can try everything with."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--mode", default="test", help="test (the default) or live")
        parser.add_argument("--country", default="NL", help="two capital letters")
        parser.add_argument("--currency", default="EUR", help="ISO 4217")
        parser.add_argument("--iban", default="", help="the merchant's own bank account")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        merchant = create_merchant(
            name=options["name"],
            mode=options["mode"],
            country=options["country"],
            currency=options["currency"],
            iban=options["iban"],
            actor=self.ACTOR,
        )
        return {"id": merchant.id}
