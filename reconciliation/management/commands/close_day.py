"""Close a channel's day: `manage.py close_day YYYY-MM-DD --channel C [--json]`."""

from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from payments.core.errors import wrong
from payments.models import Channel
from reconciliation.closing import Scope
from reconciliation.management.closing import ClosingCommand
from reconciliation.services.periods import day_of


class Command(ClosingCommand):
    help = "Close a channel's business day, if everything is in order; else say what is not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("day", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--channel", required=True, help="whose day it is: chn_…")

    def scope(self, options: dict[str, Any]) -> Scope:
        channel = Channel.objects.select_related("merchant").filter(id=options["channel"]).first()
        if channel is None:
            raise wrong("channel", "not_found", "There is no such channel.")
        return day_of(channel, options["day"])
