"""What the commands that close a day and a month share: they print the checklist, and exit with 1 where it fails."""

import json
from typing import Any

from payments.core.errors import Conflict
from payments.ledger.days import Status
from payments.management.answering import CheckFailed, JsonCommand
from reconciliation import payloads
from reconciliation.closing import Scope, State
from reconciliation.services.close_period import close
from reconciliation.services.periods import state_of


class ClosingCommand(JsonCommand):
    """Closes what `scope` names, if everything is in order; closing in spite of it is for persons, in the admin."""

    def scope(self, options: dict[str, Any]) -> Scope:
        """Return what is to be closed."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        scope = self.scope(options)
        state = _closed(scope)
        self.stdout.write(json.dumps(payloads.close(state)) if options["json"] else _text(state))
        if state.status != Status.CLOSED:
            raise CheckFailed(f"{scope.name} stays open.")


def _closed(scope: Scope) -> State:
    try:
        done = close(scope, actor="system:command")
    except Conflict as refusal:
        if refusal.code != "checklist_failed":
            raise
        return state_of(scope)
    assert isinstance(done, State)  # without an override nobody is asked
    return done


def _text(state: State) -> str:
    lines = [f"{state.scope.name} is {state.status}."]
    lines += [f"  {'ok' if check.passed else '!!'}  {check.check}: {check.detail}" for check in state.checks]
    return "\n".join(lines)
