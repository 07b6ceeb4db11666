"""Of many requests none with a bad signature is taken, and none of a good one is refused, with a clock that is off.

`SIGNATURES` says how many of each (5,000 in `make soak SUITE=terminals`); `SEED` repeats a run.
"""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from payments.models import Payment
from terminals.models import SignedRequest, TerminalTransaction
from tests.api.client import Api
from tests.terminals.conftest import paired
from tests.terminals.device import Device, sale

MANY: Final = int(os.environ.get("SIGNATURES", "60"))
SEED: Final = int(os.environ.get("SEED") or 1)
SKEW: Final = 290  # seconds that a clock may be off, and a little less
PATH: Final = "/v1/terminal/heartbeat"

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(0)]
Forgery = Callable[[random.Random, dict[str, str], bytes], tuple[dict[str, str], bytes]]


def signature(chance: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """One character of it is another."""
    version, _, text = headers["webhook-signature"].partition(",")
    at = chance.randrange(len(text) - 4)  # the last characters of base64 may say nothing
    other = chance.choice([letter for letter in "ABCDEFxyz019" if letter != text[at]])
    return headers | {"webhook-signature": f"{version},{text[:at]}{other}{text[at + 1 :]}"}, body


def content(chance: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Another body than was signed."""
    return headers, json.dumps({"queue_depth": chance.randrange(10**6, 10**9)}).encode()


def name(chance: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Another webhook-id than was signed."""
    return headers | {"webhook-id": f"{chance.getrandbits(64):x}"}, body


def moment(chance: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Another second than was signed."""
    return headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + chance.choice([-7, -1, 1, 9]))}, body


def version(chance: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Said to be made in another way."""
    said, _, text = headers["webhook-signature"].partition(",")
    other = chance.choice([each for each in ("v1", "v1a", "v2", "v2a", "v3", "") if each != said])
    return headers | {"webhook-signature": f"{other},{text}"}, body


def rubbish(chance: random.Random, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Nothing that anybody signed."""
    text = chance.choice(["", "v1,", "v1,!!!!", "v1a," + "A" * 88, "v2," + "A" * 43 + "=", "," * 50, "v1 " * 20])
    return headers | {"webhook-signature": text}, body


FORGERIES: Final[tuple[Forgery, ...]] = (signature, content, name, moment, version, rubbish)


@pytest.fixture
def devices(back_office: Api) -> list[Device]:
    """By a secret and by a key, by either version."""
    return [paired(back_office, ed25519=key, signature=version) for key in (False, True) for version in (1, 2)]


def test_no_bad_signature_is_taken(devices: list[Device]) -> None:
    chance, answers = random.Random(SEED), Counter[tuple[int, str]]()
    known = SignedRequest.objects.count()
    for at in range(MANY):
        device = chance.choice(devices)
        body = json.dumps({"queue_depth": at}).encode()
        signed = device.headers(body, PATH)
        if at % 10 == 0:  # signed well, and by another device
            others = [each for each in devices if each is not device]
            headers, sent = signed | {"Terminal-Id": chance.choice(others).terminal}, body
        else:
            headers, sent = chance.choice(FORGERIES)(chance, signed, body)
        answer = device.http.generic("POST", PATH, sent, "application/json", headers=headers)
        answers[answer.status_code, answer.json()["code"]] += 1
    assert set(answers) <= {(401, "signature_invalid"), (401, "authentication_required")}, answers
    assert SignedRequest.objects.count() == known


def test_no_good_signature_is_refused_with_a_clock_that_is_off(devices: list[Device]) -> None:
    chance, answers = random.Random(SEED), Counter[int]()
    numbers = Counter[str]()
    for _ in range(MANY):
        device = chance.choice(devices)
        numbers[device.terminal] += 1
        posted = sale(numbers[device.terminal], 100, rrn=None, authorization_code=None)
        off = chance.choice([-SKEW, SKEW, chance.randint(-SKEW, SKEW)])
        answers[device.post(posted, timestamp=int(time.time()) + off).status_code] += 1
    assert answers == {201: MANY}
    assert TerminalTransaction.objects.count() == Payment.objects.count() == MANY
