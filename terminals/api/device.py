"""What devices send, signed: transactions, and that they are alive."""

from typing import Annotated, Any, Final

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from payments.api import request_body
from payments.api.errors import CONTENT_TYPE, problem
from payments.api.idempotency import encode
from payments.api.inputs import Query, read, read_query
from payments.api.openapi import described
from payments.api.views import JsonView
from payments.core.errors import Conflict, Fault, Invalid, OnetillError, TooLarge, ValidationFailed
from payments.core.input_faults import inside
from payments.core.input_types import minor_units, text
from payments.core.inputs import Input
from payments.core.pan import mask_tree
from payments.payloads import instant
from terminals.api.schemas import ALIVE, ONE_RESULT, POSTED, RESULTS, SIGNED
from terminals.models import Terminal
from terminals.schemas import OUT_OF_RANGE
from terminals.services.authenticate import Key, Signed, authenticate
from terminals.services.device_requests import RequestOutcome, heartbeat, post_transactions
from terminals.services.idempotency import Rendered
from terminals.services.posted import Result

TAG: Final = "Devices"
MOST: Final = 500
MOST_QUEUED: Final = 2**31 - 1
_STATUSES: Final = {"recorded": 201, "duplicate": 200}
_CONFLICT: Final = "This sequence was used for another transaction. Both are kept; set this one aside and show it."


class DeviceView(JsonView):
    """A view for paired devices."""

    def signed(self, query: type[Query] = Query) -> tuple[Signed, Key, bytes]:
        """Return the signed request, the key that verified it and its body; `query` are the parameters it may have.

        Raises:
            Unauthenticated: it is not signed, not by this terminal, or not now.
        """
        content = request_body.read_bytes(self.plain)
        signed = Signed.read(
            self.plain.headers, method=self.plain.method or "", path=self.plain.get_full_path(), body=content
        )
        key = authenticate(signed, now=timezone.now())
        read_query(query, self.plain.GET)
        return signed, key, content

    def refused(self, error: OnetillError) -> Rendered:
        """Return a refusal as it is sent, and remembered for a repetition."""
        answer = problem(error, self.plain)
        return Rendered(answer.status_code, answer.content)

    def send(self, answer: Rendered) -> HttpResponse:
        """Send the answer as it was rendered."""
        kind = "application/json" if answer.status < 400 else CONTENT_TYPE
        return HttpResponse(answer.body, kind, answer.status)


class Transactions(DeviceView):
    """Where devices post what they did."""

    @extend_schema(parameters=SIGNED)
    @described(
        "post_transactions",
        "Post one transaction, or up to 500",
        {200: {"anyOf": [RESULTS, ONE_RESULT]}, 201: ONE_RESULT},
        body=POSTED,
        refusals=[401, 409],
        with_key=False,
        by_device=True,
        once=False,
        tag=TAG,
    )
    def post(self, request: Request) -> HttpResponse:
        """Take one transaction of a terminal, or a list of up to 500. A known sequence number with the same content
        is answered as before; a fact is recorded and never refused for what it says.
        """
        signed, key, content = self.signed()
        data = request_body.json_of(self.plain, content)
        if isinstance(data, dict) and "transactions" in data:
            items = _items(data)
            places = [_place(at) for at in range(len(items))]
            return self.send(
                post_transactions(signed, key, items, places=places, with_news=True, render=_render_results)
            )
        return self.send(post_transactions(signed, key, [data], places=[""], with_news=False, render=self._render_one))

    def _render_one(self, outcome: RequestOutcome) -> Rendered:
        [result] = outcome.results
        status = _STATUSES.get(result.status)
        if status is not None:
            return Rendered(status, encode({**result_shape(result), **series_shape(outcome.terminal)}))
        return self.refused(refusal_of(result, outcome.terminal))


class HeartbeatInput(Input):
    """What a device reports of itself."""

    firmware: Annotated[str, text(64)] | None = None
    """Version of the device's software."""
    queue_depth: Annotated[int, minor_units(least=0, most=MOST_QUEUED)] | None = None
    """How many transactions wait on the device to be posted."""
    battery: Annotated[int, minor_units(least=0, most=100)] | None = None
    """Charge of the battery, in percent."""


