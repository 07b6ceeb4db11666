"""Every address of the API by every kind of key, and what each must get: one after another, and all at once.

Two merchants ask, each for its own things and for the other's. `MATRIX=full` asks by every scope alone, on
the other's things and on a tied key too, which takes minutes; `make test` takes a scope and its neighbors, and asks a
third of that once more all at once.
"""

import json
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from threading import local
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from payments.people.scopes import SCOPES, spell_out
from payments.people.services import api_keys
from tests.access import sizes
from tests.access.api_table import CALENDAR, KEYLESS, TABLE, Reach, Row
from tests.access.things import things
from tests.builders import Shop, open_shop
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

FULL: Final = os.environ.get("MATRIX") == "full"
WIDTH: Final = 4
AGAIN: Final = 1 if FULL else 3
PASSES = "passes"


@dataclass(frozen=True)
class Side:
    """One merchant and what it has."""

    shop: Shop
    things: dict[str, str]

    @property
    def secrets(self) -> list[str]:
        """What an answer to the other merchant must not hold."""
        return [self.shop.merchant.id, self.shop.merchant.name, self.shop.webshop.id, *self.things.values()]


@dataclass(frozen=True)
class Key:
    """A key: whose, with which scopes, tied to what ("" for none)."""

    side: Side
    scopes: tuple[str, ...]
    tied: str = ""
    text: str = ""

    def __str__(self) -> str:
        return f"{self.side.shop.merchant.name} {self.tied or 'untied'} {','.join(self.scopes) or 'no key'}"


@dataclass(frozen=True)
class Case:
    """One request, and what it must be answered."""

    key: Key
    row: Row
    target: Side
    other: Side  # whose things the answer must not hold

    @property
    def expected(self) -> str:
        """By the table alone."""
        row, key = self.row, self.key
        if not key.scopes:
            return "401 authentication_required"
        if row.scope and row.scope not in spell_out(key.scopes):
            return "403 scope_missing"
        if key.tied and row.reach == Reach.WHOLE:
            return "403 channel_not_allowed"
        if row.about_one and self.target is not key.side:
            return "404 not_found"
        elsewhere = row.about_one and key.tied == "webshop"
        if elsewhere and row.reach == Reach.CHANNEL:
            return "404 not_found"
        if elsewhere and row.reach == Reach.SPEAKS:
            return "403 channel_not_allowed"
        return PASSES

    def answer(self) -> str:
        """What it is answered; a body that nobody can read changes nothing where it is let through."""
        path = self.row.path.format(**CALENDAR, **self.target.things)
        headers = {"Authorization": f"Bearer {self.key.text}"} if self.key.text else {}
        headers["Idempotency-Key"] = secrets.token_hex(8)
        body = b"" if self.row.method == "GET" else (b"[" if self.target is self.key.side else b"{}")
        query = "?nonsense=1" if self.row.method == "DELETE" and self.expected == PASSES else ""
        answer = client().generic(self.row.method, path + query, body, "application/json", headers=headers)
        if answer.status_code in (401, 403, 404):
            return f"{answer.status_code} {json.loads(answer.content)['code']}"
        content = answer.getvalue()
        held = [each for each in self.other.secrets if each.encode() in content]
        return PASSES if answer.status_code < 500 and not held else f"{answer.status_code} with {held}"

    def __str__(self) -> str:
        mine = "own" if self.target is self.key.side else "other's"
        return f"{self.key}: {self.row.method} {self.row.path} ({mine})"


_http = local()


def client() -> Client:
    """One a thread: what a client costs is the making of it."""
    if not hasattr(_http, "client"):
        _http.client = Client()
    made: Client = _http.client
    return made


def made(side: Side, scopes: Iterable[str], tied: str = "") -> Key:
    channel = {"store": side.shop.store.id, "webshop": side.shop.webshop.id}.get(tied)
    merchant = side.shop.merchant.id
    new = api_keys.create(merchant_id=merchant, test_mode=True, scopes=scopes, channel_id=channel, actor="tests")
    return Key(side, tuple(scopes), tied, new.text)


