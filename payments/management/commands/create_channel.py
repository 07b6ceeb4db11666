"""Open a channel: `manage.py create_channel --merchant M --kind online|in_store|remote --name N [--orders …]`."""

from typing import Any

from django.core.management.base import CommandParser

from payments.management.answering import AnsweringCommand, merchant_of
from payments.services.create_setup import create_channel


class Command(AnsweringCommand):
    help = "Open a webshop or a store of a merchant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", required=True, help="mer_…")
        parser.add_argument("--kind", required=True, help="online, in_store or remote")
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--orders", metavar="NAMESPACE", help="share order references with channels that say the same"
        )

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        channel = create_channel(
            merchant=merchant_of(options),
            kind=options["kind"],
            name=options["name"],
            namespace=options["orders"],
            actor=self.ACTOR,
        )
        return {"id": channel.id}
