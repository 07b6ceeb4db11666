"""Fields of a body that name an object of the caller's merchant."""

from typing import Any, Final

from payments import object_index
from payments.api.fields import Reference
from payments.api.views import channel_of
from payments.db.compiled_queries import CompiledQuery
from payments.models import Channel, Order, Payment, ProviderAccount
from payments.people.actors import Caller

_ORDER: Final = CompiledQuery(
    lambda merchant_id, order_id: Order.objects.filter(id=order_id, merchant_id=merchant_id).select_related(
        "merchant", "channel"
    )
)
_PAYMENT: Final = CompiledQuery(
    lambda merchant_id, payment_id: Payment.objects.filter(id=payment_id, merchant_id=merchant_id).select_related(
        "merchant", "order__merchant", "order__channel", "channel", "provider_account"
    )
)


def channel_field(**kwargs: Any) -> Reference:
    """A channel that the key may speak for."""
    return Reference(channel_of, kind="channel", example="chn_…", **kwargs)


def order_field(**kwargs: Any) -> Reference:
    """An order of any channel."""
    return Reference(_order, kind="order", example="ord_…", **kwargs)


def payment_field(**kwargs: Any) -> Reference:
    """A payment of any channel."""
    return Reference(_payment, kind="payment", example="pay_…", **kwargs)


def terminal_field(**kwargs: Any) -> Reference:
    """A terminal, by its id; what it is, the floor above knows."""
    return Reference(_terminal, kind="terminal", example="trm_…", **kwargs)


def namespace_field(**kwargs: Any) -> Reference:
    """A namespace of orders that some channel of the merchant uses."""
    return Reference(_namespace, kind="channel", example="chn_…", **kwargs)


def account_field(**kwargs: Any) -> Reference:
    """A provider account in use."""
    return Reference(_account, kind="provider account", example="pac_…", **kwargs)


def _order(caller: Caller, order_id: str) -> Order | None:
    return _ORDER.first(caller.merchant_id, order_id)


def _payment(caller: Caller, payment_id: str) -> Payment | None:
    return _PAYMENT.first(caller.merchant_id, payment_id)


def _terminal(caller: Caller, terminal_id: str) -> str | None:
    return terminal_id if object_index.exists("trm", terminal_id, merchant_id=caller.merchant_id) else None


def _namespace(caller: Caller, namespace: str) -> str | None:
    used = Channel.objects.filter(merchant_id=caller.merchant_id, namespace=namespace)
    return namespace if used.exists() else None


def _account(caller: Caller, account_id: str) -> ProviderAccount | None:
    rows = ProviderAccount.objects.select_related("merchant").filter(active=True)
    return rows.filter(id=account_id, merchant_id=caller.merchant_id).first()