def cases(one: Side, two: Side) -> list[Case]:
    """Everything to be asked."""
    found = []
    for side, other in ((one, two), (two, one)):
        keys = [Key(side, ()), *(made(side, ["all"], tied) for tied in ("", "store", "webshop"))]
        alone = {scope: made(side, [scope]) for scope in SCOPES} if side is one or FULL else {}
        tied = [made(side, [scope], "store") for scope in SCOPES] if FULL else []
        for row in TABLE:
            single = list(alone.values()) if FULL else [alone[scope] for scope in near(row.scope) if scope in alone]
            found += [Case(key, row, side, other) for key in [*keys, *single, *tied]]
            if row.about_one:
                found += [Case(key, row, other, other) for key in ([*keys, *single, *tied] if FULL else keys)]
    return found


def near(scope: str) -> list[str]:
    """The scope itself and its neighbors in the list: reading where one writes, and another kind."""
    at = SCOPES.index(scope) if scope else 0
    return [SCOPES[(at + step) % len(SCOPES)] for step in (-1, 0, 1)]


@pytest.fixture
def sides(settings: Any) -> tuple[Side, Side]:
    settings.WEBHOOK_ALLOW_PRIVATE = True  # nothing is resolved here, and nothing is sent
    bloem, vreemd = open_shop("Bloem & Blad"), open_shop("Vreemd & Verre")
    return Side(bloem, things(bloem)), Side(vreemd, things(vreemd))


def test_every_key_gets_at_every_address_what_the_table_says(sides: tuple[Side, Side]) -> None:
    requested = cases(*sides)
    assert len(requested) > (sizes.API_CASES if FULL else 800)
    one_by_one = {str(case): case.answer() for case in requested}
    wrong = {
        str(case): (case.expected, one_by_one[str(case)])
        for case in requested
        if one_by_one[str(case)] != case.expected
    }
    assert wrong == {}

    again = requested[::AGAIN]
    at_the_same_time: dict[str, str] = {}
    for outcome in at_once(
        *(lambda at=at: {str(each): each.answer() for each in again[at::WIDTH]} for at in range(WIDTH))
    ):
        assert isinstance(outcome, dict), outcome
        at_the_same_time |= outcome
    assert {case: (one_by_one[case], got) for case, got in at_the_same_time.items() if got != one_by_one[case]} == {}


def test_every_address_is_declared() -> None:
    """By the URLs themselves: what no row names fails here."""
    declared = {re.sub(r"\{\w+\}", "()", row.path.lstrip("/")) for row in TABLE}
    declared |= {re.sub(r"\(\w+\)", "()", path) for path in KEYLESS}
    served = {path for path in addresses(get_resolver()) if not path.startswith("admin/")}
    assert served - declared == set()
    assert declared - served == set()


def test_every_method_of_an_address_is_declared() -> None:
    """A view answers 405 to what no row names, and to nothing else."""
    declared: dict[str, set[str]] = {}
    for row in TABLE:
        declared.setdefault(re.sub(r"\{\w+\}", "x", row.path), set()).add(row.method)
    key = made(Side(open_shop(), {}), ["all"])
    headers = {"Authorization": f"Bearer {key.text}", "Idempotency-Key": "k" * 20}
    for path, methods in declared.items():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = client().generic(method, path, b"[", "application/json", headers=headers)
            assert (answer.status_code == 405) == (method not in methods), (method, path, answer.status_code)


def addresses(resolver: Any, before: str = "") -> Iterable[str]:
    for pattern in resolver.url_patterns:
        path = before + re.sub(r"<\w+:\w+>|\(\?P<\w+>[^)]*\)", "()", str(pattern.pattern)).strip("^$")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, path)
        else:
            yield path
