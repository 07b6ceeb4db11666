"""A maker of terminals, for trying out: `manage.py terminal_simulator [--port N] [--state FILE]`."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.sandbox.terminal_maker import SILENCE_SECONDS, server


class Command(BaseCommand):
    help = "Be a maker of terminals that are driven over HTTP (the driver `simulator`)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.PORT + 3, help="default: PORT + 3")
        parser.add_argument("--state", type=Path, default=settings.ONETILL_HOME / "terminal_simulator.json")
        parser.add_argument("--silence", type=float, default=SILENCE_SECONDS, help="seconds in which no answer comes")

    def handle(self, *args: Any, **options: Any) -> None:
        with server(port=options["port"], path=options["state"], silence=options["silence"]) as running:
            running.serve_forever()
