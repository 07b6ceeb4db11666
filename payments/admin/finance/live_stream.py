"""`GET /admin/live/stream`: tells the first page that something happened, in the process of polls and streams.

It tells nothing else: what happened is read by the page itself, as its person may see it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from payments.admin.base.access import merchants, person
from payments.core.errors import TooMany
from payments.notify.stream import HEARTBEAT_SECONDS, StreamedEvent, ask, listen
from payments.people.middleware import signed_in

LONGEST: Final = 60.0  # seconds; the browser comes back, and is asked again who it is
PAUSE: Final = 1.0  # seconds between two readings of the page, however much happens
RETRY: Final = "retry: 1000\n\n"
HEARTBEAT: Final = ": still here\n\n"
CHANGED: Final = "data: changed\n\n"


async def stream(request: HttpRequest) -> HttpResponseBase:
    """A message after each change at the named merchant; 403 to those who may not see it, 503 when overloaded."""
    headers = {
        "Access-Control-Allow-Origin": settings.PUBLIC_URL,
        "Access-Control-Allow-Credentials": "true",
        "Cache-Control": "no-store",
        "Vary": "Origin, Cookie",
        "X-Accel-Buffering": "no",
    }
    try:
        merchant_id = await ask(lambda: _merchant(request))
        if request.method != "GET" or merchant_id is None:
            return HttpResponse(status=403, headers=headers)
        feed = listen(merchant_id=merchant_id, channel_id=None, after=None)
        await anext(feed)
    except (OperationalError, TooMany):  # the browser comes back
        return HttpResponse(status=503, headers=headers)
    return StreamingHttpResponse(_changes(feed), content_type="text/event-stream", headers=headers)


def _merchant(request: HttpRequest) -> str | None:
    """The merchant that is asked about, if who is signed in may see it."""
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.user = signed_in(request, get_user(request))  # type: ignore[assignment]
    if not admin.site.has_permission(request):
        return None
    named = merchants(person(request)).filter(id=request.GET.get("merchant", ""))
    return named.values_list("id", flat=True).first()


async def _changes(feed: AsyncGenerator[StreamedEvent | None, None]) -> AsyncGenerator[str, None]:
    changed = asyncio.Event()
    reader = asyncio.create_task(_note(feed, changed))
    ends = time.monotonic() + LONGEST
    try:
        yield RETRY
        while not reader.done() and (left := ends - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(changed.wait(), min(left, HEARTBEAT_SECONDS))
            except TimeoutError:
                yield HEARTBEAT
                continue
            changed.clear()
            yield CHANGED
            await asyncio.sleep(PAUSE)  # what happens meanwhile is one message
    finally:
        reader.cancel()


async def _note(feed: AsyncGenerator[StreamedEvent | None, None], changed: asyncio.Event) -> None:
    """Take what comes at once, so that no listener is ever too slow."""
    async with aclosing(feed):
        async for event in feed:
            if event is not None:
                changed.set()
