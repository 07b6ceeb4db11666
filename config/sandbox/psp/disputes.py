"""Disputes at the simulator: inquiry, opened, won and lost, and opened again in a later stage."""

from datetime import datetime, timedelta
from typing import Final

from config.sandbox.psp.happenings import Happenings
from config.sandbox.psp.names import moment, reference
from config.sandbox.psp.outbox import happened
from config.sandbox.psp.sql import Row
from payments.core.errors import Conflict, Invalid, NotFound
from payments.providers.base import ReportType, Stage
from payments.providers.simulator import magic

REASON: Final = "fraud"
OUTCOMES: Final = {"won": ReportType.CHARGEBACK_WON, "lost": ReportType.CHARGEBACK_LOST}
TIME_TO_RESPOND: Final = timedelta(days=10)
_RANK: Final = {stage: rank for rank, stage in enumerate(Stage)}


class Disputes(Happenings):
    """Opens and closes disputes, by hand or when they are due, and emits their webhooks."""

    def begin(self, kind: str, row: Row) -> None:
        """Do what an amount's ending announces."""
        if kind == "chargeback_inquiry":
            self.inquire(row)
            return
        name = self.open(row)
        if kind == "chargeback_again":
            self._processor.later("won_for_now", name, magic.SOON)
        else:
            self._processor.later(kind.removeprefix("chargeback_"), name, magic.DELAY)

    def has_come(self, kind: str, name: str) -> bool:
        """Do the next thing of a dispute; False when it is not of one."""
        if kind in OUTCOMES:
            self.close(name, kind)
        elif kind == "won_for_now":
            self.close(name, "won")
            self._processor.later("again", name, magic.SOON)
        elif kind == "again":
            self.advance(name, Stage.PRE_ARBITRATION)
            self._processor.later("lost", name, magic.SOON)
        else:
            return False
        return True

    def inquire(self, row: Row, amount: int | None = None, respond_by: datetime | None = None) -> str:
        """Ask the merchant about a sale; no money moves."""
        name, amount = reference("cbk"), self._amount(row, amount)
        self._store.add(
            "chargebacks", reference=name, operation_id=row["id"], amount=amount, state="inquiry", stage=Stage.INQUIRY
        )
        self._emit(ReportType.CHARGEBACK_INQUIRY, row, name, amount, Stage.INQUIRY, respond_by)
        return name

    def open(self, row: Row, amount: int | None = None, respond_by: datetime | None = None) -> str:
        """Take the money from the merchant, whatever was given back before.

        Raises:
            Invalid: more than was captured.
        """
        amount = self._amount(row, amount)
        name = self._log.write(row, "chargeback", amount, name=reference("cbk"))
        self._store.add("chargebacks", reference=name, operation_id=row["id"], amount=amount, state="opened")
        self._emit(ReportType.CHARGEBACK_OPENED, row, name, amount, Stage.CHARGEBACK, respond_by)
        return name

    def advance(self, name: str, stage: Stage, respond_by: datetime | None = None) -> None:
        """Take a dispute a stage further; what had been given back, or was never taken, is taken now.

        Raises:
            NotFound: no such dispute.
            Conflict: it has come as far already.
        """
        dispute, row = self._found(name)
        if _RANK[stage] <= _RANK[Stage(dispute["stage"])]:
            raise Conflict("stage_reached", f"This dispute has come to {dispute['stage']} already.")
        if dispute["state"] in ("inquiry", "won"):
            self._log.write(row, "chargeback", dispute["amount"], name=reference("cbk"))
        self._store.change("chargebacks", "reference", name, state="opened", stage=stage)
        self._emit(ReportType.CHARGEBACK_OPENED, row, name, dispute["amount"], stage, respond_by)

    def close(self, name: str, outcome: str) -> None:
        """Give the money back to the merchant (won), or leave it with the customer (lost).

        Raises:
            NotFound: no such dispute.
            Conflict: it is closed, or an inquiry, which can come to nothing but not be lost.
        """
        dispute, row = self._found(name)
        if dispute["state"] not in ("opened", "inquiry"):
            raise Conflict("chargeback_closed", f"This chargeback was {dispute['state']} before.")
        if (dispute["state"], outcome) == ("inquiry", "lost"):
            raise Conflict("inquiry_not_lost", "An inquiry takes no money; make it a chargeback, or let it be won.")
        self._store.change("chargebacks", "reference", name, state=outcome)
        if (dispute["state"], outcome) == ("opened", "won"):
            self._log.write(row, "chargeback_reversal", dispute["amount"])
        self._emit(OUTCOMES[outcome], row, name, dispute["amount"], Stage(dispute["stage"]))

    def _found(self, name: str) -> tuple[Row, Row]:
        dispute = self._store.find("chargebacks", "reference", name)
        row = self._store.find("operations", "id", dispute["operation_id"]) if dispute else None
        if dispute is None or row is None:
            raise NotFound("There is no such chargeback.")
        return dispute, row

    def _amount(self, row: Row, amount: int | None) -> int:
        captured = self._log.left(row["payment_reference"]).captured
        amount = min(row["amount"], captured) if amount is None else amount
        if not 0 < amount <= captured:
            raise Invalid("amount_invalid", f"Of this payment {captured} was captured.", param="amount")
        return amount

    def _emit(
        self, fact: ReportType, row: Row, name: str, amount: int, stage: Stage, respond_by: datetime | None = None
    ) -> None:
        if fact not in OUTCOMES.values() and respond_by is None:
            respond_by = moment() + TIME_TO_RESPOND
        event = happened(fact, row, name, amount, reason=REASON, stage=stage, respond_by=respond_by)
        self._outbox.emit(event, after=self._faults.of_webhook())
