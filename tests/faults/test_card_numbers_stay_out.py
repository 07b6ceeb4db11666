"""Card numbers in every field of every request, in files and in webhooks: none is stored, logged or repeated.

`CARDS` says how many (10,000 in `make soak`), `SEED` which.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from payments.core.ids import new_id
from payments.core.pan import has_card_number
from payments.notify import signing
from reconciliation.services.import_file import import_due
from tests import sql
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.faults.cards import is_merchant_number, leaves, numbers, posts, seen, written
from tests.reconciliation.conftest import BankLine, Line, settlement_csv, statement
from tests.terminals.conftest import paired
from tests.terminals.device import sale

CARDS: Final = int(os.environ.get("CARDS", "150"))
SEED: Final = int(os.environ.get("SEED") or 1)
PREFIXES: Final = ("ord", "pay", "op", "ref", "prt", "jrn", "evt", "mer", "chn", "pac", "stl", "trm", "sim_sal")
ALLOWED: Final = "django_session"  # nothing of a request's body is there

pytestmark = pytest.mark.django_db


class Witness:
    """Everything that was sent, and every answer in which a card number came back."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.api = shop, shop.api()
        self.chance = random.Random(SEED)
        self.cards = numbers(CARDS, self.chance)
        self.known = set(self.cards)
        self.echoed: list[str] = []
        self.device = paired(self.api, channel=shop.store.id)
        self.paid = self._made("/v1/payments", {**PAY, "channel": shop.store.id})

    def answered(self, place: str, answer: Any) -> None:
        text = answer.content.decode() + str(answer.headers)
        assert answer.status_code < 500, (place, SEED)
        self.echoed += [f"{place}: {card}" for card in seen(text, self.known)]

    def bases(self, path: str) -> dict[str, Any]:
        """A body that would be taken, without the card number."""
        channel = {"channel": self.shop.store.id}
        return {
            "/v1/payments": PAY | channel,
            "/v1/refunds": {"payment": self.paid["id"], "amount": 1, "reason": "r", **channel},
            "/v1/vouchers": {"amount": 100, "currency": "EUR", "purpose": "multi"},
            "/v1/payment_links": {"amount": 100, "currency": "EUR", "description": "d", **channel},
            "/v1/terminals": {"label": "Till", "channel": self.shop.store.id},
            "/v1/webhook_endpoints": {"url": "https://8.8.8.8/hook", "events": ["*"]},
            "/v1/provider_accounts": {"provider": "simulator", "name": "n", "currency": "EUR"},
        }.get(path, {})

    def _made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.api.post(path, body)
        assert answer.status_code == 201, answer.content
        return dict(answer.json())


PAY: Final = {"order_reference": "1", "amount": 5000, "currency": "EUR", "method": "cash"}


@pytest.fixture
def witness(shop: Shop, tmp_path: Path) -> Iterator[Witness]:
    with override_settings(MEDIA_ROOT=tmp_path):
        yield Witness(shop)


def test_no_card_number_is_stored_logged_or_told_again(
    witness: Witness, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    places = cycle([*every_file(witness), *every_webhook(witness), *every_field(witness)])
    for card, (place, send) in zip(witness.cards, places, strict=False):
        witness.answered(place, send(written(card, witness.chance)))
    import_due()
    assert witness.echoed == [], f"SEED={SEED}"
    logged = "".join(capfd.readouterr()) + caplog.text
    assert seen(logged, witness.known) == set(), f"SEED={SEED}"
    stored = {place for place, text in sql.everything(connection) if seen(text, witness.known)}
    assert stored == set(), f"SEED={SEED}"
    files = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if seen(path.read_text(), witness.known)] == [], f"SEED={SEED}"


def every_field(witness: Witness) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """Each place of each body, and the names in each path."""
    found = []
    for path, schema in posts():
        for at in range(len(list(leaves(schema, "x")))):
            found += [(f"POST {path} #{at}", _send(witness, path, schema, at))]
    witness.chance.shuffle(found)
    yield from found


def _send(witness: Witness, path: str, schema: dict[str, Any], at: int) -> Callable[[str], Any]:
    def send(text: str) -> Any:
        leaf = list(leaves(schema, text))[at]
        if is_merchant_number(leaf):
            witness.known.discard(text)
        if path.startswith("/v1/terminal/"):
            fact = sale(witness.chance.randrange(1, 10**6))
            return witness.device.send(path, _merged(fact if "transactions" in path else {}, leaf))
        address = path.replace("{payment_id}", witness.paid["id"])
        return witness.api.post(address, _merged(witness.bases(path), leaf))

    return send


def _merged(base: Any, leaf: Any) -> Any:
    return base | leaf if isinstance(base, dict) and isinstance(leaf, dict) else leaf


def every_file(witness: Witness) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """Settlements and statements, their names, and the fields beside them."""
    http, headers = Client(), witness.api.headers()

    def upload(content: str, name: str = "file", **fields: str) -> Any:
        form = {"file": ContentFile(content.encode(), name=name), **fields}
        return http.post("/v1/settlement_files", form, headers=headers | {"Idempotency-Key": new_id("key")})

    yield "a line of a settlement", lambda text: upload(settlement_csv(Line(700, reference=text.replace(",", ""))))
    yield "a settlement's name", lambda text: upload(settlement_csv(Line(700), reference=text.replace(",", "")))
    yield "a bank line", lambda text: upload(statement(BankLine(100, text, name=text, end_to_end_id=text)))
    yield "a file's name", lambda text: upload(settlement_csv(Line(700, reference=new_id("x"))), name=text)
    yield "a form's field", lambda text: upload(settlement_csv(Line(700, reference=new_id("x"))), format=text)
    yield "no known format", lambda text: upload(f"who;knows\n{text};1\n")


def every_webhook(witness: Witness) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """What a provider tells, signed."""
    from payments.models import ProviderAccount

    account = ProviderAccount.objects.get(merchant=witness.shop.merchant, provider="simulator", default=True)
    secret = json.loads(account.credentials)["webhook_secret"]
    path = f"/providers/simulator/{account.id}/webhooks"

    def receive(name: str, event: Any) -> Any:
        body = msgspec.json.encode(event).decode()
        signed = signing.headers(message_id=name, body=body, moment=timezone.now(), secrets=[secret])
        return Client().generic("POST", path, body.encode(), "application/json", headers=signed)

    yield "a webhook", lambda text: receive(new_id("evt"), {"id": "evt", "type": text, "data": {"detail": text}})
    gift = {"amount": 100, "currency": "EUR", "purpose": "multi"}
    yield (
        "a key",
        lambda text: witness.api.post("/v1/vouchers", gift, idempotency_key=text.replace(" ", "-").strip("«»")),
    )
    yield "a webhook's name", lambda text: receive(new_id("evt"), {text: {"card": [text]}})


def test_nothing_of_our_own_looks_like_a_card_number() -> None:
    chance = random.Random(SEED)
    for _ in range(CARDS * 10 // len(PREFIXES)):
        ours = [new_id(prefix) for prefix in PREFIXES]
        reported = [f"{chance.randrange(10**12):012d}", f"{chance.randrange(10**6):06d}", timezone.now().isoformat()]
        flagged = [text for text in [*ours, " ".join(ours), "-".join(ours), *reported] if has_card_number(text)]
        assert flagged == [], f"SEED={SEED}"
