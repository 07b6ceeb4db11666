"""Who acts: a person who is signed in, a program with an API key, or Onetill itself."""

from dataclasses import dataclass
from typing import TypeAlias

from payments.core.errors import Forbidden
from payments.people.models import User


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, by an API key. Its `actor` is the key's id."""

    key_id: str
    merchant_id: str
    channel_id: str | None
    test_mode: bool
    scopes: tuple[str, ...]

    @property
    def actor(self) -> str:
        return self.key_id

    def require(self, scope: str) -> None:
        """Raise Forbidden unless the key has this scope."""
        if scope not in self.scopes:
            raise Forbidden("scope_missing", f"This key lacks the scope {scope}. Use a key that has it.", scope=scope)


# A text names a task, a device or a command on the server ("system:worker", "command"). The id of a person or of a key
# is that person or key, but has proved nothing.
Actor: TypeAlias = User | Caller | str


def name_of(actor: Actor) -> str:
    """What stands in the audit log and beside what was done."""
    if isinstance(actor, User):
        return actor.id
    return actor.actor if isinstance(actor, Caller) else actor
