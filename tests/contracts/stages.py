"""How each provider of the registry is brought to each outcome it can have, for the contract test.

A new provider adds one stage here: the recordings, or the magic, by which its outcomes can be had.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from standardwebhooks.webhooks import Webhook

from payments.core.ids import new_id
from payments.core.money import Money
from payments.providers.base import Credentials, Outcome, Provider, ProviderRequest, Result, Verb
from payments.providers.simulator.magic import Ending, magic
from tests.fake_mollie import webhooks as mollie_webhooks
from tests.fake_paynl.post import signature as paynl_signature
from tests.fake_stripe.post import signature
from tests.fakes.faults import Fault


@dataclass(frozen=True, slots=True)
class Stage:
    """`amounts`: what to ask for each outcome of a sale. `unseen`: what fetch says of a call never made.

    `secrets`: what its accounts are given beside what it makes for them. `sign`: headers over a body, by a secret.
    `pay`: the customer pays a sale that no request alone completes; `refund`: what a refund of it comes to.
    """

    amounts: Mapping[Outcome, int] = field(default_factory=dict)
    method: str = "card"
    asked: Mapping[str, Any] = field(default_factory=dict)  # what every call has beside amount and method
    unseen: Outcome = Outcome.NOT_SENT
    refuses: tuple[Verb, ...] = ()
    secrets: Callable[[], Mapping[str, str]] = dict
    sign: Callable[..., dict[str, str]] | None = None
    secret: str = "webhook_secret"  # which of the account's secrets signs
    event: tuple[bytes, str] = (b'{"id":"evt_1","type":"something"}', "evt_1")  # one of its webhooks, and its name
    replayable: bool = False  # its webhooks have no time in them, so that an old one cannot be told
    faults: Mapping[Outcome, Fault] = field(default_factory=dict)  # of its fake, where an amount does not do it
    pay: Callable[[Result], None] = lambda sale: None
    refund: Outcome = Outcome.SUCCEEDED


def signed(secret: str, body: bytes, *, name: str = "evt_1", at: datetime | None = None) -> dict[str, str]:
    """Standard Webhooks headers over a body."""
    at = at or datetime.now(UTC)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, at, body.decode()),
    }


def stripe_signed(secret: str, body: bytes, *, at: datetime | None = None) -> dict[str, str]:
    """Stripe's header over a body."""
    return {"stripe-signature": signature(secret, body, at.timestamp() if at else None)}


def stripe_secrets() -> Mapping[str, str]:
    """An account at the fake Stripe that nobody used yet."""
    name = secrets.token_hex(8)
    return {"secret_key": f"sk_test_{name}", "webhook_secret": f"whsec_{name}"}


def paynl_signed(secret: str, body: bytes, *, at: datetime | None = None) -> dict[str, str]:
    """Pay.nl's headers over a body; there is no time in them."""
    return paynl_signature(f"SL-{secret.removeprefix('secret-of-SL-')}", secret, body)


def paynl_secrets() -> Mapping[str, str]:
    """A sales location at the fake Pay.nl that nobody used yet."""
    numbers = f"{secrets.randbelow(10_000):04d}-{secrets.randbelow(10_000):04d}"
    return {
        "service_id": f"SL-{numbers}",
        "service_secret": f"secret-of-SL-{numbers}",
        "token_code": f"AT-{numbers}",
        "api_token": f"token-of-AT-{numbers}",
    }


def mollie_secrets() -> Mapping[str, str]:
    """An account at the fake Mollie that nobody used yet."""
    name = secrets.token_hex(15)
    return {"api_key": f"test_{name}", "webhook_secret": f"secret_{name}"}


def mollie_signed(secret: str, body: bytes, *, at: datetime | None = None) -> dict[str, str]:
    """Mollie's header over a body; it tells no time."""
    return {"x-mollie-signature": mollie_webhooks.signed(body, secret)["X-Mollie-Signature"]}


def adyen_secrets() -> Mapping[str, str]:
    """An account at the fake Adyen that nobody used yet."""
    name = secrets.token_hex(8)
    key = hashlib.sha256(name.encode()).hexdigest()
    return {"api_key": f"AQE_{name}", "merchant_account": f"Onetill_{name}", "hmac_key": key}


def paid_on_the_page(sale: Result) -> None:
    """The customer goes to the provider's page and pays there."""
    assert sale.redirect_url is not None
    httpx.post(sale.redirect_url, data={"action": "pay"}, trust_env=False)


