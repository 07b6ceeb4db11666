"""Settlement files: uploaded, and polled until they are imported."""

from typing import Annotated, Any, ClassVar, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from payments.api import idempotency, request_body
from payments.api.idempotency import Answer
from payments.api.inputs import Paging, read
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.errors import Fault, ValidationFailed
from payments.core.input_faults import unknown
from payments.core.input_types import text
from payments.core.inputs import Input
from payments.models import ProviderAccount
from payments.services.idempotency import IdempotencyGuard, IdempotentRequest
from reconciliation import payloads
from reconciliation.api.schemas import SETTLEMENT_FILE, UPLOAD
from reconciliation.models import SettlementFile
from reconciliation.services.upload import upload

TAG: Final = "Reconciliation"
FORM_AROUND_FILE: Final = 64_000  # bytes of a form that are no file


class FilesQuery(Paging):
    """Which files."""

    status: SettlementFile.Status | None = None
    """Only files of this status."""
    format: Annotated[str, text(40)] | None = None
    """Only files of this format."""


class UploadInput(Input):
    """The fields of the form beside its file."""

    format: Annotated[str, text(40)] | None = None
    """Format of the file, or the id of a file mapping; recognized when left out."""
    provider_account: ProviderAccount | None = None
    """Provider account that the file is about, by its id, where the file does not say it."""


class Files(ApiView):
    """All files of a merchant, or those that a channel's own key has sent."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read", "POST": "reconciliation:write"}
    of_channel: ClassVar[bool] = True  # a key sees what it sent itself

    @described(
        "list_settlement_files",
        "Settlement files, newest first",
        {200: page_of(SETTLEMENT_FILE)},
        query=FilesQuery,
        tag=TAG,
    )
    def get(self, request: Request) -> HttpResponse:
        """List the files that were sent, and what became of each."""
        query = self.query(FilesQuery)
        given = query.given()
        wanted = {name: given[name] for name in ("status", "format") if name in given}
        return self.page(self.own(_files()).filter(**wanted), payloads.settlement_file, query)

    @described(
        "upload_settlement_file",
        "Send a settlement, a bank statement or a confirmation; it is imported in the background",
        {202: SETTLEMENT_FILE},
        body={"multipart/form-data": UPLOAD},
        tag=TAG,
    )
    def post(self, request: Request) -> HttpResponse:
        """Take a settlement, a bank statement or a confirmation as a form with `file`; it is imported in the
        background, whole or not at all.
        """
        self.no_query()
        key = idempotency.key_of(self.plain)
        fields, files = request_body.read_form(self.plain, settings.MAX_IMPORT_MB * 1_000_000 + FORM_AROUND_FILE)
        given, file = self._read(fields, files)
        fingerprint = idempotency.fingerprint_of_form(self.plain, fields, files)
        keyed = IdempotentRequest(merchant_id=self.caller.merchant_id, key=key, fingerprint=fingerprint)
        return idempotency.once(keyed, lambda guard: self._upload(file, given, guard), self._resume)

    def _read(self, fields: dict[str, str], files: request_body.Files) -> tuple[UploadInput, UploadedFile[Any]]:
        strange = [Fault(name[:64], "unknown_field", unknown(name, ["file"])) for name in files]
        file = files.get("file")
        faults = [fault for fault in strange if fault.param != "file"]
        if file is None:
            faults.append(Fault("file", "required", "Send the file in a part called file."))
        try:
            given = read(UploadInput, fields, caller=self.caller)
        except ValidationFailed as refusal:
            raise ValidationFailed([*faults, *refusal.faults]) from None
        if faults or file is None:
            raise ValidationFailed(faults)
        return given, file

    def _upload(self, file: UploadedFile[Any], given: UploadInput, guard: IdempotencyGuard) -> Answer:
        row = upload(
            merchant=self.merchant,
            file=file,
            name=file.name or "",
            actor=self.caller.actor,
            asked_format=given.format or "",
            provider_account=given.provider_account,
            channel_id=self.caller.channel_id,
            guard=guard,
        )
        return Answer(202, payloads.settlement_file(row))

    def _resume(self, object_id: str) -> Answer:
        return Answer(202, payloads.settlement_file(self.one(_files(), id=object_id)))


class OneFile(ApiView):
    """One file and what became of it."""

    scopes: ClassVar[dict[str, str]] = {"GET": "reconciliation:read"}
    of_channel: ClassVar[bool] = True  # a key sees what it sent itself

    @described("get_settlement_file", "One settlement file", {200: SETTLEMENT_FILE}, refusals=[404], tag=TAG)
    def get(self, request: Request, file_id: str) -> HttpResponse:
        """Return one file, with the lines that could not be read."""
        self.no_query()
        return self.answer(payloads.settlement_file(self.one(self.own(_files()), id=file_id)))


def _files() -> QuerySet[SettlementFile]:
    return SettlementFile.objects.select_related("merchant")
