"""What requests about payments say: taken, captured, looked for."""

from typing import Annotated, Literal

from msgspec import Meta

from payments.api.inputs import Paging, Query
from payments.api.references import Namespace
from payments.core.input_faults import FAULT
from payments.core.input_types import (
    END,
    Amount,
    AmountOrZero,
    Currency,
    Day,
    Email,
    Instant,
    Metadata,
    number_of_query,
    some_of,
    text,
    text_of,
)
from payments.core.inputs import Beside, Input, OneOf
from payments.models import Channel, Order, ProviderAccount
from payments.models.payment import Method, Origin, PaymentStatus

Expand = Annotated[str, some_of(["operations", "refunds", "evidence", "journal_entries"])]
Rate = Annotated[
    Annotated[int, Meta(ge=0, le=100)]
    | Annotated[float, Meta(ge=0, le=100)]
    | Annotated[str, Meta(max_length=8, pattern=rf"^(?:100(?:\.0*)?|[0-9]{{1,2}}(?:\.[0-9]*)?){END}")],
    Meta(extra={FAULT: ("invalid_rate", 'Send a percentage from 0 to 100: 21, 5.5 or "21".')}),
]


class VatLineInput(Input):
    """What of a payment is taxed at one rate."""

    rate: Rate
    """Percentage, as 21, 5.5 or "21"."""
    net: AmountOrZero
    """Amount without VAT, in minor units."""
    tax: AmountOrZero
    """VAT of this line, in minor units: the rate of `net`, to a cent."""


class CustomerInput(Input):
    """Who buys, as far as known."""

    reference: Annotated[str, text(64)] | None = None
    """Your own number of the customer, by which purchases of all channels come together."""
    email: Email | None = None
    """Address for receipts and payment links."""
    name: Annotated[str, text(200)] | None = None
    """Name of the customer, as people write it."""


class AcknowledgementInput(Input):
    """Who charges beside a payment of unknown outcome, and why."""

    operator: Annotated[str, text(100)]
    """Name or number of the person who takes the responsibility."""
    reason: Annotated[str, text(200)]
    """Why the charge is made although another may have succeeded."""


class PaymentInput(Input, kw_only=True):
    """What a webshop or till asks to be paid."""

    rules = (OneOf(("order_reference", "order")), Beside("namespace", "order_reference"))

    order_reference: Annotated[str, text(64)] | None = None
    """Your own number of the order, in the channel's namespace; makes the order at its first use. Required without
    `order`."""
    namespace: Namespace | None = None
    """Namespace of `order_reference`, where it is another than the channel's."""
    order: Order | None = None
    """Id of an existing order of any channel, in place of `order_reference`."""
    amount: Amount
    """What this payment takes, in minor units: 4950 is €49.50. It may be a part of the order."""
    currency: Currency
    """Currency of `amount`; an existing order's own."""
    method: Method | None = None
    """Method to pay with; when left out, the customer chooses on the page at `next_action.url`."""
    capture: Literal["automatic", "manual"] | None = None
    """`automatic`, the default, takes the money at once; `manual` only authorizes it until you capture."""
    channel: Channel | None = None
    """Id of the channel that sells; required unless the key is tied to one."""
    provider_account: ProviderAccount | None = None
    """Id of the provider account that takes the money; the default for method and currency when left out."""
    return_url: Annotated[str, text_of(r"[a-z][a-z0-9+.-]*://[^\s]+", longest=2000, form="https://…")] | None = None
    """Address of your shop to which the customer comes back; send it whenever the customer may have to leave."""
    customer: CustomerInput | None = None
    """Who buys, as far as you know."""
    description: Annotated[str, text(500)] | None = None
    """What is paid for, as the customer's statement and receipt show it."""
    order_total: Amount | None = None
    """What the whole order costs, in minor units; no charge may then exceed what is due."""
    invoice_reference: Annotated[str, text(64)] | None = None
    """Number of the invoice that the order pays; exports and the accountant's software show it."""
    vat: Annotated[list[VatLineInput], Meta(max_length=20)] | None = None
    """VAT by rate; the lines add up to `amount`."""
    received: Amount | None = None
    """Cash that the customer handed over, in minor units; `change` in the answer is what goes back. Only with
    method `cash`."""
    voucher_code: Annotated[str, text(40)] | None = None
    """Code of the voucher that is spent; required by method `voucher`, and for no other."""
    acknowledge_unknown: AcknowledgementInput | None = None
    """Who answers for charging an order of which another payment's outcome is unknown."""
    metadata: Metadata | None = None
    """Your own labels, kept with the payment and shown in every answer and webhook."""


class CaptureInput(Input):
    """How much to capture, and whether that was the last of it."""

    amount: Amount | None = None
    """How much to capture, in minor units; all that is capturable when left out."""
    final: bool | None = None
    """True, the default, releases what is not captured; false keeps the rest for later captures."""


class ExpandQuery(Query):
    """What is to be shown along with a payment."""

    expand: Expand | None = None
    """Lists to add to the payment, with commas between."""


class PaymentsQuery(Paging):
    """What is known of the payments looked for."""

    expand: Expand | None = None
    """Lists to add to each payment, with commas between."""
    status: PaymentStatus | None = None
    """Only payments of this status."""
    channel: Annotated[str, text(64)] | None = None
    """Only payments of this channel, by its id."""
    origin: Origin | None = None
    """Only payments that were made online, in a store or remotely."""
    method: Method | None = None
    """Only payments of this method."""
    provider_account: Annotated[str, text(64)] | None = None
    """Only payments of this provider account, by its id."""
    order: Annotated[str, text(64)] | None = None
    """Only payments of this order, by its id."""
    order_reference: Annotated[str, text(64)] | None = None
    """Only payments of orders with this reference, in any namespace."""
    terminal: Annotated[str, text(64)] | None = None
    """Only payments of this terminal, by its id."""
    customer: Annotated[str, text(64)] | None = None
    """Only payments of this customer: the `cus_…` id, or your own reference."""
    card_last4: Annotated[str, text_of(r"[0-9]{4}", longest=4, form="four digits")] | None = None
    """Only payments with a card that ends in these four digits."""
    receipt_number: Annotated[str, text(40)] | None = None
    """Only the payment with this number on its receipt."""
    created_from: Instant | None = None
    """Only payments made at or after this time."""
    created_to: Instant | None = None
    """Only payments made before this time."""
    business_day: Day | None = None
    """Only payments of this day, in the merchant's time zone."""
    amount: Annotated[int, number_of_query(least=1)] | None = None
    """Only payments of exactly this amount, in minor units."""
    same_card_as: Annotated[str, text(64)] | None = None
    """Only payments by the card of this payment, by its id; where the merchant has `tie_cards` on."""