class Heartbeat(DeviceView):
    """Where devices report that they are alive."""

    @extend_schema(parameters=SIGNED)
    @described(
        "heartbeat",
        "A device says that it is there",
        {200: ALIVE},
        body=HeartbeatInput,
        refusals=[401, 409],
        with_key=False,
        by_device=True,
        once=False,
        tag=TAG,
    )
    def post(self, request: Request) -> HttpResponse:
        """Say that the device is there; the answer tells its clock and what is missing."""
        signed, key, content = self.signed()
        data = request_body.json_of(self.plain, content) if content else {}
        report = read(HeartbeatInput, mask_tree(data)[0])
        return self.send(heartbeat(signed, key, report.given(), render=_render_heartbeat))


def _place(at: int) -> str:
    """Where the transaction with this index stands in a batch."""
    return f"transactions[{at}]"


def _render_results(outcome: RequestOutcome) -> Rendered:
    shapes = [result_shape(result, _place(at)) for at, result in enumerate(outcome.results)]
    return Rendered(200, encode({"results": shapes, **series_shape(outcome.terminal), "resolved": _news(outcome)}))


def _render_heartbeat(outcome: RequestOutcome) -> Rendered:
    now = instant(timezone.now())
    return Rendered(200, encode({"server_time": now, **series_shape(outcome.terminal), "resolved": _news(outcome)}))


def _items(data: dict[str, Any]) -> list[Any]:
    items = data["transactions"]
    faults = [Fault(None, "unknown_field", "Send transactions alone.")] if len(data) > 1 else []
    if not isinstance(items, list) or not items:
        faults.append(Fault("transactions", "invalid_type", f"Send an array of 1 to {MOST} transactions."))
    if faults:
        raise ValidationFailed(faults)
    if len(items) > MOST:
        raise TooLarge("batch_too_large", f"Send at most {MOST} transactions at a time: halve the batch.")
    return list(items)


def refusal_of(result: Result, terminal: Terminal) -> Invalid | Conflict:
    """The refusal of one transaction, with its result as members."""
    refusal = _refusal(result)
    members = {**result_shape(result), "result_status": result.status, **series_shape(terminal)}
    refusal.members |= {**members, "status": refusal.status}  # a problem's status is HTTP's
    return refusal


def result_shape(result: Result, place: str = "") -> dict[str, Any]:
    return {
        "sequence": result.sequence,
        "status": result.status,
        "payment": result.payment,
        "refund": result.refund,
        "discrepancies": result.discrepancies,
        "error": _error(result, place),
    }


def _error(result: Result, place: str) -> dict[str, Any] | None:
    if result.status == "conflict":
        return {"code": "sequence_conflict", "param": inside(place, "sequence"), "detail": _CONFLICT}
    if not result.faults:
        return None
    first = result.faults[0]
    return {"code": _code(result.faults), "param": first.param, "detail": first.detail}


def _refusal(result: Result) -> Invalid | Conflict:
    if not result.faults:
        return Conflict("sequence_conflict", _CONFLICT)
    refusal = ValidationFailed(result.faults)
    refusal.code = _code(result.faults)
    return refusal


def _code(faults: list[Fault]) -> str:
    """An impossible sequence number has a code of its own, where nothing else is wrong."""
    only = faults[0].code if len(faults) == 1 else ""
    return only if only == OUT_OF_RANGE else "validation_failed"


def _news(outcome: RequestOutcome) -> list[dict[str, Any]]:
    """What waiting transactions have become; sent once, in an answer that is kept."""
    return [
        {
            "sequence": row.sequence,
            "payment": row.payment_id,
            "refund": row.refund_id,
            "discrepancies": row.discrepancies,
        }
        for row in outcome.news
    ]


def series_shape(terminal: Terminal) -> dict[str, Any]:
    """How far the device's sequence has come."""
    return {"missing_sequences": terminal.missing, "next_sequence": terminal.next_sequence}
