"""Exports for the accountant's software: asked for, polled until they are ready, and fetched."""

from typing import Annotated, Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from msgspec import field
from rest_framework.request import Request

from payments.api.idempotency import Answer
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.input_types import Currency, Day, one_of, text
from payments.core.inputs import Input
from payments.models import Channel
from payments.services.idempotency import IdempotencyGuard
from reconciliation import payloads, registry
from reconciliation.api.export_schemas import EXPORT, FILE
from reconciliation.models import Export
from reconciliation.services.deliver_export import file_name
from reconciliation.services.download_export import open_export
from reconciliation.services.request_export import ExportRequest, request_export

TAG: Final = "Reconciliation"
_KINDS: Final = registry.export_kinds()
Kind = Annotated[str, one_of(_KINDS)]


class ExportsQuery(Paging):
    """Which exports."""

    status: Export.Status | None = None
    """Only exports of this status."""
    kind: Kind | None = None
    """Only exports of this kind."""


class ExportInput(Input, kw_only=True):
    """What is to be exported, of which days (both inclusive)."""

    kind: Kind
    """Format of the file, as `journal_csv` or `xaf32`."""
    from_: Day = field(name="from")
    """First day of the export, inclusive."""
    to: Day
    """Last day of the export, inclusive."""
    profile: Annotated[str, text(20)] | None = None
    """Layout of a journal, as `twinfield`; `generic` when left out."""
    currency: Currency | None = None
    """Currency of what is exported; the merchant's own when left out."""
    account: Annotated[str, text(100)] | None = None
    """Ledger account, by id or code; required by `camt053` and `mt940`, which have one account a file."""
    channel: Channel | None = None
    """Only what was booked for this channel, by its id."""


class ExportView(ApiView):
    """What the addresses of exports share. They are the merchant's: a key of one channel sees none."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read", "POST": "reconciliation:write"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.must_be_untied()

    def rows(self) -> QuerySet[Export]:
        return self.own(Export.objects.select_related("merchant"), channel=None)


class Exports(ExportView):
    """All exports of a merchant."""

    @described(
        "list_exports",
        "Exports, newest first",
        {200: page_of(EXPORT)},
        query=ExportsQuery,
        tag=TAG,
    )
    def get(self, request: Request) -> HttpResponse:
        """List exports of the books."""
        query = self.query(ExportsQuery)
        given = query.given()
        wanted = {name: given[name] for name in ("status", "kind") if name in given}
        return self.page_of(self.rows().filter(**wanted), payloads.exports, query)

    @described(
        "create_export",
        "Ask for an export of the books; it is made in the background",
        {202: EXPORT},
        body=ExportInput,
        tag=TAG,
    )
    def post(self, request: Request) -> HttpResponse:
        """Ask for an export of the books; it is made in the background, and `url` leads to its file when `status` is
        `ready`.
        """
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(ExportInput)
        wanted = ExportRequest(
            merchant=self.merchant,
            kind=given.kind,
            first=given.from_,
            last=given.to,
            profile=given.profile or "",
            currency=given.currency or "",
            account=given.account or "",
            channel=given.channel,
        )
        return Answer(202, payloads.export(request_export(wanted, actor=self.caller.actor, guard=guard)))

    def _resume(self, object_id: str) -> Answer:
        return Answer(202, payloads.export(self.one(self.rows(), id=object_id)))


class OneExport(ExportView):
    """One export and what became of it."""

    @described("get_export", "One export", {200: EXPORT}, refusals=[404], tag=TAG)
    def get(self, request: Request, export_id: str) -> HttpResponse:
        """Return one export, with its problems where it failed."""
        self.no_query()
        return self.answer(payloads.export(self.one(self.rows(), id=export_id)))


class ExportFile(ExportView):
    """The file of one export."""

    @described(
        "download_export",
        "The file of an export that is ready",
        {(200, media_type): FILE for media_type in sorted({kind.media_type for kind in _KINDS.values()})},
        refusals=[404, 409],
        tag=TAG,
    )
    def get(self, request: Request, export_id: str) -> FileResponse:
        """Return the file of an export that is ready."""
        self.no_query()
        export = self.one(self.rows(), id=export_id)
        file = open_export(export, actor=self.caller.actor)
        return FileResponse(
            file, as_attachment=True, filename=file_name(export), content_type=_KINDS[export.kind].media_type
        )
