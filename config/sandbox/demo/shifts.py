"""The end of a shift in a store: the terminal sends its totals, and the drawer is counted and taken to the bank."""

import json
import logging
import random
import secrets
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

from config.sandbox.demo.web import Api
from terminals.device.device import Device
from terminals.device.storage import Transaction

FLOAT: Final = 15_000  # minor units that stay in the drawer
MISCOUNTED: Final = (0, 0, 0, 0, -5, -100, 50)  # by how much a count is off
OPERATORS: Final = ("Fleur", "Daan", "Sanne")

logger: Final = logging.getLogger(__name__)


class Shift:
    """One shift of a store's terminal after the other."""

    def __init__(self, device: Device, api: Api, channel: str, chance: random.Random) -> None:
        self._device, self._api, self._channel, self._chance = device, api, channel, chance
        self._open()

    def note(self, done: Transaction) -> None:
        """What the terminal did belongs to the shift."""
        self._done.append(done)

    def close(self) -> None:
        """Send what is queued, then the totals; count the drawer, and take to the bank what is more than its float."""
        if not self._device.send_all(patience=5.0):
            return
        report = {
            "shift": f"{self._opened:%y%m%d-%H%M%S}",
            "opened_at": _instant(self._opened),
            "closed_at": _instant(datetime.now(UTC)),
            "first_sequence": self._first,
            "last_sequence": self._device.memory.next_sequence - 1,
            "totals": _totals(self._done),
        }
        self._send("/v1/terminal/shifts", report)
        self._count()
        self._open()

    def _open(self) -> None:
        self._opened, self._first = datetime.now(UTC), self._device.memory.next_sequence
        self._done: list[Transaction] = []

    def _count(self) -> None:
        held = self._held()
        if held < FLOAT:  # the change of the morning, from the bank
            self._till("paid_in", FLOAT - held, reason="Change from the bank")
            return
        self._till("count", held + self._chance.choice(MISCOUNTED))
        more = self._held() - FLOAT
        if more > 0:
            self._till("deposit", more // 500 * 500)

    def _held(self) -> int:
        """What the drawer holds by the books."""
        code, cursor = f"till:{self._channel}", None
        while True:
            page = self._api.get("/v1/ledger/accounts", limit=100, **({"cursor": cursor} if cursor else {}))
            found = [row["balance"] for row in page["data"] if (row["code"], row["currency"]) == (code, "EUR")]
            if found or not page["has_more"]:
                return int(sum(found))
            cursor = page["next_cursor"]

    def _till(self, what: str, amount: int, **more: str) -> None:
        if amount > 0:
            body = {"amount": amount, "currency": "EUR", "occurred_at": _instant(datetime.now(UTC))}
            self._send(f"/v1/terminal/tills/{what}", {**body, "operator": self._chance.choice(OPERATORS), **more})

    def _send(self, path: str, body: dict[str, Any]) -> None:
        reply = self._device.line.send(self._device.memory, path, secrets.token_hex(12), json.dumps(body).encode())
        if not 200 <= reply.status < 300:
            logger.info("%s: %s %s", path, reply.status, reply.code)


def _totals(done: list[Transaction]) -> list[dict[str, Any]]:
    """As the terminal counts: what was approved by brand and type, and what was declined."""
    count, amount = Counter[tuple[str | None, str, str]](), Counter[tuple[str | None, str, str]]()
    for each in done:
        if each["outcome"] == "unknown":
            continue
        kind = each["type"] if each["outcome"] == "approved" else "declined"
        group = (each.get("card", {}).get("brand"), kind, each["currency"])
        count[group] += 1
        amount[group] += each["amount"]
    return [
        {"brand": brand, "type": kind, "currency": currency, "count": count[brand, kind, currency], "amount": total}
        for (brand, kind, currency), total in sorted(amount.items(), key=str)
    ]


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
