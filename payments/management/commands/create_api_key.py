"""Make an API key: `manage.py create_api_key --merchant M [--channel C] [--scopes a,b|all] [--label L]`."""

from typing import Any

from django.core.management.base import CommandParser

from payments.core.errors import wrong
from payments.management.answering import AnsweringCommand, merchant_of
from payments.models import Channel, Merchant
from payments.people.services import api_keys


class Command(AnsweringCommand):
    help = "Make an API key of a merchant. The key itself is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", required=True, help="mer_…")
        parser.add_argument(
            "--channel",
            help="chn_…: the key acts for this channel only, though it reads and refunds any order of the merchant",
        )
        parser.add_argument("--scopes", default="all", help="with commas between, or all (the default)")
        parser.add_argument("--label", default="")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        merchant = merchant_of(options)
        made = api_keys.create(
            merchant_id=merchant.id,
            test_mode=merchant.test_mode,
            scopes=[scope.strip() for scope in options["scopes"].split(",")],
            channel_id=_channel_id(merchant, options["channel"]),
            label=options["label"],
            actor=self.ACTOR,
        )
        return {"id": made.key.id, "key": made.text}


def _channel_id(merchant: Merchant, channel_id: str | None) -> str | None:
    if channel_id is not None and not Channel.objects.filter(id=channel_id, merchant=merchant).exists():
        raise wrong("channel", "not_found", "This merchant has no such channel.")
    return channel_id
