"""What happens to a payment without a request: late failures, reversals, chargebacks, the provider's dashboard."""

import logging
from typing import Final

from config.sandbox.psp.disputes import Disputes
from config.sandbox.psp.effects import EffectLog
from config.sandbox.psp.faults import Faults
from config.sandbox.psp.happenings import Happenings
from config.sandbox.psp.names import reference
from config.sandbox.psp.outbox import Outbox, happened
from config.sandbox.psp.processor import Processor
from config.sandbox.psp.sql import Row, Store
from payments.core.errors import Conflict, OnetillError
from payments.providers.base import Outcome, ReportType, Verb

logger: Final = logging.getLogger(__name__)


class Afterwards(Happenings):
    """All of it; what concerns disputes is done by `disputes`."""

    def __init__(self, store: Store, log: EffectLog, outbox: Outbox, faults: Faults, processor: Processor) -> None:
        super().__init__(store, log, outbox, faults, processor)
        self.disputes = Disputes(store, log, outbox, faults, processor)

    def run(self, job: Row) -> None:
        """Do a scheduled job once; one that became impossible in the meantime is dropped."""
        try:
            with self._store.transaction():
                self._store.forget_job(job["number"])
                self._do(job["kind"], job["subject"])
        except OnetillError as refusal:
            logger.info("%s of %s: %s", job["kind"], job["subject"], refusal)
            self._store.forget_job(job["number"])

    def reverse(self, row: Row) -> str:
        """Take back a sale or capture: all of it, as schemes do.

        Raises:
            Conflict: some of it was given back already.
        """
        if row["verb"] == Verb.AUTHORIZE or row["amount"] > self._log.left(row["payment_reference"]).refundable:
            raise Conflict("not_reversible", "This was not captured, or some of it was given back already.")
        name = self._log.write(row, "reversal", row["amount"])
        self._emit(
            ReportType.REVERSAL, row, name, row["amount"], code="reversed", detail="The scheme took the sale back."
        )
        return name

    def capture(self, row: Row, amount: int | None = None, *, final: bool = True) -> str:
        """Take what is authorized as if a person had done so in the provider's dashboard; `final` releases the rest.

        Raises:
            Conflict: more than is left.
        """
        left = self._log.left(row["payment_reference"]).capturable
        amount = left if amount is None else amount
        if not 0 < amount <= left:
            raise Conflict("amount_exceeds_capturable", f"Only {left} is left to capture.")
        name = self._log.write(row, "capture", amount)
        if final and amount < left:
            self._log.write(row, "release", left - amount)
        event = happened(ReportType.CAPTURE, row, name, amount, reason="dashboard", final=final)
        self._outbox.emit(event, after=self._faults.of_webhook())
        return name

    def cancel(self, row: Row) -> str:
        """Release what is authorized and not captured as if a person had done so in the provider's dashboard.

        Raises:
            Conflict: nothing is.
        """
        rest = self._log.left(row["payment_reference"]).capturable
        if not rest:
            raise Conflict("nothing_to_cancel", "Nothing is left to release of this payment.")
        name = self._log.write(row, "cancel", rest)
        self._emit(ReportType.CANCEL, row, name, rest, reason="dashboard")
        return name

    def refund(self, row: Row, amount: int | None = None) -> str:
        """Give money back as if a person had done so in the provider's dashboard.

        Raises:
            Conflict: more than is left.
        """
        left = self._log.left(row["payment_reference"]).refundable
        amount = left if amount is None else amount
        if not 0 < amount <= left:
            raise Conflict("amount_exceeds_refundable", f"Only {left} is left to refund.")
        name = self._log.write(row, "refund", amount)
        self._emit(ReportType.REFUND, row, name, amount, reason="dashboard")
        return name

    def fail_refund(self, row: Row) -> None:
        """Let a refund that succeeded come back."""
        detail = "The customer's bank sent the money back."
        self._log.write(row, "refund_failed", row["amount"], operation_id=row["id"])
        self._processor.decline(row, "refund_failed", detail)

    def expire(self, row: Row) -> str:
        """Release what is authorized and not captured.

        Raises:
            Conflict: nothing is.
        """
        rest = self._log.left(row["payment_reference"]).capturable
        if not rest:
            raise Conflict("nothing_to_expire", "Nothing of this payment is authorized and not captured.")
        name = self._log.write(row, "expire", rest)
        self._emit(ReportType.EXPIRE, row, name, rest, code="expired", detail="The authorization ran out.")
        return name

    def _do(self, kind: str, subject: str) -> None:
        if self.disputes.has_come(kind, subject):
            return
        row = self._processor.operation(subject, None)
        if kind in ("succeed", "decline", "expire"):
            self._finish(kind, row)
        elif kind == "reverse":
            self.reverse(row)
        elif kind == "fail_refund":
            self.fail_refund(row)
        elif kind == "dashboard_refund":
            self.refund(row)
        else:
            self.disputes.begin(kind, row)

    def _finish(self, kind: str, row: Row) -> None:
        """End what is pending; what was decided in the meantime stays so."""
        if row["outcome"] != Outcome.PENDING:
            return
        if kind == "succeed":
            self._processor.succeed(row)
        elif kind == "decline":
            self._processor.decline(row, "processing_failed", "It was accepted first, and failed later.")
        elif row["page"] == "open":
            self._processor.lapse(row)
            self._emit(ReportType.EXPIRE, row, reference("exp"), row["amount"], code="expired")

    def _emit(
        self,
        fact: ReportType,
        row: Row,
        name: str,
        amount: int,
        *,
        code: str | None = None,
        detail: str | None = None,
        reason: str | None = None,
    ) -> None:
        event = happened(fact, row, name, amount, code=code, detail=detail, reason=reason)
        self._outbox.emit(event, after=self._faults.of_webhook())
