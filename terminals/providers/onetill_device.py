"""Our own protocol: the device fetches what it is to do (`GET /v1/terminal/actions`) and answers by itself.

Nothing is sent from here. The action that stands is the request, and whatever the device posts is the answer; so each
of these is PENDING, and what the device counts comes with the shifts that it closes.
"""

from collections.abc import Sequence

from payments.providers.base import Outcome
from terminals.providers.base import Answer, Request, Till, Total


class OnetillDevice:
    """A paired device."""

    code = "onetill_device"
    asks = False
    test_only = False

    def start(self, request: Request, till: Till) -> Answer:
        return Answer(outcome=Outcome.PENDING)

    def refund(self, request: Request, till: Till) -> Answer:
        return Answer(outcome=Outcome.PENDING)

    def cancel(self, request: Request, till: Till) -> Answer:
        return Answer(outcome=Outcome.PENDING)

    def status(self, request: Request, till: Till) -> Answer:
        return Answer(outcome=Outcome.PENDING)

    def totals(self, till: Till) -> Sequence[Total] | None:
        return None
