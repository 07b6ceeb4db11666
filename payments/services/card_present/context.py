"""What the transitions of one registration of a device's transactions share."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop

from payments.models import Merchant, Order, Payment
from payments.models.discrepancy import DiscrepancyKind
from payments.services.card_present.originals import KnownTransaction, Originals
from payments.services.card_present.types import Device, DeviceTransaction
from payments.services.unit_of_work import UnitOfWork
from payments.text.messages import Value, message_columns


@dataclass(slots=True)
class Work:
    """What the transitions of one registration share; `keys` are the discrepancies each transaction may have raised.

    `settled` is what became of refunds and reversals that had been in doubt, by their sequence.
    """

    merchant: Merchant
    device: Device
    uow: UnitOfWork
    originals: Originals
    keys: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    settled: dict[int, KnownTransaction] = field(default_factory=dict)

    def reference(self, row: DeviceTransaction) -> str:
        """Unique even where an acquirer's own numbers come round again; those stand in the evidence."""
        return self.place_name(row.sequence)

    def place_name(self, sequence: int) -> str:
        return f"{self.device.terminal_id}/{self.device.series}/{sequence}"

    def note(
        self,
        row: DeviceTransaction,
        kind: DiscrepancyKind,
        text: str,
        *,
        payment: Payment | None = None,
        key: str | None = None,
        **values: Value,
    ) -> None:
        """Open a discrepancy about a transaction, in the same transaction of the database."""
        key = key or f"{kind}:{self.reference(row)}"
        self.keys[row.sequence].append(key)
        self.uow.open_discrepancy(
            kind,
            key,
            **message_columns(text, **values),
            payment=payment,
            amount=row.amount,
            currency=row.currency,
            channel_id=self.device.channel.id,
            terminal_id=self.device.terminal_id,
            sequences=[[row.sequence, row.sequence]],
        )

    def note_unknown(self, row: DeviceTransaction, payment: Payment | None, key: str) -> None:
        """Open the discrepancy of a transaction of which the device does not know what came."""
        text = gettext_noop(
            "The terminal does not know what came of this. A later transaction may resolve it, or the acquirer knows."
        )
        self.note(row, DiscrepancyKind.OUTCOME_UNKNOWN, text, payment=payment, key=key)

    def new_order(self, row: DeviceTransaction) -> Order:
        """An order of its own, for a transaction that names none, or one it cannot be on."""
        channel = self.device.channel
        return self.uow.add(
            Order(
                merchant=self.merchant,
                channel=channel,
                namespace=channel.namespace,
                currency=row.currency,
                created_at=self.uow.now,
            )
        )
