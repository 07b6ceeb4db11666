"""Whatever a device sends, signed as it should be: no defect, and books that can be proved."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from payments import audit as payments_audit
from terminals import audit
from tests.api.client import Api
from tests.terminals.conftest import paired
from tests.terminals.device import refund, reversal, sale

pytestmark = pytest.mark.django_db
STRINGS = Path(__file__).parents[3] / "shared" / "samples" / "lists" / "blns.json"
ROUNDS: Final = int(os.environ.get("ROUNDS", "4"))
SEED: Final = int(os.environ.get("SEED") or 2)
FIELDS: Final = [*sale(1), "tip", "cashback", "offline", "order_reference", "order", "action", "original", "resolves"]
MORE_FIELDS: Final = ["operator", "shift", "reason", "emv", "stan", "acquirer_tid", "decline_code", "receipt", "colour"]
VALUES: Final[list[Any]] = [
    None, True, 0, -1, 1, 2, 3, 10**12, 2**53, 2**63, 1.5, 1e300, "", " ", "0", [], {}, [1], {"a": 1}, "EUR", "BHD",
    "2000-01-01T00:00:00+23:59", "2099-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "refund", "unknown", "A0",
    "é" * 64, "\0", "x" * 200, "4111111111111111", {"sequence": 1}, {"sequence": 5}, {"order_reference": "R-1"},
    {"order": "ord_x"}, {"payment": None}, {"brand": "𝔘", "last4": "1111", "fingerprint": "a\0b"}, {"customer": "\0x"},
]  # fmt: skip


@pytest.mark.parametrize("seed", [1, SEED], ids=["known", "asked"])
def test_no_transaction_breaks_anything(back_office: Api, seed: int) -> None:
    chance = random.Random(seed)
    strings = json.loads(STRINGS.read_text()) if STRINGS.exists() else ["'; DROP TABLE--", "\u202e"]
    for _ in range(ROUNDS):
        device = paired(back_office)
        for _ in range(4):
            batch = [_spoiled(chance, _something(chance), strings) for _ in range(chance.randint(1, 20))]
            answer = device.post(*batch)
            assert answer.status_code in (200, 201, 409, 422), (seed, answer.content)
        assert [*audit.check(), *payments_audit.check()] == [], seed


def _something(chance: random.Random) -> dict[str, Any]:
    at, other = chance.randint(1, 30), chance.randint(1, 30)
    name: dict[str, Any] = {"order_reference": f"R-{chance.randint(1, 3)}"}
    outcome = chance.choice(["approved", "declined", "unknown"])
    kinds: list[Callable[[], dict[str, Any]]] = [
        lambda: sale(at, outcome=outcome),
        lambda: sale(at, **name),
        lambda: sale(at, resolves=other, outcome=outcome),
        lambda: refund(at, original={"sequence": other}, outcome=outcome),
        lambda: refund(at, original=name),
        lambda: refund(at, resolves=other),
        lambda: refund(at),
        lambda: reversal(at, of=other, outcome=outcome),
    ]
    return chance.choice(kinds)()


def _spoiled(chance: random.Random, transaction: dict[str, Any], strings: list[str]) -> dict[str, Any]:
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        value = chance.choice(VALUES) if chance.random() < 0.7 else chance.choice(strings)
        transaction[chance.choice([*FIELDS, *MORE_FIELDS])] = value
    return transaction
