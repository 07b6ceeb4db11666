"""Connectors: the accountant's software, to which the books are sent day by day."""

from typing import Annotated, Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request

from payments.api.approvals import REQUIRES_APPROVAL, accepted, waiting
from payments.api.idempotency import Answer
from payments.api.inputs import Nothing, Paging
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.input_faults import FAULT
from payments.core.input_types import Day, text
from payments.core.inputs import Input
from payments.people.models import Approval
from payments.services.idempotency import IdempotencyGuard
from reconciliation import payloads, queries
from reconciliation.api.connector_schemas import CONNECTOR, CONNECTOR_ENTRY
from reconciliation.models import Connector, ConnectorDocument, ConnectorEntry
from reconciliation.services import connector_outbox, connectors

TAG: Final = "Reconciliation"


Settings = Annotated[
    dict[str, Annotated[str, Meta(max_length=100)]],
    Meta(max_length=20, extra={FAULT: ("invalid_type", "Send an object of at most 20 strings.")}),
]
Secrets = Annotated[
    dict[str, Annotated[str, Meta(max_length=4000)]],
    Meta(max_length=20, extra={FAULT: ("invalid_type", "Send an object of at most 20 strings.")}),
]


class ConnectorInput(Input):
    """A merchant's administration at a package; which settings and credentials it needs depends on the package."""

    kind: Annotated[str, text(40)]
    """Accounting package by its name, as `exact`."""
    name: Annotated[str, text(100)]
    """Name that your staff knows the connection by."""
    credentials: Secrets
    """Credentials of the package, by name; they are never shown again."""
    settings: Settings | None = None
    """Settings of the package, by name, as the administration's number."""
    sends: Connector.Sends | None = None
    """`journals` sends a journal of each day, `statements` a statement of what providers owe."""
    days: Connector.Days | None = None
    """Whether a day is sent when it is over, as when left out, or when it is closed."""
    starts_on: Day | None = None
    """First day that is sent; today when left out."""


class ConnectorChangeInput(Input):
    """What changes of it; `settings` are replaced whole, `credentials` set beside those that stand."""

    name: Annotated[str, text(100)] | None = None
    """Name that your staff knows the connection by."""
    credentials: Secrets | None = None
    """Credentials of the package, by name; those that are left out stay as they are."""
    settings: Settings | None = None
    """Settings of the package, by name; replaces all of them."""
    days: Connector.Days | None = None
    """Whether a day is sent when it is over or when it is closed."""
    active: bool | None = None
    """False switches the connector off, true on again."""


class EntriesQuery(Paging):
    """Which entries of an outbox."""

    status: ConnectorDocument.Status | None = None
    """Only entries of this status."""


class ConnectorView(ApiView):
    """What the addresses of connectors share. They are the merchant's: a key of one channel sees none."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "reconciliation:read",
        "POST": "reconciliation:write",
        "PATCH": "reconciliation:write",
        "DELETE": "reconciliation:write",
    }

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.must_be_untied()

    def rows(self) -> QuerySet[Connector]:
        """The merchant's connectors."""
        rows = Connector.objects.filter(removed_at=None).select_related("merchant")
        return self.own(queries.with_outbox(rows), channel=None)

    def shown(self, connector_id: str) -> dict[str, Any]:
        """One connector as it stands now."""
        return payloads.connector(self.one(self.rows(), id=connector_id))


