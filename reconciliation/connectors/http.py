"""Requests to a bookkeeping package: one deadline, no redirects, and each failure as the error it is to us."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

import httpx
import msgspec

from payments.core.pan import mask_card_numbers
from reconciliation.connectors.base import NotReached, RateLimited, Refused, TokenRefused, Unclear

CONNECT_SECONDS: Final = 5.0
READ_SECONDS = 20.0  # for the next piece of an answer
DEADLINE_SECONDS: Final = 45.0  # for all of it: a server that trickles must not hold a worker
MOST_BYTES: Final = 20_000_000
LONGEST_DETAIL: Final = 300
USUAL_PAUSE: Final = 60.0  # seconds, where a refusal does not tell
LONGEST_PAUSE: Final = 86_400.0
# Amounts are decimals on the wire, and never binary fractions here.
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of a request that went well; `body` with amounts as decimals."""

    headers: Mapping[str, str]
    body: Any


Explain = Callable[[Any], str]


def decoded(content: bytes) -> Any:
    """Read JSON with decimal amounts.

    Raises:
        ValueError: it is none.
    """
    return json.loads(content, parse_float=Decimal)


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: Any = None,
    form: Mapping[str, str] | None = None,
    writes: bool = False,
    explain: Explain | None = None,
) -> Answer:
    """Send one request and return the answer.

    Args:
        body: sent as JSON; `form` as a form.
        writes: whether it may change something there. Of a request that only reads, nothing is ever unclear.
        explain: how the package words a refusal, given the JSON of one.

    Raises:
        ConnectorError: whatever came instead of a good answer.
    """
    sent: dict[str, Any] = {"headers": {"Accept": "application/json", **headers}, "params": params}
    if body is not None:
        sent["content"] = _encoder.encode(body)
        sent["headers"]["Content-Type"] = "application/json"
    elif form is not None:
        sent["data"] = dict(form)
    try:
        with _client(os.getpid()).stream(method, url, **sent) as response:
            content = _read(response)
    # Before a connection stood nothing can have arrived.
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
        raise NotReached("not_reached", type(error).__name__) from error
    except (httpx.TransportError, httpx.StreamError, TimeoutError) as error:
        raise _no_answer(writes, type(error).__name__) from error
    _refuse(response, content, writes, explain)
    try:
        return Answer(response.headers, decoded(content) if content else None)
    except ValueError as error:
        raise _no_answer(writes, "unreadable") from error


def _read(response: httpx.Response) -> bytes:
    began, pieces, size = time.monotonic(), [], 0
    for piece in response.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES or time.monotonic() - began > DEADLINE_SECONDS:
            raise TimeoutError
    return b"".join(pieces)


def _no_answer(writes: bool, detail: str) -> Unclear | NotReached:
    return Unclear("no_answer", detail) if writes else NotReached("no_answer", detail)


def _refuse(response: httpx.Response, content: bytes, writes: bool, explain: Explain | None) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if status == 429:
        raise RateLimited(pause(response.headers, time.time()))
    if status == 401:
        raise TokenRefused("token_refused")
    if status >= 500:
        raise _no_answer(writes, f"HTTP {status}")
    code = {403: "not_allowed", 404: "not_found_there"}.get(status, "refused")
    raise Refused(code, _detail(response, content, explain) or f"HTTP {status}")


def _detail(response: httpx.Response, content: bytes, explain: Explain | None) -> str:
    """The package's own words, if they are words: some answer with a page."""
    try:
        read = decoded(content)
    except ValueError:
        return ""
    try:
        words = explain(read) if explain is not None else ""
    except (KeyError, TypeError, AttributeError, IndexError):
        words = ""
    text = words or json.dumps(read, ensure_ascii=False, default=str)
    return mask_card_numbers(" ".join(text.split()))[:LONGEST_DETAIL]


def pause(headers: Mapping[str, str], now: float) -> float:
    """Return for how many seconds a package that refused for too many requests wants to be left alone."""
    waits = [
        _seconds(headers.get("Retry-After"), now),
        _until(headers.get("RateLimit-Reset"), now),
        _until(headers.get("X-RateLimit-Minutely-Reset"), now, per_second=1000),
        _until(headers.get("X-RateLimit-Reset"), now, per_second=1000),
    ]
    requested = next((wait for wait in waits if wait is not None), USUAL_PAUSE)
    return min(max(requested, 1.0), LONGEST_PAUSE)


def _seconds(text: str | None, now: float) -> float | None:
    """Read `Retry-After`: a number of seconds, or a date."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (TypeError, ValueError):
        return None


def _until(text: str | None, now: float, *, per_second: int = 1) -> float | None:
    """Read the moment at which a limit is lifted, in seconds or parts of one since 1970."""
    if not text or not text.strip().isdigit():
        return None
    return int(text) / per_second - now


@lru_cache(maxsize=2)
def _client(pid: int) -> httpx.Client:
    """One pool of connections a process: a forked worker must not share its parent's sockets."""
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)
