"""Terminals of Adyen. Not verified live.

In the cloud a charge is handed on and asked about, so that no connection has to last as long as a customer takes. To a
terminal in the store it is sent and waited for a while; should the customer take longer, it is asked about as well.
What a stop is answered decides nothing: it may cross the card, and the payment's own answer tells. A refund of what one
of Adyen's terminals has charged is a reversal, which is only received: the webhook tells what came of it. A refund of
anything else is paid to the card that is presented.
"""

from collections.abc import Sequence
from contextlib import suppress

from payments.providers.adyen import translate
from payments.providers.adyen.client import NoSuccess
from payments.providers.base import Outcome
from terminals.providers.adyen import messages
from terminals.providers.adyen.connection import Terminal, send, terminal_of
from terminals.providers.adyen.encryption import NotGenuine
from terminals.providers.base import Answer, Request, Till, Total

_NOT_GENUINE = Answer(outcome=Outcome.UNKNOWN, code="answer_not_genuine")
_NO_ANSWER = Answer(outcome=Outcome.UNKNOWN, code="no_answer")
_AT_IT = Answer(outcome=Outcome.PENDING)


class Adyen:
    """Terminals with Adyen's software, in its cloud or in the store."""

    code = "adyen"
    asks = True
    test_only = False

    def start(self, request: Request, till: Till) -> Answer:
        return _start(request, till)

    def refund(self, request: Request, till: Till) -> Answer:
        return _start(request, till)

    def cancel(self, request: Request, till: Till) -> Answer:
        terminal = terminal_of(till)
        if isinstance(terminal, str):
            return Answer(outcome=Outcome.UNKNOWN, code=terminal)
        # Whatever a stop is answered: what counts is asked next.
        with suppress(NoSuccess, NotGenuine):
            send(terminal, "Abort", messages.stop(request))
        return _ask(request, terminal)

    def status(self, request: Request, till: Till) -> Answer:
        terminal = terminal_of(till)
        if isinstance(terminal, str):
            return Answer(outcome=Outcome.UNKNOWN, code=terminal)
        return _ask(request, terminal)

    def totals(self, till: Till) -> Sequence[Total] | None:
        terminal = terminal_of(till)
        if isinstance(terminal, str):
            return None
        try:
            answer = send(terminal, "GetTotals", {})
        except (NoSuccess, NotGenuine):
            return None
        return messages.totals(answer) if answer is not None else None


def _start(request: Request, till: Till) -> Answer:
    terminal = terminal_of(till)
    if isinstance(terminal, str):
        return Answer(outcome=Outcome.NOT_SENT, code=terminal)
    kind, name = messages.category(request), messages.service_id(request)
    try:
        answer = send(terminal, kind, messages.started(request), name=name)
    except NotGenuine:
        return _NOT_GENUINE
    except NoSuccess as error:
        return _unanswered(error, request, terminal)
    return messages.answered(answer, request) if answer is not None else _AT_IT


def _unanswered(error: NoSuccess, request: Request, terminal: Terminal) -> Answer:
    """A charge without an answer: refused before it left, or asked about at once."""
    if error.status is not None or not error.connected:
        result = translate.from_no_success(error)
        return Answer(outcome=result.outcome, code=result.code or "")
    # Not found does not say yet that it never comes in: who drives the terminal waits for a while before believing it.
    return _ask(request, terminal)


def _ask(request: Request, terminal: Terminal) -> Answer:
    try:
        answer = send(terminal, "TransactionStatus", messages.question(request))
    except NotGenuine:
        return _NOT_GENUINE
    except NoSuccess:
        return _NO_ANSWER
    return messages.answered(answer, request) if answer is not None else _NO_ANSWER
