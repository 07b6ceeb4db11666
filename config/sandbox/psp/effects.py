"""The effect log: every real movement exactly once, outside of Onetill's own tables. Tests take its word."""

from typing import Final

import msgspec

from config.sandbox.psp.names import moment, reference, written
from config.sandbox.psp.rules import Left
from config.sandbox.psp.sql import Row, Store
from payments.providers.simulator.wire import CardFacts

# What each movement does to the merchant's money. Holding and releasing a customer's is not named: it does nothing.
SIGNS: Final = {
    "sale": 1,
    "capture": 1,
    "refund": -1,
    "refund_failed": 1,
    "reversal": -1,
    "chargeback": -1,
    "chargeback_reversal": 1,
    "terminal_sale": 1,
    "terminal_refund": -1,
}


class EffectLog:
    """Writes movements down, inside the caller's transaction, and adds them up."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(
        self, row: Row, verb: str, amount: int, *, name: str | None = None, operation_id: str | None = None
    ) -> str:
        """Write one movement of an operation's payment; return its reference."""
        name = name or reference(verb[:3])
        self._store.add(
            "effects",
            account=row["account"],
            operation_id=operation_id,
            reference=name,
            payment_reference=row["payment_reference"],
            verb=verb,
            amount=amount,
            net=SIGNS.get(verb, 0) * amount,
            currency=row["currency"],
            method=row["method"],
            brand=msgspec.json.decode(row["card"], type=CardFacts).brand if row["card"] else None,
            at=written(moment()),
        )
        return name

    def left(self, payment_reference: str) -> Left:
        """Return what is left of a payment to capture or give back."""
        return Left.of(self._store.effect_sums(payment_reference), self._store.pending(payment_reference))
