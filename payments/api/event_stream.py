"""`GET /v1/events/stream`: the feed as server-sent events, in the process of polls and streams."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Final

from django.db import OperationalError
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from payments.api.authentication import bearer
from payments.api.errors import MethodNotAllowed, Unavailable, problem
from payments.core.errors import Fault, NotFound, OnetillError, ValidationFailed
from payments.notify import queries
from payments.notify.queries import Position
from payments.notify.stream import StreamedEvent, ask, listen
from payments.people.actors import Caller
from payments.people.services.api_keys import verify

SCOPE: Final = "payments:read"
RETRY: Final = "retry: 2000\n\n"  # milliseconds until a client that lost us comes back
HEARTBEAT: Final = ": still here\n\n"


async def stream(request: HttpRequest) -> HttpResponseBase:
    """Every event as it becomes final: from `Last-Event-ID` on where that is sent, else from now on."""
    try:
        key = bearer(request.headers)
        caller = await ask(partial(verify, key))
        caller.require(SCOPE)
        if request.method != "GET":
            raise MethodNotAllowed
        position = await _position(request, caller)
        feed = listen(merchant_id=caller.merchant_id, channel_id=caller.channel_id, after=position, ticket=caller)
        await anext(feed)  # listening; whatever refuses it has done so while a status could still be sent
    except OnetillError as refusal:
        return problem(refusal, request)
    except OperationalError:  # the client reconnects with Last-Event-ID
        return problem(Unavailable(), request)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_text(feed), content_type="text/event-stream", headers=headers)


async def _position(request: HttpRequest, caller: Caller) -> Position | None:
    if request.GET:
        raise ValidationFailed(
            [Fault(name, "unknown_parameter", "This address takes no parameters.") for name in request.GET]
        )
    last = request.headers.get("Last-Event-ID", "").strip()
    if not last:
        return None
    try:
        return await ask(
            partial(queries.position_of, event_id=last, merchant_id=caller.merchant_id, channel_id=caller.channel_id)
        )
    except NotFound:
        detail = "There is no such event. Read what you missed from GET /v1/events, then begin without this header."
        raise ValidationFailed([Fault("Last-Event-ID", "not_found", detail)]) from None


async def _text(feed: AsyncGenerator[StreamedEvent | None, None]) -> AsyncGenerator[str, None]:
    async with aclosing(feed):
        yield RETRY
        async for event in feed:
            yield event.text if event is not None else HEARTBEAT
