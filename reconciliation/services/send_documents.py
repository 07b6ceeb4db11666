"""Send what stands in the outboxes to the accountant's software: each document once, whatever breaks in between.

    take the lease ─► note the attempt ─► look for our key ─► found: it was sent before
                                                  └─► hold the lease ─► push ─► write down the id

The attempt is committed before the package is asked. Where a process dies, or no answer comes, the next attempt begins
with looking for the key again. What cannot be looked up is left to a person.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from payments.runtime.sweeps import Sweep
from reconciliation.connectors.base import (
    Access,
    ConnectorError,
    Found,
    NotReached,
    RateLimited,
    Refused,
    SignInNeeded,
    TokenRefused,
    Unclear,
)
from reconciliation.connectors.base import (
    Connector as Package,
)
from reconciliation.models import Connector, ConnectorDocument
from reconciliation.services import connector_access, connector_papers
from reconciliation.services.connector_access import LeaseLost
from reconciliation.sql import connectors as sql

AT_ONCE: Final = 20  # connectors
MOST: Final = 100  # documents of one connector in one go
# How long it rests after each trouble. A package that accepted and did not answer gets time to finish what it began.
PATIENCE: Final = (60, 120, 300, 900, 3600)
LONGEST_DETAIL: Final = 400

Status = ConnectorDocument.Status
T = TypeVar("T")
logger = logging.getLogger(__name__)


def send_due() -> int:
    """Send whatever is due, connector by connector. Return how many documents were sent."""
    sweep, sent = Sweep("reconciliation.send_to_accountant"), 0
    for connector_id, merchant_id in sql.due(resting=sweep.resting, most=AT_ONCE):
        with sweep.item(connector_id, merchant_id=merchant_id):
            sent += send(connector_id)
    return sent


def send(connector_id: str) -> int:
    """Send what is due of one connector, unless another process does. Return how many documents were sent."""
    with connector_access.lease(connector_id) as holder:
        if holder is None:
            return 0
        row = Connector.objects.select_related("merchant").get(id=connector_id)
        run = _Run(row, connector_access.connector_of(row), holder)
        try:
            run.go()
        except LeaseLost:
            logger.warning("connector %s was taken over, or switched off, meanwhile", connector_id)
        return run.sent


@dataclass(slots=True)
class _Run:
    """One go of one connector, by the process that holds its lease."""

    row: Connector
    package: Package
    holder: str
    sent: int = 0
    _access: Access | None = None

    def go(self) -> None:
        """Send document by document, oldest first, until something is in the way of all."""
        try:
            if not self.row.administration:
                self.row.administration = self._signed(self.package.check)[:200]
            for document in self._due():
                self._send(document)
        except RateLimited as trouble:
            self._end(self.row.status, trouble, rest=trouble.seconds)
        except (SignInNeeded, TokenRefused) as trouble:
            self._end(Connector.Status.NEEDS_SIGN_IN, trouble)
        except ConnectorError as trouble:
            self._end(Connector.Status.FAILING, trouble, rest=PATIENCE[-1 if isinstance(trouble, Refused) else 0])
        else:
            failed = self.row.documents.filter(status=Status.FAILED).exists()
            self._end(Connector.Status.FAILING if failed else Connector.Status.CONNECTED, None)

    def _due(self) -> list[ConnectorDocument]:
        """What is due, oldest first. A statement goes on from the one before it, and waits until that was sent."""
        earlier = ConnectorDocument.objects.filter(
            Q(book_date__lt=OuterRef("book_date")) | Q(book_date=OuterRef("book_date"), number__lt=OuterRef("number")),
            connector=self.row,
            kind=ConnectorDocument.Kind.STATEMENT,
            account=OuterRef("account"),
        )
        goes_on = Q(kind=ConnectorDocument.Kind.STATEMENT) & Exists(earlier.exclude(status=Status.SENT))
        due = self.row.documents.filter(~goes_on, status=Status.PENDING, due_at__lte=Now())
        return list(due.order_by("book_date", "currency", "number")[:MOST])

    def _send(self, document: ConnectorDocument) -> None:
        """Send one document.

        Raises:
            ConnectorError: what is in the way of the others, too.
        """
        try:
            unanswered = document.asked_at is not None
            self._begin(document)
            if document.kind == ConnectorDocument.Kind.STATEMENT:
                remote_id = self._statement(document, unanswered=unanswered)
            elif document.kind == ConnectorDocument.Kind.PAYMENT:
                remote_id = self._payment(document)
            else:
                remote_id = self._journal(document)
        except Refused as refusal:
            self._note(document, refusal, status=Status.FAILED, asked_at=None, due_at=None)
        except Unclear as trouble:
            self._note(document, trouble, due_at=Now() + _patience(document))
            raise
        except (NotReached, RateLimited, SignInNeeded, TokenRefused) as trouble:
            self._note(document, trouble, asked_at=None, due_at=Now() + _patience(document))
            raise
        else:
            self._done(document, remote_id)

    def _journal(self, document: ConnectorDocument) -> str:
        journal = connector_papers.journal(document, self.row)
        found = self._signed(lambda access: self.package.find(access, journal))
        return _only(found, journal.total) or self._signed(lambda access: self.package.push(access, journal))

    def _payment(self, document: ConnectorDocument) -> str:
        payment = connector_papers.invoice_payment(document, self.row)
        found = self._signed(lambda access: self.package.find_payment(access, payment))
        return _only(found, payment.amount) or self._signed(lambda access: self.package.pay_invoice(access, payment))

    def _statement(self, document: ConnectorDocument, *, unanswered: bool) -> str:
        """Where statements cannot be looked up, a person looks whether one arrived that was not answered."""
        statement = connector_papers.statement(document, self.row)
        if self.package.capabilities.finds_statements:
            found = self._signed(lambda access: self.package.find_statement(access, statement))
        elif unanswered:
            raise Refused("outcome_unclear", document.key)
        else:
            found = []
        remote_id = _only(found, None) or self._signed(lambda access: self.package.push_statement(access, statement))
        if self.package.capabilities.links_invoices and any(line.invoice for line in statement.lines):
            # Repeated where it was interrupted: the statement is found then, and what is linked stays so.
            self._signed(lambda access: self.package.link_invoices(access, statement))
        return remote_id

    def _begin(self, document: ConnectorDocument) -> None:
        """Note the attempt, so that whoever comes after a crash knows that one was made."""
        connector_access.hold(self.row.id, self.holder)
        taken = ConnectorDocument.objects.filter(id=document.id, status=Status.PENDING)
        if not taken.update(attempts=F("attempts") + 1, asked_at=Now()):
            raise LeaseLost
        document.attempts += 1

    def _done(self, document: ConnectorDocument, remote_id: str) -> None:
        rows = ConnectorDocument.objects.filter(id=document.id).exclude(status=Status.SENT)
        rows.update(
            status=Status.SENT,
            remote_id=remote_id[:100],
            sent_at=Now(),
            asked_at=None,
            due_at=None,
            error_code="",
            error_detail="",
        )
        self.sent += 1
        logger.info("sent %s to %s", document.key, self.row.id)

    def _note(self, document: ConnectorDocument, trouble: ConnectorError, **changes: object) -> None:
        rows = ConnectorDocument.objects.filter(id=document.id, status=Status.PENDING)
        rows.update(error_code=trouble.code, error_detail=trouble.detail[:LONGEST_DETAIL], **changes)
        logger.warning("%s was not sent to %s: %s", document.key, self.row.id, trouble.code)

    def _signed(self, ask: Callable[[Access], T]) -> T:
        """Ask the package; where the access token is not good any more, with a new one."""
        if self._access is None:
            self._access = connector_access.access(self.row, self.holder)
        try:
            return ask(self._access)
        except TokenRefused:
            self._access = connector_access.renewed(self.row, self._access)
            return ask(self._access)

    def _end(self, status: str, trouble: ConnectorError | None, *, rest: float = 0) -> None:
        """Write down how it went, unless it was switched off or signed in anew meanwhile."""
        rows = Connector.objects.filter(id=self.row.id, holder=self.holder).exclude(status=Connector.Status.OFF)
        rows.update(
            status=status,
            administration=self.row.administration,
            error_code=trouble.code if trouble else "",
            error_detail=trouble.detail[:LONGEST_DETAIL] if trouble else "",
            last_run_at=Now(),
            due_at=Now() + timedelta(seconds=rest) if rest else None,
        )


def _only(found: list[Found], total: int | None) -> str | None:
    """The id of what stands there under our key, None where nothing does; `total` is what it must come to.

    Raises:
        Refused: it stands there twice, or comes to something else.
    """
    if len(found) > 1:
        raise Refused("sent_twice", ", ".join(one.remote_id for one in found))
    if found and None not in (total, found[0].total) and found[0].total != total:
        raise Refused("differs_there", found[0].remote_id)
    return found[0].remote_id if found else None


def _patience(document: ConnectorDocument) -> timedelta:
    return timedelta(seconds=PATIENCE[min(document.attempts, len(PATIENCE)) - 1])
