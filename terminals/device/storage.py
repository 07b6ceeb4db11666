"""What a device remembers over power cuts: its key, its next sequence, and what it has not been rid of yet."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Transaction = dict[str, Any]
REMEMBERED_ACTIONS = 100


@dataclass
class Request:
    """A request that may have been sent: it is repeated with the same id and body until it is answered."""

    webhook_id: str
    body: str
    count: int


@dataclass
class Memory:
    """The device's file. Every change is on disk before anything is done that follows from it."""

    path: Path
    terminal: str | None = None
    secret: str | None = None
    private_key: str | None = None  # base64 of an Ed25519 key's 32 bytes
    signature: int = 1  # the version of its signatures
    series: int = 0
    next_sequence: int = 1
    clock_offset: float = 0.0
    stopped: str | None = None  # the code of the refusal after which nothing is sent any more
    queue: list[Transaction] = field(default_factory=list)
    request: Request | None = None  # about the first `count` of the queue
    stream_url: str | None = None  # where it waits for what it is to do
    presenting: dict[str, Any] | None = None  # the action for which a customer is asked for the card
    # By action, those it was given: with the transaction that answers it, None where there is none (yet).
    actions: dict[str, Transaction | None] = field(default_factory=dict)
    set_aside: list[dict[str, Any]] = field(default_factory=list)  # {transaction, status, error}: shown, never resent

    @classmethod
    def load(cls, path: Path) -> "Memory":
        """The memory in this file; a new one where there is none."""
        if not path.exists():
            return cls(path)
        kept = json.loads(path.read_text())
        request = kept.pop("request")
        return cls(path, **kept, request=Request(**request) if request else None)

    def remember(self, action: str, transaction: Transaction | None) -> None:
        """Keep what came of an action, for when it is asked about; the oldest are forgotten. The caller saves."""
        self.actions[action] = transaction
        for forgotten in list(self.actions)[:-REMEMBERED_ACTIONS]:
            del self.actions[forgotten]

    def save(self) -> None:
        """Write it whole, or leave the file as it was."""
        kept = {name: value for name, value in asdict(self).items() if name != "path"}
        draft = self.path.with_suffix(".draft")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
