"""What the counter's pages wait for, in the process of polls and streams: woken after a commit, asking nobody before.

It says only whether something has changed; the page then reads itself anew where it came from.
"""

import asyncio
from functools import partial
from typing import Final

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from payments.core.errors import TooMany
from payments.notify.stream import ask
from payments.runtime.waiting import waiting_for
from terminals.counter import cookies, sentences
from terminals.models import TerminalAction
from terminals.services.counter import sign_ins
from terminals.services.counter.browsers import paired_by

LONGEST: Final = 25.0  # seconds
MOST: Final = 20  # who watch the same

NOBODY: Final = "nobody"  # who asks is not (or no longer) signed in at a counter


async def watch(request: HttpRequest, action_id: str) -> HttpResponse:
    """`/counter/watch/{id}?seen=…`: 205 once it is not what was `seen` any more, 204 when the time is over."""
    try:
        status = await _watch(request, action_id)
    except TooMany:
        status = 429
    except OperationalError:  # the page comes back by itself
        status = 503
    return _shared(HttpResponse(status=status))


async def _watch(request: HttpRequest, action_id: str) -> int:
    if request.method != "GET":
        return 405
    look = partial(_state, cookies.read(request, cookies.BROWSER), cookies.read(request, cookies.SIGN_IN), action_id)
    # A page's first question is answered at once: it learns whether there is a stream on its line at all.
    until = asyncio.get_running_loop().time() + (0 if "now" in request.GET else LONGEST)
    async with waiting_for(action_id[:64], most=MOST) as waiter:
        while True:
            state = await ask(look)
            if state == NOBODY:
                return 401
            left = until - asyncio.get_running_loop().time()
            if state != request.GET.get("seen", ""):
                return 205
            if left <= 0:
                return 204
            await waiter.wait(left)


def _state(browser_token: str, sign_in_token: str, action_id: str) -> str:
    """How an action of this person's store stands; `NOBODY` where nobody is signed in, or there is no such action."""
    browser = paired_by(browser_token)
    if browser is None or sign_ins.current(browser, sign_in_token, timezone.now(), attended=False) is None:
        return NOBODY
    row = TerminalAction.objects.filter(id=action_id.replace("\0", ""), channel=browser.channel).first()
    return NOBODY if row is None else sentences.state_of(row)


def _shared(response: HttpResponse) -> HttpResponse:
    """Let the page read it, which has another port: nothing of it is any other site's."""
    response["Access-Control-Allow-Origin"] = settings.PUBLIC_URL
    response["Access-Control-Allow-Credentials"] = "true"
    response["Vary"] = "Origin"
    response["Cache-Control"] = "no-store"
    return response