class Connectors(ConnectorView):
    """All connectors of a merchant."""

    @described("list_connectors", "Connectors, newest first", {200: page_of(CONNECTOR)}, query=Paging, tag=TAG)
    def get(self, request: Request) -> HttpResponse:
        """List the connections with accounting packages."""
        return self.page(self.rows(), payloads.connector, self.query(Paging))

    @described(
        "create_connector",
        "Connect the books with the accountant's software",
        {201: CONNECTOR, 202: REQUIRES_APPROVAL},
        body=ConnectorInput,
        refusals=[409],
        tag=TAG,
    )
    def post(self, request: Request) -> HttpResponse:
        """Connect the books with an administration in an accounting package."""
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = {"settings": {}, **self.input(ConnectorInput).given()}
        made = connectors.add(merchant=self.merchant, actor=self.caller, guard=guard, **given)
        return accepted(made) if isinstance(made, Approval) else Answer(201, self.shown(made.id))

    def _resume(self, object_id: str) -> Answer:
        """Answer a repeated request: a connector that waits for approval has its id already."""
        waits = Approval.objects.filter(subject_id=object_id, action=Approval.Action.ADD_CONNECTOR).first()
        return accepted(waits) if waits is not None else Answer(201, self.shown(object_id))


class OneConnector(ConnectorView):
    """One connector."""

    @described("get_connector", "One connector", {200: CONNECTOR}, refusals=[404], tag=TAG)
    def get(self, request: Request, connector_id: str) -> HttpResponse:
        """Return one connector, with what is pending and what failed."""
        self.no_query()
        return self.answer(self.shown(connector_id))

    @described(
        "change_connector",
        "Change a connector, or switch it off and on",
        {200: CONNECTOR, 202: REQUIRES_APPROVAL},
        body=ConnectorChangeInput,
        refusals=[404, 409],
        once=False,
        tag=TAG,
    )
    def patch(self, request: Request, connector_id: str) -> HttpResponse:
        """Change a connector, or switch it off and on."""
        self.no_query()
        row = self.one(self.rows(), id=connector_id)
        changes = self.input(ConnectorChangeInput).given()
        credentials, active = changes.pop("credentials", {}), changes.pop("active", None)
        approval = connectors.change(row, changes=changes, credentials=credentials, actor=self.caller)
        if active is not None:
            connectors.switch(row, on=active, actor=self.caller.actor)
        return self.answer(waiting(approval), 202) if approval is not None else self.answer(self.shown(row.id))

    @described("delete_connector", "Remove a connector and its credentials", {204: None}, refusals=[404], tag=TAG)
    def delete(self, request: Request, connector_id: str) -> HttpResponse:
        """Remove a connector and its credentials; what was sent stays in the package."""
        self.no_query()
        connectors.remove(self.one(self.rows(), id=connector_id), actor=self.caller.actor)
        return HttpResponse(status=204)


class Entries(ConnectorView):
    """What was sent, and what was not."""

    @described(
        "list_connector_entries",
        "The entries of a connector's outbox, newest first",
        {200: page_of(CONNECTOR_ENTRY)},
        query=EntriesQuery,
        refusals=[404],
        tag=TAG,
    )
    def get(self, request: Request, connector_id: str) -> HttpResponse:
        """List what a connector has sent or is to send, with the package's own id of each."""
        query = self.query(EntriesQuery)
        row = self.one(self.rows(), id=connector_id)
        rows = ConnectorEntry.objects.filter(connector=row).select_related("document")
        if query.status is not None:
            rows = rows.filter(document__status=query.status)
        return self.page(rows, payloads.connector_entry, query)


class SendNow(ConnectorView):
    """Sends what is pending, rests or failed."""

    @described(
        "send_connector",
        "Send at once what is pending, rests or failed",
        {200: CONNECTOR},
        body=Nothing,
        refusals=[404, 409],
        tag=TAG,
    )
    def post(self, request: Request, connector_id: str) -> HttpResponse:
        """Send at once what is pending, rests or failed."""
        row = self.one(self.rows(), id=connector_id)
        return self.once(lambda guard: self._send(row, guard), self._resume)

    def _send(self, row: Connector, guard: IdempotencyGuard) -> Answer:
        self.input(Nothing)
        connector_outbox.send_now(row, actor=self.caller.actor, guard=guard)
        return self._resume(row.id)

    def _resume(self, object_id: str) -> Answer:
        return Answer(200, self.shown(object_id))
