"""Make up a year: `manage.py generate_year --merchant M --payments N [--seed S] [--no-settlements] [--json]`."""

import json
from typing import Any

from django.core.management.base import CommandParser

from config.sandbox.year.generate import generate
from config.sandbox.year.shop import prepare
from payments.core.errors import Invalid
from payments.management.answering import JsonCommand, merchant_of


class Command(JsonCommand):
    help = "Book a realistic year of a test merchant: sales of its channels, returns, and monthly settlements."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", required=True, help="mer_…, a test merchant")
        parser.add_argument("--payments", type=int, default=10_000, help="how many (10000)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same year (1)")
        parser.add_argument("--no-settlements", action="store_true", help="leave everything unsettled")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["payments"] < 1:
            raise Invalid("validation_failed", "Ask for at least one payment.", param="payments")
        counts = generate(
            prepare(merchant_of(options)),
            payments=options["payments"],
            seed=options["seed"],
            settled=not options["no_settlements"],
            say=self.stderr.write,
        )
        self.stdout.write(
            json.dumps(counts) if options["json"] else ", ".join(f"{counts[name]} {name}" for name in counts)
        )
