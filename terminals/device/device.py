"""The device itself: what it does at the counter goes into its queue; what it sends follows the contract.

recorded, duplicate        it is deleted
conflict, refused          it is set aside and shown, and not sent again
409 signature_reused       all that the request held is set aside
401 timestamp_out_of_range the same is signed again by the server's time
401 anything else          nothing more is sent; the queue is kept
413                        the batch is halved
409, 429, 5xx, no answer   the same id and body again, after a wait that grows
"""

import base64
import json
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from terminals.device.connection import Line, Reply
from terminals.device.storage import Memory, Request, Transaction

PATH: Final = "/v1/terminal/transactions"
LARGEST_BATCH: Final = 500
LONGEST_WAIT: Final = 60.0
_DONE: Final = frozenset({"recorded", "duplicate"})


class PairingRefused(Exception):
    """The server did not take the pairing code."""


class Device:
    """One device. `send_one` makes one request; `send_all` goes on until the queue is empty or nothing helps."""

    def __init__(self, line: Line, memory: Memory, *, largest_batch: int = LARGEST_BATCH) -> None:
        self.line = line
        self.memory = memory
        self.batch = largest_batch
        self.failures = 0
        self.waits = 0.0  # seconds until it is worth trying again

    def pair(self, code: str, *, ed25519: bool = False, signature: int = 2) -> None:
        """Present a code and keep the key; what is still queued is of the old series and is set aside.

        Raises:
            PairingRefused: with the server's reason.
        """
        key = Ed25519PrivateKey.generate() if ed25519 else None
        public = f"whpk_{base64.b64encode(key.public_key().public_bytes_raw()).decode()}" if key else None
        reply = self.line.pair(code, public, signature)
        if reply.status != 201:
            raise PairingRefused(reply.body.get("detail") or "The server does not answer.")
        memory, credentials = self.memory, reply.body
        memory.set_aside += [{"transaction": each, "status": "old series", "error": None} for each in memory.queue]
        memory.queue, memory.request, memory.stopped = [], None, None
        memory.terminal, memory.secret = credentials["terminal"], credentials["secret"]
        memory.private_key = base64.b64encode(key.private_bytes_raw()).decode() if key else None
        memory.signature = signature
        memory.stream_url, memory.presenting, memory.actions = credentials["stream_url"], None, {}
        memory.series, memory.next_sequence = credentials["series"], credentials["next_sequence"]
        memory.save()

    def transact(self, kind: str, amount: int, currency: str = "EUR", **details: Any) -> Transaction:
        """Do something at the counter: it has its sequence, and is in the queue for good, before anything is sent."""
        memory = self.memory
        done: Transaction = {
            "sequence": memory.next_sequence,
            "type": kind,
            "amount": amount,
            "currency": currency,
            "outcome": "approved",
            "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            **details,
        }
        memory.next_sequence += 1
        memory.queue.append(done)
        memory.save()
        return done

    def send_all(self, *, patience: float = 0.0) -> bool:
        """Send until the queue is empty (True), or nothing has helped for `patience` seconds, or it must stop."""
        until = time.monotonic() + patience
        while self.memory.queue and not self.memory.stopped:
            if self.send_one():
                until = time.monotonic() + patience
            elif time.monotonic() + self.waits > until:
                break
            else:
                time.sleep(self.waits)
        return not self.memory.queue

    def send_one(self) -> bool:
        """Send one request; return whether the queue got shorter."""
        memory = self.memory
        if not memory.queue or memory.stopped:
            return False
        request = memory.request or self._next_request()
        reply = self.line.send(memory, PATH, request.webhook_id, request.body.encode())
        further = self._heed(request, reply)
        self.failures = 0 if further else self.failures + 1
        self.waits = 0.0 if further else (reply.retry_after or min(LONGEST_WAIT, 2.0 ** (self.failures - 1)))
        memory.save()
        return further

    def repeat(self, transactions: Sequence[Transaction]) -> Reply:
        """Send what was sent before once more, as a device does whose power failed before it could forget."""
        body = json.dumps({"transactions": list(transactions)}).encode()
        return self.line.send(self.memory, PATH, secrets.token_hex(12), body)

    def heartbeat(self, **state: Any) -> Reply:
        """Say that it is there."""
        body = json.dumps({"queue_depth": len(self.memory.queue), **state}).encode()
        return self.line.send(self.memory, "/v1/terminal/heartbeat", secrets.token_hex(12), body)

    def _next_request(self) -> Request:
        taken = self.memory.queue[: self.batch]
        body = json.dumps(taken[0] if len(taken) == 1 else {"transactions": taken})
        self.memory.request = Request(secrets.token_hex(12), body, len(taken))
        self.memory.save()
        return self.memory.request

    def _heed(self, request: Request, reply: Reply) -> bool:
        one = request.count == 1
        if reply.status in (200, 201):
            self._rid([reply.body] if one else reply.body["results"])
        elif reply.code == "signature_reused":
            self._rid([{"status": "refused", "error": reply.body}] * request.count)
        elif one and (reply.status in (400, 422) or reply.code == "sequence_conflict"):
            self._rid([{"status": "conflict" if reply.status == 409 else "refused", "error": reply.body}])
        elif reply.status == 413 and one:
            self._rid([{"status": "refused", "error": reply.body}])
        elif reply.status in (400, 413, 422):  # the batch as a whole; none of it was taken
            self.batch, self.memory.request = request.count // 2, None
        elif reply.status == 401 and reply.code == "timestamp_out_of_range":
            server = datetime.fromisoformat(reply.body["server_time"]).timestamp()
            self.memory.clock_offset = server - time.time()
            return self.failures == 0  # twice in a row is a line too slow for any clock: wait
        elif reply.status == 401:
            self.memory.stopped = reply.code
            return False
        else:
            return False
        return True

    def _rid(self, results: Sequence[dict[str, Any]]) -> None:
        """Be rid of what was answered."""
        memory = self.memory
        for transaction, result in zip(memory.queue[: len(results)], results, strict=True):
            if result["status"] not in _DONE:
                memory.set_aside.append(
                    {"transaction": transaction, "status": result["status"], "error": result.get("error")}
                )
        memory.queue, memory.request = memory.queue[len(results) :], None
