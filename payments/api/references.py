"""Fields that name an object of the caller's merchant: their type says which, and an id is what is sent."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from payments import object_index
from payments.api.inputs import reads
from payments.api.views import channel_of
from payments.core.errors import Fault
from payments.core.input_faults import InvalidValue
from payments.db.compiled_queries import CompiledQuery
from payments.models import Channel, Order, Payment, ProviderAccount, Refund
from payments.people.actors import Caller

Named = TypeVar("Named")

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


# Plain classes: dataclasses are msgspec's own to read, and what is encoded of a `str` of ours it does not know.
class NamedTerminal:
    """A terminal, by its id; what it is, the floor above knows."""

    def __init__(self, terminal_id: str) -> None:
        self.id = terminal_id


class Namespace:
    """A namespace of orders that some channel of the merchant uses."""

    def __init__(self, name: str) -> None:
        self.name = name


def named(kind: type[Named], find: Callable[[Caller, str], Named | None], *, called: str, example: str) -> None:
    """Let inputs name objects of a type by their id; `find(caller, id)` gives one, or None."""

    @reads(kind, {"type": "string", "maxLength": 64, "example": example})
    def read(value: Any, caller: Caller) -> Named:
        if not isinstance(value, str):
            raise InvalidValue(Fault(None, "invalid_type", "Send an id as a string."))
        found = find(caller, value) if "\0" not in value else None
        if found is None:
            detail = f"There is no such {called}. Check the id and the key's merchant."
            raise InvalidValue(Fault(None, "not_found", detail))
        return found


def _order(caller: Caller, order_id: str) -> Order | None:
    return _ORDER.first(caller.merchant_id, order_id)


def _payment(caller: Caller, payment_id: str) -> Payment | None:
    return _PAYMENT.first(caller.merchant_id, payment_id)


def _refund(caller: Caller, refund_id: str) -> Refund | None:
    return Refund.objects.filter(id=refund_id, merchant_id=caller.merchant_id).first()


def _terminal(caller: Caller, terminal_id: str) -> NamedTerminal | None:
    known = object_index.exists("trm", terminal_id, merchant_id=caller.merchant_id)
    return NamedTerminal(terminal_id) if known else None


def _namespace(caller: Caller, namespace: str) -> Namespace | None:
    used = Channel.objects.filter(merchant_id=caller.merchant_id, namespace=namespace)
    return Namespace(namespace) if used.exists() else None


def _account(caller: Caller, account_id: str) -> ProviderAccount | None:
    rows = ProviderAccount.objects.select_related("merchant").filter(active=True)
    return rows.filter(id=account_id, merchant_id=caller.merchant_id).first()


named(Channel, channel_of, called="channel", example="chn_…")
named(Order, _order, called="order", example="ord_…")
named(Payment, _payment, called="payment", example="pay_…")
named(ProviderAccount, _account, called="provider account", example="pac_…")
named(Refund, _refund, called="refund", example="ref_…")
named(NamedTerminal, _terminal, called="terminal", example="trm_…")
named(Namespace, _namespace, called="channel", example="chn_…")
