"""The long polls of devices and tills, in the process of polls and streams: woken after a commit, asking nobody before.

A waiting poll holds no connection of the database: it looks once when it comes, once whenever it is woken, and once
when its time is over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from payments.api.authentication import bearer
from payments.api.errors import MethodNotAllowed, Unavailable, problem
from payments.api.idempotency import encode, respond
from payments.api.inputs import read_query
from payments.core.errors import NotFound, OnetillError
from payments.notify.stream import ask
from payments.people.services.api_keys import verify
from payments.runtime.waiting import waiting_for
from terminals import payloads, queries
from terminals.api.actions import ActionQuery
from terminals.api.device_actions import render_action
from terminals.models import ActionStatus, TerminalAction
from terminals.services.actions.device import next_action
from terminals.services.authenticate import Signed, authenticate
from terminals.services.idempotency import Rendered

SCOPE: Final = "terminals:read"
MOST_OF_A_DEVICE: Final = 4  # polls at once: a device whose line broke may have left some behind
MOST_OF_AN_ACTION: Final = 20
_GOES_ON: Final = (ActionStatus.QUEUED, ActionStatus.PRESENTED, ActionStatus.UNKNOWN)


async def poll(request: HttpRequest) -> HttpResponse:
    """Answer a device with what it is to do next, as soon as there is anything within `wait` seconds; else 204."""
    return await _refused(request, _poll)


async def watch(request: HttpRequest, terminal_id: str, action_id: str) -> HttpResponse:
    """Answer a till with an action, after its next change within `wait` seconds; at once if it has ended."""
    return await _refused(request, partial(_watch, terminal_id=terminal_id, action_id=action_id))


async def _refused(request: HttpRequest, answer: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> HttpResponse:
    try:
        if request.method != "GET":
            raise MethodNotAllowed
        return await answer(request)
    except OnetillError as refusal:
        return problem(refusal, request)
    except OperationalError:  # whoever polls comes back by itself
        return problem(Unavailable(), request)


async def _poll(request: HttpRequest) -> HttpResponse:
    signed = Signed.read(request.headers, method="GET", path=request.get_full_path(), body=request.body)
    until = _until(request)
    async with waiting_for(signed.terminal_id, most=MOST_OF_A_DEVICE) as waiter:
        # Before the first look: whoever is not this terminal learns nothing, not even by waiting.
        await ask(partial(authenticate, signed, now=timezone.now()))
        while True:
            answer = await ask(partial(_look, signed))
            left = until - asyncio.get_running_loop().time()
            if answer.status != 204 or left <= 0:
                return HttpResponse(answer.body, "application/json", answer.status)
            await waiter.wait(left)


def _look(signed: Signed) -> Rendered:
    # The time it was signed at was judged when it came; the key has to be the terminal's still.
    key = authenticate(signed, now=None)
    return next_action(signed, key, render=render_action)


async def _watch(request: HttpRequest, *, terminal_id: str, action_id: str) -> HttpResponse:
    until = _until(request)
    read = partial(_read, bearer(request.headers), terminal_id, action_id)
    async with waiting_for(action_id, most=MOST_OF_AN_ACTION) as waiter:
        first = action = await ask(read)
        while action.status in _GOES_ON and len(action.history) == len(first.history):
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                break
            await waiter.wait(left)
            action = await ask(read)
    return respond(200, encode(payloads.action(action)))


def _read(key: str, terminal_id: str, action_id: str) -> TerminalAction:
    """The action, if whoever has this key may see it (still).

    Raises:
        Unauthenticated, Forbidden, NotFound: as on the main port.
    """
    caller = verify(key)
    caller.require(SCOPE)
    rows = queries.actions(terminal_id=terminal_id).filter(merchant_id=caller.merchant_id)
    if caller.channel_id is not None:
        rows = rows.filter(channel_id=caller.channel_id)
    action = rows.filter(id=action_id).first() if "\0" not in terminal_id + action_id else None
    if action is None:
        raise NotFound.of("terminal action")
    return action


def _until(request: HttpRequest) -> float:
    """Until when to wait, by the event loop's clock."""
    return asyncio.get_running_loop().time() + (read_query(ActionQuery, request.GET).wait or 0)
