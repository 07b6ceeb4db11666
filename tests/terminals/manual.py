"""A device that does what the table in terminals/README.md says, row by row, and nothing else.

It shares no code with `terminals.device`: whoever reads the manual writes something like this. Its clock is the test's.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Answer = tuple[int, dict[str, str], dict[str, Any]] | None  # status, headers and body; None where none came
Line = Callable[[str, dict[str, str], bytes], Answer]


@dataclass
class ManualDevice:
    """`line` sends a request; `clock` is what the device believes the time to be, in Unix seconds."""

    terminal: str
    secret: str
    line: Line
    clock: Callable[[], float]
    queue: list[dict[str, Any]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    set_aside: list[tuple[int, str]] = field(default_factory=list)
    resolved: list[dict[str, Any]] = field(default_factory=list)
    waited: float = 0.0
    requests: int = 0
    stopped: str | None = None
    largest: int = 500
    offset: float = 0.0
    failures: int = 0
    corrected: bool = False
    pending: tuple[str, bytes, int] | None = None
    actions: dict[str, dict[str, Any] | None] = field(default_factory=dict)  # by id, with what answers it
    presenting: str | None = None

    def attend(self, action: dict[str, Any] | None, present: Callable[[], dict[str, Any] | None]) -> None:
        """One action as it was fetched (None: 204), and what the second table says of it; `present` is the customer."""
        if action is None:
            return
        name = action["id"]
        if action["type"] == "status":
            self._insist(f"{name}/result", self._known(action["target"]))
        elif action["type"] == "abort":
            self._insist(f"{name}/ack", {})
            if action["target"] == self.presenting:
                self.presenting = None
                self._insist(f"{action['target']}/result", {"outcome": "aborted"})
            elif action["target"] not in self.actions:
                self.actions[action["target"]] = None
                self._insist(f"{name}/result", {"outcome": "aborted"})
        elif name in self.actions:
            self._insist(f"{name}/ack", {})
        else:
            self.actions[name] = None
            if self._insist(f"{name}/ack", {})[0] == 200:
                self.presenting = name
                self._end(name, present())

    def _end(self, name: str, transaction: dict[str, Any] | None) -> None:
        self.presenting = None
        if transaction is None:
            self._insist(f"{name}/result", {"outcome": "aborted"})
        else:
            self.actions[name] = {**transaction, "action": name}
            self.queue.append({**transaction, "action": name})

    def _known(self, target: str) -> dict[str, Any]:
        if target == self.presenting:
            return {"outcome": "in_progress"}
        if target not in self.actions:
            return {"outcome": "not_found"}
        return self.actions[target] or {"outcome": "aborted"}

    def _insist(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One request until it is answered, under one webhook-id."""
        name, content = secrets.token_hex(8), json.dumps(body).encode()
        while True:
            answer = self._post(f"/v1/terminal/actions/{path}", name, content)
            if answer is not None and answer[0] < 500 and answer[0] != 429 and "idempotency" not in str(answer[2]):
                return answer[0], answer[2]
            self._wait(answer[1] if answer is not None else {})

    def send_all(self, *, at_most: int) -> None:
        """Work through the queue; a device that asks more often than `at_most` loops."""
        while self.queue and self.stopped is None:
            assert self.requests < at_most, f"{self.requests} requests, and {len(self.queue)} still to send"
            self.send()

    def send(self) -> None:
        """One request, and what its answer asks for."""
        if self.pending is None:
            taken = self.queue[: self.largest]
            content = taken[0] if len(taken) == 1 else {"transactions": taken}
            self.pending = (secrets.token_hex(8), json.dumps(content).encode(), len(taken))
        name, body, count = self.pending
        answer = self._post("/v1/terminal/transactions", name, body)
        status, headers, response = answer if answer is not None else (0, {}, {})
        code = response.get("code", "")
        if status in (200, 201):
            self._take(response["results"] if count > 1 or "results" in response else [response])
            self.resolved += response.get("resolved", [])
        elif code == "signature_reused":
            self._take([{"status": "refused"}] * count)
        elif count == 1 and (code == "sequence_conflict" or status in (400, 413, 422)):
            self._take([{"status": response.get("result_status", "refused")}])
        elif status in (400, 413, 422):
            self.largest, self.pending = max(1, count // 2), None
        elif status == 401 and code == "timestamp_out_of_range" and not self.corrected:
            self.offset = datetime.fromisoformat(response["server_time"]).timestamp() - self.clock()
            self.corrected = True
            return
        elif status == 401 and code != "timestamp_out_of_range":
            self.stopped = code
        else:
            self._wait(headers)
        self.corrected = False

    def heartbeat(self) -> dict[str, Any]:
        """Say that it is there, until somebody answers."""
        name = secrets.token_hex(8)
        while (answer := self._post("/v1/terminal/heartbeat", name, b"{}")) is None or answer[0] != 200:
            self._wait(answer[1] if answer is not None else {})
        self.failures = 0
        self.resolved += answer[2]["resolved"]
        return answer[2]

    def _take(self, results: Sequence[dict[str, Any]]) -> None:
        for transaction, result in zip(self.queue[: len(results)], results, strict=True):
            number = transaction["sequence"]
            if result["status"] in ("recorded", "duplicate"):
                self.done.append(number)
            else:
                self.set_aside.append((number, result["status"]))
        self.queue, self.pending, self.failures = self.queue[len(results) :], None, 0

    def _wait(self, headers: dict[str, str]) -> None:
        self.failures += 1
        self.waited += float(headers.get("Retry-After") or min(60, 2 ** (self.failures - 1)))

    def _post(self, path: str, name: str, body: bytes) -> Answer:
        self.requests += 1
        moment = str(int(self.clock() + self.offset))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{name}.{moment}.".encode() + body, hashlib.sha256)
        signature = "v1," + base64.b64encode(digest).decode()
        headers = {"Terminal-Id": self.terminal, "webhook-id": name, "webhook-timestamp": moment}
        return self.line(path, headers | {"webhook-signature": signature}, body)
