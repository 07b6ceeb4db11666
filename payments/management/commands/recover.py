"""Take up what is due now, without waiting for the sweep: `manage.py recover [--json]`."""

from typing import Any

from payments.management.answering import AnsweringCommand
from payments.services.recover import recover


class Command(AnsweringCommand):
    help = "Send what was not sent, ask about what has no answer, apply what came in; until nothing is due."

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        taken_up = 0
        while found := recover():
            taken_up += found
        return {"taken_up": taken_up}
