"""Try webhooks on a developer's machine: `manage.py listen --forward-to URL` posts every event there, signed."""

import base64
import binascii
import json
import secrets
import signal
import time
from typing import Any, Final

import httpx
from django.core.management.base import CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from payments.core.errors import NotFound
from payments.management.answering import JsonCommand, merchant_of
from payments.models import Merchant
from payments.notify import payloads, queries, signing
from payments.notify.models import EVENT_TYPES, Event
from payments.notify.queries import Position

LOOK_EVERY: Final = 0.25  # seconds
REST: Final = 1.0  # after the database did not answer
TIMEOUT: Final = 10.0
SHORTEST_SECRET: Final = 24  # bytes, as Standard Webhooks asks


class Command(JsonCommand):
    help = "Post every event to a URL as it happens, until Ctrl-C. Nothing is sent twice, and nothing is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forward-to", required=True, metavar="URL")
        parser.add_argument("--merchant", help="mer_…; by default every test merchant's events")
        parser.add_argument("--events", default="", help="only these, as payment.captured,refund.failed")
        parser.add_argument("--after", default="", metavar="EVENT", help="evt_…: begin with what followed this event")
        parser.add_argument("--secret", default="", help="whsec_…: sign with this; by default with a new one each time")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = _wanted(options)
        secret = _secret(options)
        self.stderr.write(f"Forwarding events to {options['forward_to']}, signed with {secret}")
        if not options["secret"]:
            self.stderr.write("The next start makes another secret; to keep this one, start with --secret.")
        counts = {"forwarded": 0, "failed": 0}
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self._forward(options, wanted, secret, counts)
        except KeyboardInterrupt:
            if options["json"]:
                self.stdout.write(json.dumps(counts))

    def _forward(self, options: dict[str, Any], wanted: set[str], secret: str, counts: dict[str, int]) -> None:
        position = _start(options)
        with httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as http:
            while True:
                events = self._following(position, options)
                for event in events:
                    position = Position(event.xid, event.id)
                    if event.type in wanted:
                        status = _post(http, options["forward_to"], event, secret)
                        counts["forwarded" if status.startswith("2") else "failed"] += 1
                        self.stderr.write(f"{event.type} {event.id} → {status}")
                if not events:
                    time.sleep(LOOK_EVERY)

    def _following(self, position: Position, options: dict[str, Any]) -> list[Event]:
        """What came since; nothing while the database is away, so that what happens meanwhile follows later."""
        try:
            return queries.after(position, merchant_ids=_merchants(options))
        except (OperationalError, InterfaceError):
            self.stderr.write("The database does not answer; waiting for it.")
            connections.close_all()
            time.sleep(REST)
            return []


def _wanted(options: dict[str, Any]) -> set[str]:
    named = {name.strip() for name in options["events"].split(",") if name.strip()}
    unknown = sorted(named - set(EVENT_TYPES))
    if unknown:
        raise CommandError(f"--events: there is no {', '.join(unknown)}. Use some of: {', '.join(EVENT_TYPES)}.")
    return named or set(EVENT_TYPES)


def _secret(options: dict[str, Any]) -> str:
    given: str = options["secret"]
    if not given:
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    try:
        key = base64.b64decode(given.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < SHORTEST_SECRET:
        raise CommandError(f"--secret: use whsec_ and the base64 of at least {SHORTEST_SECRET} bytes.")
    return given


def _start(options: dict[str, Any]) -> Position:
    if not options["after"]:
        return queries.settled()
    for merchant_id in _merchants(options):
        try:
            return queries.position_of(event_id=options["after"], merchant_id=merchant_id)
        except NotFound:
            continue
    raise CommandError("--after: there is no such event.")


def _merchants(options: dict[str, Any]) -> list[str]:
    if options["merchant"]:
        return [merchant_of(options).id]
    return list(Merchant.objects.filter(mode=Merchant.Mode.TEST).values_list("id", flat=True))


def _post(http: httpx.Client, url: str, event: Event, secret: str) -> str:
    body = payloads.body(event)
    headers = signing.headers(message_id=event.id, body=body, moment=timezone.now(), secrets=[secret])
    try:
        return str(http.post(url, content=body, headers=headers | {"content-type": "application/json"}).status_code)
    except httpx.ConnectError:
        return f"nothing listens at {url}; start your webshop"
    except httpx.TimeoutException:
        return f"no answer from {url} within {TIMEOUT:.0f} seconds"
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return f"not sent: {type(error).__name__} {error}".rstrip()
