"""Signed requests of devices, carried out once: under the terminal's lock, in one transaction with the kept answer.

A view parses a request, calls one of these, and says how its result is rendered. The rendering happens within the
transaction because the answer is kept with it, byte for byte, for a device that repeats the request.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from terminals.models import Terminal, TerminalTransaction
from terminals.services.authenticate import Key, Signed
from terminals.services.check_in import check_in
from terminals.services.deferred import take_resolved
from terminals.services.idempotency import Carried, Rendered, answer_once
from terminals.services.ingest import ingest
from terminals.services.posted import Result
from terminals.sql import DeviceRequestState


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """What the requests of devices led to: a result for each transaction, and what waiting ones have become."""

    terminal: Terminal
    results: Sequence[Result] = ()
    news: Sequence[TerminalTransaction] = ()


Render = Callable[[RequestOutcome], Rendered]


def post_transactions(
    signed: Signed, key: Key, items: Sequence[Any], *, places: Sequence[str], with_news: bool, render: Render
) -> Rendered:
    """Record posted transactions; `places` says where each stands in the request (`transactions[3]`).

    `with_news`: the answer has room for what waiting transactions have become.

    Raises:
        Unauthenticated: the key is no longer the terminal's.
        Conflict: `signature_reused`.
    """

    def carry_out(terminal: Terminal, state: DeviceRequestState) -> Carried:
        results, unwritten = ingest(terminal, items, places=places, now=timezone.now(), state=state)
        # This request may have freed what waited, after the state was read.
        news = take_resolved(terminal) if with_news and (state.news or state.waits) else []
        return Carried(render(RequestOutcome(terminal, results, news)), unwritten)

    return answer_once(signed, key, carry_out, open_items=len(items))


def heartbeat(signed: Signed, key: Key, report: dict[str, Any], *, render: Render) -> Rendered:
    """Record that a terminal is alive, and what it reports of itself (`firmware`, `queue_depth`, `battery`).

    Raises:
        Unauthenticated: the key is no longer the terminal's.
        Conflict: `signature_reused`.
    """

    def carry_out(terminal: Terminal, state: DeviceRequestState) -> Carried:
        unwritten = check_in(terminal, now=timezone.now(), **report)
        return Carried(render(RequestOutcome(terminal, news=take_resolved(terminal) if state.news else [])), unwritten)

    return answer_once(signed, key, carry_out)
