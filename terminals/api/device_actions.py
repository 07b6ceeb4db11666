"""What devices ask and say about actions: the next one, that they present it, and what came of it."""

from typing import Annotated, Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from payments.api import request_body
from payments.api.idempotency import encode
from payments.api.inputs import Nothing, read
from payments.api.openapi import described
from payments.core.input_types import one_of
from payments.core.inputs import Input
from terminals import payloads
from terminals.api.actions import ActionQuery
from terminals.api.device import TAG, DeviceView, refusal_of, result_shape, series_shape
from terminals.api.schemas import ANSWERED, DEVICE_ACTION, SIGNED, WORD_OR_TRANSACTION
from terminals.services.actions import device as actions
from terminals.services.actions.device import WORDS, ActionOutcome
from terminals.services.authenticate import Key, Signed
from terminals.services.idempotency import Rendered


class WordInput(Input):
    """What a device says of an action without a transaction."""

    outcome: Annotated[str, one_of(WORDS)]


class NextAction(DeviceView):
    """Where a device asks what it is to do. Here it is answered at once; the stream waits."""

    @extend_schema(parameters=SIGNED)
    @described(
        "next_action",
        "What the device is to do",
        {200: DEVICE_ACTION, 204: None},
        query=ActionQuery,
        refusals=[401, 409],
        with_key=False,
        by_device=True,
        tag=TAG,
    )
    def get(self, request: Request) -> HttpResponse:
        """Return what the device is to do, the same until it is acknowledged or has a result; 204 where there is
        nothing.
        """
        signed, key = self.signed_poll()
        return self.send(actions.next_action(signed, key, render=render_action))

    def signed_poll(self) -> tuple[Signed, Key]:
        """Return the signed poll and the key that verified it."""
        signed, key, _ = self.signed(query=ActionQuery)
        return signed, key


class Acknowledge(DeviceView):
    """Where a device says that it presents an action."""

    @extend_schema(parameters=SIGNED)
    @described(
        "acknowledge_action",
        "The device presents it",
        {200: ANSWERED},
        body=Nothing,
        refusals=[401, 404, 409],
        with_key=False,
        by_device=True,
        once=False,
        tag=TAG,
    )
    def post(self, request: Request, action_id: str) -> HttpResponse:
        """Say that the device presents the action to the customer."""
        signed, key, content = self.signed()
        read(Nothing, request_body.json_of(self.plain, content) if content else {})
        return self.send(actions.acknowledge(signed, key, action_id, render=render_action))


class ActionResult(DeviceView):
    """Where a device says what came of an action."""

    @extend_schema(parameters=SIGNED)
    @described(
        "report_action",
        "What came of it",
        {200: ANSWERED},
        body=WORD_OR_TRANSACTION,
        refusals=[401, 404, 409],
        with_key=False,
        by_device=True,
        once=False,
        tag=TAG,
    )
    def post(self, request: Request, action_id: str) -> HttpResponse:
        """Say what came of an action: a transaction, or an outcome without one."""
        signed, key, content = self.signed()
        data = request_body.json_of(self.plain, content)
        # A transaction has an outcome too: what has nothing else is a word.
        if not isinstance(data, dict) or not data.keys() - {"outcome"}:
            word = read(WordInput, data).outcome
            return self.send(actions.report_word(signed, key, action_id, word, render=render_action))
        return self.send(actions.report_transaction(signed, key, action_id, data, render=self._render))

    def _render(self, outcome: ActionOutcome) -> Rendered:
        result = outcome.result
        if result is None or result.status in ("recorded", "duplicate"):
            return render_action(outcome)
        return self.refused(refusal_of(result, outcome.terminal))


def render_action(outcome: ActionOutcome) -> Rendered:
    """The action as its device needs it; with the transaction's result where one was posted."""
    shape: dict[str, Any] = payloads.action_of_device(outcome.action)
    if outcome.result is not None:
        shape |= {"transaction": result_shape(outcome.result), **series_shape(outcome.terminal)}
    return Rendered(200, encode(shape))
