"""What can be paid with, where, and by whose hands."""

from collections.abc import Iterator
from dataclasses import dataclass

from payments.models import Channel, Merchant, ProviderAccount
from payments.models.merchant import WITH_COUNTER
from payments.models.payment import Method
from payments.providers import registry


@dataclass(frozen=True, slots=True)
class Offer:
    """A method of one provider account; `least` and `most` in minor units of the requested currency, None: no bound."""

    method: str
    provider_account_id: str
    redirect: bool
    least: int | None
    most: int | None

    def takes(self, amount: int) -> bool:
        """Whether so much can be charged."""
        return (self.least or 0) <= amount and (self.most is None or amount <= self.most)


def offered(
    merchant: Merchant, *, channel: Channel | None, currency: str | None = None, amount: int | None = None
) -> list[Offer]:
    """What a payment may name as its method here, each by the `default_account` that takes it.

    `amount` is in minor units of `currency`, which is the merchant's where none is given.
    """
    found: dict[str, Offer] = {}
    for account in ProviderAccount.objects.filter(merchant=merchant, active=True).order_by("-default", "id"):
        for offer in _offers(account, currency or merchant.currency):
            found.setdefault(offer.method, offer)
    here = [found[method] for method in Method.values if method in found and _is_taken(method, channel)]
    return [offer for offer in here if amount is None or offer.takes(amount)]


def _offers(account: ProviderAccount, currency: str) -> Iterator[Offer]:
    provider = registry.provider(account.provider)
    able = provider.capabilities
    for method in able.methods:
        if able.takes_unasked(method, currency):
            least, most = provider.limits(method, currency)
            yield Offer(method, account.id, method in able.redirect_methods, least, most)


def _is_taken(method: str, channel: Channel | None) -> bool:
    return method != Method.CASH or channel is None or channel.kind in WITH_COUNTER
