"""A device at work: `manage.py simulate_terminal --base-url U --pairing-code C [--state FILE] …`.

It needs nothing but the server's address and a pairing code, or an API key and a store for which it has a terminal made
(or the credentials of a terminal that is paired already). Its file holds its key
and its queue: started again with the same file, it goes on where it stopped, however it was stopped.
"""

import json
import random
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from payments.management.answering import CheckFailed, JsonCommand
from terminals.device.connection import Line
from terminals.device.counter import Counter
from terminals.device.device import LARGEST_BATCH, Device, PairingRefused
from terminals.device.scenario import Day, Habits
from terminals.device.storage import Memory

SHARES = ("declined", "refunded", "reversed", "unknown", "twice", "offline", "ordered")


class Command(JsonCommand):
    help = "Be a card terminal: pair, sell, go offline, send twice, and send as the contract says."

    def add_arguments(self, parser: CommandParser) -> None:
        habits = Habits()
        parser.add_argument("--base-url", default=settings.PUBLIC_URL, help="the server (default: this installation's)")
        parser.add_argument("--pairing-code", help="pair with this code first")
        parser.add_argument("--api-key", help="have a new terminal made by this key, in --channel, and pair with it")
        parser.add_argument("--channel", help="the store it stands in, with --api-key")
        parser.add_argument("--label", default="Simulated till", help="what the new terminal is called")
        parser.add_argument("--ed25519", action="store_true", help="pair with a key of its own instead of a secret")
        parser.add_argument(
            "--signature", choices=["v1", "v2"], default="v2", help="the version it pairs with (default v2)"
        )
        parser.add_argument("--terminal", help="the id of a terminal that is paired already, with --secret")
        parser.add_argument("--secret", help="its whsec_ secret")
        parser.add_argument("--next-sequence", type=int, default=1, help="where its sequence goes on")
        parser.add_argument("--state", type=Path, help="the device's file (default: by its pairing code or id)")
        parser.add_argument("--transactions", type=int, default=20, help="how many things happen; 0: until stopped")
        parser.add_argument("--driven", action="store_true", help="sell nothing by itself: do what a till asks, alone")
        parser.add_argument("--pace", type=float, default=0.0, help="seconds between two of them")
        parser.add_argument("--batch", type=int, default=LARGEST_BATCH, help="the largest batch it sends")
        parser.add_argument("--orders", default="", metavar="PREFIX", help="name orders: PREFIX and a number")
        parser.add_argument("--patience", type=float, default=60.0, help="seconds to go on sending at the end")
        parser.add_argument("--seed", type=int, help="the same seed, the same day")
        for name in SHARES:
            default = getattr(habits, name)
            parser.add_argument(f"--{name}", type=float, default=default, help=f"share of all (default {default})")

    def handle(self, *args: Any, **options: Any) -> None:
        line = Line(options["base_url"].rstrip("/"))
        if options["api_key"]:
            options["pairing_code"] = _code_of_new_terminal(line, options)
        memory = self._memory(options)
        device = Device(line, memory, largest_batch=min(max(1, options["batch"]), LARGEST_BATCH))
        try:
            if options["pairing_code"]:
                device.pair(
                    options["pairing_code"], ed25519=options["ed25519"], signature=int(options["signature"][1:])
                )
            self._work(device, options)
        except PairingRefused as error:
            raise CommandError(f"Not paired: {error}", returncode=1) from error
        finally:
            line.close()
        self._report(memory, as_json=options["json"])

    def _memory(self, options: dict[str, Any]) -> Memory:
        name = options["terminal"] or options["pairing_code"]
        if options["state"] is None and not name:
            raise CommandError(
                "Give --pairing-code, or --api-key and --channel, or --terminal and --secret, "
                "or the --state of an earlier run."
            )
        memory = Memory.load(options["state"] or settings.ONETILL_HOME / "devices" / f"{name}.json")
        if options["terminal"] and memory.terminal is None:
            memory.terminal, memory.secret = options["terminal"], options["secret"]
            memory.series, memory.next_sequence = 1, options["next_sequence"]
        if memory.terminal is None and not options["pairing_code"]:
            raise CommandError("This device has never been paired: give --pairing-code.")
        return memory

    def _work(self, device: Device, options: dict[str, Any]) -> None:
        habits = Habits(prefix=options["orders"], **{name: options[name] for name in SHARES})
        day = Day(device, habits, random.Random(options["seed"]))  # noqa: S311 - a day at a shop, no secret
        counter = Counter(device, day.present)
        left = options["transactions"]
        try:
            counter.resume()
            while device.memory.stopped is None:
                if options["driven"]:
                    left -= counter.attend(options["pace"] or 1.0)
                else:
                    day.step()
                    left -= 1
                if left <= 0 and options["transactions"]:
                    break
                if options["pace"] and not options["driven"]:
                    # Between two customers of its own it does what a till asks of it.
                    counter.attend(options["pace"])
            day.close(patience=options["patience"])
        except KeyboardInterrupt:
            self.stderr.write("Stopped; what was not sent is kept.")

    def _report(self, memory: Memory, *, as_json: bool) -> None:
        report = {
            "terminal": memory.terminal,
            "series": memory.series,
            "next_sequence": memory.next_sequence,
            "queued": len(memory.queue),
            "set_aside": memory.set_aside,
            "stopped": memory.stopped,
            "state": str(memory.path),
        }
        if as_json:
            self.stdout.write(json.dumps(report))
        else:
            self.stdout.write(
                f"{memory.terminal} made {memory.next_sequence - 1} transactions in series {memory.series}; "
                f"{len(memory.queue)} are still queued, {len(memory.set_aside)} set aside. Its file: {memory.path}"
            )
            for each in memory.set_aside:
                self.stdout.write(f"set aside ({each['status']}): {json.dumps(each['transaction'])}")
        if memory.stopped or memory.queue:
            why = memory.stopped or "the server did not take it"
            raise CheckFailed(f"Not everything was sent: {why}.")


def _code_of_new_terminal(line: Line, options: dict[str, Any]) -> str:
    if not options["channel"]:
        raise CommandError("Give --channel with --api-key: the store in which the terminal stands.")
    made = line.create(options["api_key"], options["channel"], options["label"])
    if made.status != 201:
        detail = made.body.get("detail") or "The server does not answer."
        raise CommandError(f"No terminal was made: {detail}", returncode=1)
    return str(made.body["pairing_code"])
