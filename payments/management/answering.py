"""How commands answer: one JSON object or a line of text, and exit status 1 when refused."""

import json
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments.core.errors import Fault, OnetillError, ValidationFailed, wrong
from payments.models import Merchant


def merchant_of(options: dict[str, Any]) -> Merchant:
    """The merchant that `--merchant` names.

    Raises:
        Invalid: there is no such merchant.
    """
    merchant = Merchant.objects.filter(id=options["merchant"]).first()
    if merchant is None:
        raise wrong("merchant", "not_found", "There is no such merchant.")
    return merchant


class CheckFailed(CommandError):
    """What was found counts as refused, and has been printed already."""

    def __init__(self, why: str) -> None:
        super().__init__(why, returncode=1)


class JsonCommand(BaseCommand):
    """A command whose `--json` prints exactly one object on stdout, also when it is refused or called wrongly."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.called_from_command_line = False  # raise what is wrong with the arguments instead of exiting with 2
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            super().run_from_argv(argv)
        except CommandError as misuse:
            if "--json" in argv:
                self._tell_refusal("arguments_invalid", str(misuse))
            self.stderr.write(f"{misuse}\nSee {argv[0]} {argv[1]} --help.")
            sys.exit(1)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except CheckFailed:
            raise
        except CommandError as refusal:
            if options["json"]:
                self._tell_refusal("refused", str(refusal))
            raise
        except OnetillError as refusal:
            if options["json"]:
                self._tell_refusal(refusal.code, refusal.detail, _faults(refusal))
            raise CommandError(_text(refusal), returncode=1) from refusal

    def _tell_refusal(self, code: str, detail: str, errors: Sequence[dict[str, str | None]] = ()) -> None:
        self.stdout.write(json.dumps({"error": {"code": code, "detail": detail, "errors": errors}}))


class AnsweringCommand(JsonCommand):
    """A command that makes one thing. Implementations give `run`; without `--json` only the values are printed."""

    ACTOR: ClassVar[str] = "system:command"

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        """Carry it out, and return the values to print."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        values = self.run(options)
        self.stdout.write(json.dumps(values) if options["json"] else "\n".join(str(value) for value in values.values()))


def _faults(refusal: OnetillError) -> list[dict[str, str | None]]:
    alone = [Fault(refusal.param, refusal.code, refusal.detail)]
    faults = refusal.faults if isinstance(refusal, ValidationFailed) else alone
    return [{"param": fault.param, "code": fault.code, "detail": fault.detail} for fault in faults]


def _text(refusal: OnetillError) -> str:
    if isinstance(refusal, ValidationFailed):
        return "\n".join(f"--{fault.param}: {fault.detail}" for fault in refusal.faults)
    return refusal.detail