PAYNL_EVENT: Final = "123412340001X00001:100:None:None:None"  # it gives its events no names
STAGES: Final = {
    "simulator": Stage(
        amounts={
            Outcome.SUCCEEDED: 12_50,
            Outcome.DECLINED: magic(12_00, Ending.DO_NOT_HONOR),
            Outcome.PENDING: magic(12_00, Ending.PENDING_SUCCEEDS),
            Outcome.UNKNOWN: magic(12_00, Ending.DROPPED_DONE),
            Outcome.NOT_SENT: magic(12_00, Ending.UNREACHABLE_ONCE),
        },
        sign=signed,
    ),
    "recorded": Stage(
        amounts={Outcome.SUCCEEDED: 12_50},
        method="cash",
        unseen=Outcome.SUCCEEDED,
        refuses=(Verb.AUTHORIZE, Verb.CAPTURE, Verb.CANCEL),
    ),
    "stripe": Stage(
        amounts={
            Outcome.SUCCEEDED: 12_50,
            Outcome.DECLINED: magic(12_00, Ending.DO_NOT_HONOR),
            Outcome.PENDING: magic(12_00, Ending.REDIRECT),
            Outcome.UNKNOWN: magic(12_00, Ending.DROPPED_DONE),
            Outcome.NOT_SENT: magic(12_00, Ending.RATE_LIMITED),
        },
        asked={"metadata": {"stripe_token": "pm_card_visa"}, "return_url": "https://shop.example/back"},
        unseen=Outcome.UNKNOWN,  # a charge with a token may still be running
        secrets=stripe_secrets,
        sign=stripe_signed,
    ),
    "paynl": Stage(
        amounts={Outcome.PENDING: 12_50, Outcome.UNKNOWN: 12_50, Outcome.NOT_SENT: 12_50},
        faults={Outcome.UNKNOWN: Fault.DROPPED_DONE, Outcome.NOT_SENT: Fault.RATE_LIMITED},
        method="ideal",
        asked={"return_url": "https://shop.example/back"},
        unseen=Outcome.UNKNOWN,  # it has no name of ours to be asked by
        secrets=paynl_secrets,
        sign=paynl_signed,
        secret="service_secret",
        event=(b'{"object":{"orderId":"123412340001X00001","status":{"code":100}}}', PAYNL_EVENT),
        replayable=True,
    ),
    "mollie": Stage(
        amounts={
            Outcome.DECLINED: 60_000_00,  # more than Mollie takes
            Outcome.PENDING: 12_50,
            Outcome.UNKNOWN: magic(12_00, Ending.DROPPED_DONE),
            Outcome.NOT_SENT: magic(12_00, Ending.RATE_LIMITED),
        },
        method="ideal",
        asked={"return_url": "https://shop.example/back"},
        secrets=mollie_secrets,
        sign=mollie_signed,
        replayable=True,
        pay=paid_on_the_page,
        refund=Outcome.PENDING,
    ),
    "adyen": Stage(
        amounts={
            Outcome.SUCCEEDED: 12_50,
            Outcome.DECLINED: magic(12_00, Ending.DO_NOT_HONOR),
            Outcome.PENDING: magic(12_00, Ending.PENDING_SUCCEEDS),
            Outcome.UNKNOWN: magic(12_00, Ending.DROPPED_DONE),
            Outcome.NOT_SENT: magic(12_00, Ending.RATE_LIMITED),
        },
        asked={"metadata": {"adyen_stored_payment_method": "8415", "adyen_shopper": "shopper-1"}},
        unseen=Outcome.UNKNOWN,  # it cannot be asked
        secrets=adyen_secrets,
        secret="hmac_key",  # signs within the body: tests/adyen/test_webhooks.py
        replayable=True,
        refund=Outcome.PENDING,
    ),
    "external": Stage(amounts={Outcome.DECLINED: 12_50}, refuses=tuple(Verb)),
}


def call(stage: Stage, verb: Verb = Verb.SALE, amount: int = 12_50, **more: Any) -> ProviderRequest:
    """A fresh call."""
    fresh = ProviderRequest(new_id("op"), verb, Money(amount, "EUR"), new_id("pay"), method=stage.method)
    return replace(fresh, **{**stage.asked, **more})


def credentials(provider: str, secrets: Mapping[str, str]) -> Credentials:
    """A fresh account."""
    return Credentials(new_id("pac"), provider, "EUR", secrets=secrets)


def account_of(code: str, provider: Provider) -> Credentials:
    """A fresh account with all the secrets it needs."""
    return credentials(code, {**provider.new_secrets(), **STAGES[code].secrets()})
