"""The demo's cast: one merchant with two webshops and three stores, created once and stored in a file."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from payments.models import Channel, Merchant, ProviderAccount
from payments.people.models import Role, SecondFactor, User
from payments.people.services import api_keys
from payments.services import create_setup, update_setup
from terminals.device.connection import Line
from terminals.device.device import Device
from terminals.device.storage import Memory
from terminals.services import create

BY: Final = "system:demo"
ADMIN: Final = "demo"
SECOND: Final = "demo-finance"
IBAN: Final = "NL91ABNA0417164300"
WEBSHOPS: Final = ("bloemenblad.nl", "bloemenblad.be")
STORES: Final = ("Utrecht Oudegracht", "Amsterdam Haarlemmerstraat", "Antwerpen Meir")
ADDRESSES: Final = (
    "Oudegracht 187\n3511 NE Utrecht",
    "Haarlemmerstraat 42\n1013 ES Amsterdam",
    "Meir 78\n2000 Antwerpen",
)
RECEIPTS: Final = {
    "address": "Oudegracht 1\n3511 AB Utrecht",
    "registration_number": "12345678",
    "vat_number": "NL001234567B01",
}
FEE_RATES: Final[dict[str, list[dict[str, Any]]]] = {
    "simulator": [
        {"method": "ideal", "type": "sale", "fixed": 29, "basis_points": 0},
        {"method": "card", "type": "sale", "fixed": 10, "basis_points": 120},
        {"type": "sale", "fixed": 15, "basis_points": 90},
    ],
    "external": [{"fixed": 5, "basis_points": 20}],
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Ids, and the secrets that the demo's customers need; stored where only the installation's user can read."""

    merchant: str
    webshops: list[str]
    stores: list[str]
    terminals: list[str]  # one in each store, in the same order
    simulator: str
    external: str
    api_key: str
    admin: dict[str, str]
    second: dict[str, str]  # finance, for what needs a second person

    @property
    def channel(self) -> str:
        """The webshop whose name stands in the banner's example."""
        return self.webshops[0]

    @property
    def store(self) -> str:
        """The store whose till stands there."""
        return self.stores[0]


def path() -> Path:
    """Where the cast is remembered between runs."""
    return Path(settings.ONETILL_HOME) / "demo.json"


def load() -> Cast:
    """The cast that `prepare` made."""
    return Cast(**json.loads(path().read_text()))


def device(terminal: str) -> Device:
    """The device that this terminal's file makes."""
    return Device(Line(settings.PUBLIC_URL), Memory.load(Path(settings.ONETILL_HOME) / f"{terminal}.json"))


def prepare() -> Cast:
    """Create the cast, or load it; a database that was reset gets a new one."""
    if path().exists():
        cast = _remembered()
        if cast is not None and Merchant.objects.filter(id=cast.merchant).exists():
            return cast
    cast = _make()
    _remember(cast)
    return cast


def _remembered() -> Cast | None:
    """The cast of an earlier run; one that signed in by a password alone gets its second factors now."""
    stored = json.loads(path().read_text())
    if "second" not in stored and Merchant.objects.filter(id=stored["merchant"]).exists():
        stored |= _people(stored["merchant"])
        _remember(Cast(**stored))
    return Cast(**stored) if "second" in stored else None


def _remember(cast: Cast) -> None:
    draft = path().with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(cast)))
    draft.replace(path())


def _make() -> Cast:
    merchant = create_setup.create_merchant(name="Bloem & Blad", iban=IBAN, actor=BY)
    update_setup.amend_merchant(merchant, changes=RECEIPTS, actor=BY)
    accounts = ProviderAccount.objects.filter(merchant=merchant)
    for account in accounts:
        account.fee_rates = FEE_RATES.get(account.provider, [])
        account.bank_iban = IBAN
        account.save(update_fields=["fee_rates", "bank_iban"])
    by_provider = {account.provider: account.id for account in accounts}
    webshops = [
        create_setup.create_channel(merchant=merchant, kind="online", name=name, actor=BY).id for name in WEBSHOPS
    ]
    stores = [create_setup.create_channel(merchant=merchant, kind="in_store", name=name, actor=BY) for name in STORES]
    for store, address in zip(stores, ADDRESSES, strict=True):
        update_setup.amend_channel(store, changes={"address": address}, actor=BY)
    key = api_keys.create(merchant_id=merchant.id, test_mode=True, scopes=["all"], actor=BY, label="Demo")
    return Cast(
        merchant=merchant.id,
        webshops=webshops,
        stores=[store.id for store in stores],
        terminals=[_terminal(store) for store in stores],
        simulator=by_provider["simulator"],
        external=by_provider["external"],
        api_key=key.text,
        **_people(merchant.id),
    )


def _terminal(store: Channel) -> str:
    """A terminal, paired by its device as a shop assistant would: with the code, over HTTP."""
    new = create.create(channel=store, label=f"{store.name}, till 1", actor=BY)
    device(new.terminal.id).pair(new.pairing_code, ed25519=True)
    return new.terminal.id


def _people(merchant_id: str) -> dict[str, dict[str, str]]:
    """Create a superuser and a user of finance, with random passwords."""
    return {"admin": _person(ADMIN, None), "second": _person(SECOND, merchant_id)}


def _person(username: str, finance_of: str | None) -> dict[str, str]:
    """Their codes are printed by `demo_code`, which is why such a factor never exists beside a live merchant."""
    password = secrets.token_urlsafe(9)
    with transaction.atomic():
        user, _ = User.objects.get_or_create(username=username)
        user.is_staff, user.is_superuser = True, finance_of is None
        user.set_password(password)
        user.save()
        if finance_of is not None:
            Role.objects.get_or_create(user=user, merchant_id=finance_of, channel_id=None, role=Role.Name.FINANCE)
        SecondFactor.objects.filter(user=user).delete()
        if not Merchant.objects.filter(mode=Merchant.Mode.LIVE).exists():
            SecondFactor.objects.create(user=user, name="demo", demo=True, enrolled_at=timezone.now())
    return {"username": username, "password": password}
