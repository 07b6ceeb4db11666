"""The device at work for its till: asks what it is to do, has customers present their cards, and answers.

An action is in the device's memory before it is presented, and with its transaction before anything is sent: whatever
breaks in between, it is never presented twice, and what came of it can be told. The transaction travels in the queue,
as any other; what has none is told by a word.
"""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from terminals.device.connection import Reply
from terminals.device.device import Device

PATH: Final = "/v1/terminal/actions"
TRIES: Final = 4
Action = dict[str, Any]
# What a customer does with a card: the details of the transaction, or None where nobody presents one.
Present = Callable[[Action], dict[str, Any] | None]


class Counter:
    """What one device does for its till; `present` is the customer with the card."""

    def __init__(self, device: Device, present: Present) -> None:
        self.device = device
        self.present = present

    def attend(self, seconds: float) -> int:
        """Be there for so long, and do what is asked; return how many actions were taken up."""
        until, done = time.monotonic() + seconds, 0
        while True:
            left = until - time.monotonic()
            reply = self._poll(max(0, int(left)))
            if reply.status == 200:
                self._take_up(reply.body)
                done += 1
            elif left <= 0:
                return done
            elif reply.status != 204 or left < 1 or not self.device.memory.stream_url:
                time.sleep(min(1.0, max(0.0, left)))

    def resume(self) -> None:
        """After a power cut: what was being presented was not paid, or its transaction would be in the queue."""
        action = self.device.memory.presenting
        if action is not None:
            self._end(action, None)

    def _take_up(self, action: Action) -> None:
        if action["type"] == "status":
            self._answer(action)
        elif action["type"] == "abort":
            self._stop(action)
        elif action["id"] in self.device.memory.actions:
            self._say(f"/{action['id']}/ack", {})  # the first one got lost; it is not presented again
        else:
            self._show(action)

    def _show(self, action: Action) -> None:
        """Present it, unless the server says by now that it is over."""
        memory = self.device.memory
        memory.remember(action["id"], None)
        memory.presenting = action
        memory.save()
        if self._say(f"/{action['id']}/ack", {}).status == 409:
            memory.presenting = None
            memory.save()
            return
        # The till may have changed its mind while the customer looks for the card.
        stop = self._poll(0)
        if stop.status == 200 and stop.body["type"] == "abort" and stop.body["target"] == action["id"]:
            self._say(f"/{stop.body['id']}/ack", {})
            self._end(action, None)
        else:
            self._end(action, self.present(action))

    def _end(self, action: Action, card: dict[str, Any] | None) -> None:
        """Keep what came of it, in one write; then tell."""
        memory = self.device.memory
        memory.presenting = None
        if card is None:
            memory.save()
            self._say(f"/{action['id']}/result", {"outcome": "aborted"})
            return
        kind, amount = action["type"], action["amount"]
        words = {"operator": action["operator"]} if action.get("operator") else {}
        details = {**card, **words, "action": action["id"]}
        done = self.device.transact(kind, amount, action["currency"], **details)
        memory.remember(action["id"], done)
        memory.save()
        self.device.send_all(patience=5.0)

    def _answer(self, question: Action) -> None:
        """Say what came of an action: by its transaction, or that it goes on, was stopped or is not known here."""
        memory, target = self.device.memory, question["target"]
        if memory.presenting is not None and memory.presenting["id"] == target:
            answer: dict[str, Any] = {"outcome": "in_progress"}
        elif target not in memory.actions:
            answer = {"outcome": "not_found"}
        else:
            # The queue first: the power may have failed before the action was tied to what is in it.
            queued = next((each for each in memory.queue if each.get("action") == target), None)
            answer = queued or memory.actions[target] or {"outcome": "aborted"}
        self._say(f"/{question['id']}/result", answer)

    def _stop(self, action: Action) -> None:
        """Nothing is presented any more: what it was about has ended, or never came here."""
        memory, target = self.device.memory, action["target"]
        self._say(f"/{action['id']}/ack", {})
        if target not in memory.actions:
            memory.remember(target, None)  # should it still come, it is not presented
            memory.save()
            self._say(f"/{action['id']}/result", {"outcome": "aborted"})

    def _poll(self, wait: int) -> Reply:
        memory = self.device.memory
        base = memory.stream_url if wait else None
        return self.device.line.ask(memory, f"{PATH}?wait={min(wait, 25)}" if wait else PATH, base)

    def _say(self, path: str, body: dict[str, Any]) -> Reply:
        """Send one request until it is answered, under one webhook-id."""
        name, content = secrets.token_hex(12), json.dumps(body).encode()
        for tried in range(TRIES):
            reply = self.device.line.send(self.device.memory, PATH + path, name, content)
            if 0 < reply.status < 500 and reply.status != 429:
                break
            time.sleep(reply.retry_after or min(2.0, 0.25 * 2**tried))
        return reply
