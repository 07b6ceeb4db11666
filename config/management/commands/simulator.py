"""`manage.py simulator`: run the test provider as a process of its own."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.sandbox.psp.server import serve


class Command(BaseCommand):
    help = "Run the simulated payment provider over HTTP. Its memory is simulator.sqlite3 in ONETILL_HOME."
    requires_system_checks = ()  # it needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """By default it listens at the address of SIMULATOR_URL."""
        here = urlsplit(settings.SIMULATOR_URL)
        parser.add_argument("--host", default=here.hostname or "127.0.0.1")
        parser.add_argument("--port", type=int, default=here.port or 80)
        parser.add_argument("--home", type=Path, default=settings.ONETILL_HOME)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal ends it."""
        host, port = options["host"], options["port"]
        self.stderr.write(f"The simulator listens on http://{host}:{port} and remembers in {options['home']}.")
        try:
            serve(host=host, port=port, home=options["home"])
        except OSError as error:
            raise CommandError(f"The simulator cannot listen on {host}:{port}: {error}") from error
