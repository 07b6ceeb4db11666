"""A maker of terminals as a process of its own: taps, declines, says nothing, loses power, and knows afterwards.

Its memory is a file, written before anything is answered: killed at any moment, it still knows which cards it charged.
What a customer does follows from the last two digits of the amount; everything else is approved at once.

    …01 declined                         …04 charged, and the power fails before the answer
    …02 the customer presses stop        …05 in progress until it has been asked twice
    …03 charged, and no answer comes     …06 the request is lost on its way: it never heard of it
"""

import json
import os
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

DECLINED, STOPPED, SILENT, POWER_CUT, SLOW, LOST = range(1, 7)
SILENCE_SECONDS: Final = 30.0  # longer than anybody waits


class Maker:
    """What the maker knows: by terminal and request, each request once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.requests: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def start(self, terminal: str, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Carry a request out, once."""
        key = f"{terminal}/{body['id']}"
        with self._lock:
            known = self.requests.get(key)
            return known if known is not None else self._keep(key, _carried_out(kind, body, len(self.requests) + 1))

    def look(self, terminal: str, request_id: str) -> dict[str, Any] | None:
        """What came of a request; one that is in progress ends when it has been asked about twice."""
        key = f"{terminal}/{request_id}"
        with self._lock:
            known = self.requests.get(key)
            if known is not None and known["state"] == "in_progress":
                known["asked"] += 1
                return self._keep(key, known | ({"state": "approved"} if known["asked"] > 1 else {}))
            return known

    def stop(self, terminal: str, request_id: str) -> dict[str, Any]:
        """Stop a request; one that has been carried out stands."""
        key = f"{terminal}/{request_id}"
        with self._lock:
            known = self.requests.get(key)
            if known is None or known["state"] == "in_progress":
                return self._keep(key, {"id": request_id, "state": "canceled"})
            return known

    def totals(self, terminal: str) -> list[dict[str, Any]]:
        """What a terminal counts, by brand and type."""
        sums: dict[tuple[str, str, str], list[int]] = {}
        with self._lock:
            for key, row in self.requests.items():
                if key.startswith(f"{terminal}/") and row["state"] == "approved":
                    found = sums.setdefault((row["card"]["brand"], row["kind"], row["currency"]), [0, 0])
                    found[0] += 1
                    found[1] += row["amount"]
        return [
            {"brand": brand, "type": kind, "currency": currency, "count": count, "amount": amount}
            for (brand, kind, currency), (count, amount) in sorted(sums.items())
        ]

    def _keep(self, key: str, row: dict[str, Any]) -> dict[str, Any]:
        self.requests[key] = row
        draft = self._path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(self.requests, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        return row


def _carried_out(kind: str, body: dict[str, Any], number: int) -> dict[str, Any]:
    ending = body["amount"] % 100
    state = {DECLINED: "declined", STOPPED: "canceled", SLOW: "in_progress"}.get(ending, "approved")
    return {
        "id": body["id"],
        "kind": kind,
        "state": state,
        "reason": "do_not_honor" if state == "declined" else None,
        "amount": body["amount"],
        "currency": body["currency"],
        "original": body.get("original"),
        "card": {"brand": "maestro", "last4": "4242", "token": "tok_anna", "entry": "contactless"},
        "at": datetime.now(UTC).isoformat(),
        "rrn": f"{number:012d}",
        "stan": f"{number:06d}",
        "authorization": f"{number:06X}",
        "tid": "SIMTID01",
        "asked": 0,
    }


class _Handler(BaseHTTPRequestHandler):
    maker: Maker
    silence: float

    def do_GET(self) -> None:
        place = self.path.strip("/").split("/")
        if place == ["health"]:
            self._answer(200, {"status": "ok"})
        elif len(place) == 3 and place[2] == "totals":
            self._answer(200, {"totals": self.maker.totals(place[1])})
        elif len(place) == 4 and (found := self.maker.look(place[1], place[3])) is not None:
            self._answer(200, found)
        else:
            self._answer(404, {"error": "not_found"})

    def do_POST(self) -> None:
        place = self.path.strip("/").split("/")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if len(place) == 5 and place[4] == "cancel":
            self._answer(200, self.maker.stop(place[1], place[3]))
            return
        ending = body["amount"] % 100
        if ending == LOST:
            self.close_connection = True
            return
        done = self.maker.start(place[1], "sale" if place[2] == "payments" else "refund", body)
        if ending == SILENT:
            time.sleep(self.silence)
        if ending in (SILENT, POWER_CUT):
            self.close_connection = True
        else:
            self._answer(200, done)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """Keep still: whoever reads logs is not to find amounts there."""

    def _answer(self, status: int, shape: dict[str, Any]) -> None:
        content = json.dumps(shape).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def server(*, port: int, path: Path, silence: float = SILENCE_SECONDS) -> ThreadingHTTPServer:
    """The maker's server, with its memory in this file; `silence` is how long no answer comes where none does."""
    handler = type("Handler", (_Handler,), {"maker": Maker(path), "silence": silence})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)
