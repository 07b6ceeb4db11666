"""Which routes a store's people may choose from, before they have said how much."""

from django.utils import timezone

from payments.models import Channel, Order, Payment
from payments.models.refund import Route
from payments.people.actors import Actor
from payments.services.refunds import rules
from payments.services.refunds.cash_in_till import cash_in_till
from payments.services.refunds.plan import RefundRequest
from payments.services.refunds.routes import Circumstances, RouteChoice, choices


def possible_routes(
    order: Order, *, channel: Channel, terminal_id: str | None, actor: Actor, operator: str = ""
) -> list[RouteChoice]:
    """By which routes something of an order could go back in a channel, where who asks names a bank account if need be.

    How much is not asked yet: what stands in the way of an amount alone, its plan tells.
    """
    rows = Payment.objects.filter(order=order).select_related("channel", "provider_account", "voucher", "merchant")
    payments = [row for row in rows if row.refundable]
    binding = rules.applying(merchant=channel.merchant, channel=channel, actor=actor, operator=operator)
    in_cash = RefundRequest(order=order, channel=channel, reason="", route=Route.CASH)
    circumstances = Circumstances(
        channel=channel,
        terminal_id=terminal_id,
        has_bank_account=True,
        now=timezone.now(),
        original_only=None if binding.original_only is None else binding.original_only.name,
        in_till=cash_in_till(in_cash, payments),
        from_till=1,
        all_from_till=1,
    )
    return choices(payments, circumstances)
