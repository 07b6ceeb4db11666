"""The shop whose year it is: its channels, a terminal in each store, and the accounts that take its money."""

from dataclasses import dataclass
from typing import Final

from payments.core.errors import Invalid
from payments.models import Channel, Merchant, ProviderAccount
from payments.notify.models import WebhookEndpoint
from payments.services import create_setup
from terminals.models import Terminal
from terminals.services.create import create
from terminals.services.pair import pair

ACTOR: Final = "system:year"
LABEL: Final = "Till of the generated year"


@dataclass(frozen=True, slots=True)
class Shop:
    """One test merchant, ready to be sold from."""

    merchant: Merchant
    webshops: list[Channel]
    stores: list[Channel]
    tills: dict[str, str]  # a terminal's id, by its store's
    online: ProviderAccount
    recorded: ProviderAccount


def prepare(merchant: Merchant) -> Shop:
    """The merchant's own channels, or a webshop and a store where it has none.

    Raises:
        Invalid: a live merchant, or one whose webhook endpoints would receive every payment.
    """
    if not merchant.test_mode:
        raise Invalid("live_merchant", "A year is made up for a test merchant only.", param="merchant")
    if WebhookEndpoint.objects.filter(merchant_id=merchant.id, status=WebhookEndpoint.Status.ENABLED).exists():
        detail = "This merchant has webhook endpoints, which would receive every payment. Use another merchant."
        raise Invalid("webhook_endpoints_listen", detail, param="merchant")
    stores = _channels(merchant, "in_store", "Store")
    return Shop(
        merchant=merchant,
        webshops=_channels(merchant, "online", "Webshop"),
        stores=stores,
        tills={store.id: _till(store) for store in stores},
        online=_account(merchant, "simulator"),
        recorded=_account(merchant, "recorded"),
    )


def _channels(merchant: Merchant, kind: str, name: str) -> list[Channel]:
    found = list(Channel.objects.filter(merchant=merchant, kind=kind, active=True).order_by("id"))
    found = found or [create_setup.create_channel(merchant=merchant, kind=kind, name=name, actor=ACTOR)]
    for channel in found:
        channel.merchant = merchant
    return found


def _account(merchant: Merchant, provider: str) -> ProviderAccount:
    account = ProviderAccount.objects.get(merchant=merchant, provider=provider, default=True)
    account.merchant = merchant
    return account


def _till(store: Channel) -> str:
    known = Terminal.objects.filter(channel=store, label=LABEL, status=Terminal.Status.ACTIVE).first()
    if known is not None:
        return known.id
    new = create(channel=store, label=LABEL, actor=ACTOR)
    pair(code=new.pairing_code, address="127.0.0.1")
    return new.terminal.id
