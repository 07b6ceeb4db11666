"""The six digits of one of the demo's people: for trying Onetill out, never beside a live merchant."""

import json
import time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_otp.oath import TOTP

from config.sandbox.demo import cast as casting
from payments.models import Merchant
from payments.people.models import SecondFactor
from payments.people.models.second_factor import DRIFT

STEP: Final = 30  # seconds


class Command(BaseCommand):
    help = "Print the code with which one of the demo's people proves who they are; it works once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", default=casting.ADMIN)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if Merchant.objects.filter(mode=Merchant.Mode.LIVE).exists():
            raise CommandError("A live merchant stands here, and beside one the demo's people sign in no more.")
        factor = SecondFactor.objects.filter(user__username=options["username"], demo=True).first()
        if factor is None:
            raise CommandError(f"The demo has nobody called {options['username']}. `make run` names whom it has.")
        code = self._fresh_code(factor)
        self.stdout.write(json.dumps({"code": code}) if options["json"] else code)

    def _fresh_code(self, factor: SecondFactor) -> str:
        """The next code that was not used yet; wait where even the clock's tolerance has none."""
        totp = TOTP(bytes.fromhex(factor.key), step=STEP)
        now = int(time.time()) // STEP
        wanted = max(now, factor.last_step + 1)
        while wanted > int(time.time()) // STEP + DRIFT:
            time.sleep(0.5)
        totp.time = wanted * STEP
        return f"{totp.token():06d}"
