"""File mappings: a merchant's own descriptions of files in columns, made, tried on an example, changed and deleted."""

from typing import Any, BinaryIO, ClassVar, Final, cast

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from payments.api import request_body
from payments.api.fields import OPTIONAL, Choice, Metadata, StrictField, Text
from payments.api.idempotency import Answer
from payments.api.inputs import Input, Paging
from payments.api.openapi import described
from payments.api.references import account_field
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.errors import Fault, ValidationFailed
from payments.services.idempotency import IdempotencyGuard
from reconciliation import payloads
from reconciliation.api.schemas import EXAMPLE, FILE_MAPPING, MAPPING_PREVIEW
from reconciliation.formats import layout
from reconciliation.models import FileMapping
from reconciliation.services import mappings

TAG: Final = "Reconciliation"
FORM_AROUND_FILE: Final = 64_000  # bytes of a form that are no file


class HeaderRow(StrictField):
    """The number of the row that names the columns."""

    schema = {"type": "integer", "minimum": 1, "maximum": layout.LAST_HEADER_ROW}
    default_error_messages = {"out_of_range": f"Send a whole number from 1 to {layout.LAST_HEADER_ROW}."}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int or not 1 <= data <= layout.LAST_HEADER_ROW:
            self.fail("out_of_range")
        return data


class MappingChangeInput(Input):
    """What changes of a mapping; `columns` and `types` are replaced whole."""

    name = Text(longest=100, **OPTIONAL)
    kind = Choice(("settlement",), **OPTIONAL)
    provider_account = account_field(**OPTIONAL)
    format = Choice(("csv", "xlsx"), **OPTIONAL)
    encoding = Choice(layout.ENCODINGS, **OPTIONAL)
    delimiter = Choice(layout.DELIMITERS, **OPTIONAL)
    decimal = Choice((",", "."), **OPTIONAL)
    date_format = Text(longest=40, **OPTIONAL)
    header_row = HeaderRow(**OPTIONAL)
    sheet = Text(longest=100, shortest=0, **OPTIONAL)
    sign = Choice(("signed", "debit_credit", "by_type"), **OPTIONAL)
    fees = Choice(("positive", "negative"), **OPTIONAL)
    columns = Metadata(**OPTIONAL)
    types = Metadata(**OPTIONAL)


class MappingInput(MappingChangeInput):
    """A mapping; what is left out is as in a CSV that a Dutch Excel saves."""

    name = Text(longest=100)
    provider_account = account_field()
    columns = Metadata()


class MappingView(ApiView):
    """What the addresses of mappings share."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "reconciliation:read",
        "POST": "reconciliation:write",
        "PATCH": "reconciliation:write",
        "DELETE": "reconciliation:write",
    }

    def rows(self) -> QuerySet[FileMapping]:
        """The merchant's mappings."""
        rows = FileMapping.objects.filter(merchant_id=self.caller.merchant_id)
        return rows.select_related("merchant", "provider_account__merchant")


class Mappings(MappingView):
    """All mappings."""

    @described("list_file_mappings", "File mappings", {200: page_of(FILE_MAPPING)}, query=Paging, tag=TAG)
    def get(self, request: Request) -> HttpResponse:
        query = self.query(Paging)
        return self.page(self.rows(), payloads.file_mapping, query)

    @described("create_file_mapping", "Describe a file in columns", {201: FILE_MAPPING}, body=MappingInput, tag=TAG)
    def post(self, request: Request) -> HttpResponse:
        return self.once(self._create, self._shown)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        name, account, definition = _parts(self.input(MappingInput))
        row = mappings.create(account=account, name=name, definition=definition, actor=self.caller.actor, guard=guard)
        return self._shown(row.id)

    def _shown(self, mapping_id: str) -> Answer:
        return Answer(201, payloads.file_mapping(self.one(self.rows(), id=mapping_id)))


class OneMapping(MappingView):
    """One mapping."""

    @described("get_file_mapping", "One file mapping", {200: FILE_MAPPING}, refusals=[404], tag=TAG)
    def get(self, request: Request, mapping_id: str) -> HttpResponse:
        self.query()
        return self.answer(payloads.file_mapping(self.one(self.rows(), id=mapping_id)))

    @described(
        "change_file_mapping",
        "Change a file mapping",
        {200: FILE_MAPPING},
        body=MappingChangeInput,
        refusals=[404],
        once=False,
        tag=TAG,
    )
    def patch(self, request: Request, mapping_id: str) -> HttpResponse:
        self.query()
        row = self.one(self.rows(), id=mapping_id)
        name, account, definition = _parts(self.input(MappingChangeInput))
        mappings.update(mapping=row, actor=self.caller.actor, name=name, account=account, definition=definition)
        return self.answer(payloads.file_mapping(self.one(self.rows(), id=mapping_id)))

    @described("delete_file_mapping", "Delete a file mapping", {204: None}, refusals=[404], tag=TAG)
    def delete(self, request: Request, mapping_id: str) -> HttpResponse:
        self.query()
        mappings.delete(mapping=self.one(self.rows(), id=mapping_id), actor=self.caller.actor)
        return HttpResponse(status=204)


class Preview(MappingView):
    """A mapping tried on an example; nothing is stored."""

    @described(
        "preview_file_mapping",
        "Try a file mapping on an example",
        {200: MAPPING_PREVIEW},
        body={"multipart/form-data": EXAMPLE},
        refusals=[404],
        once=False,
        tag=TAG,
    )
    def post(self, request: Request, mapping_id: str) -> HttpResponse:
        self.query()
        row = self.one(self.rows(), id=mapping_id)
        fields, files = request_body.read_form(self.plain, mappings.MOST_BYTES + FORM_AROUND_FILE)
        file = _example(fields, files)
        seen = mappings.preview(
            account=row.provider_account, definition=row.definition, file=cast(BinaryIO, file), name=file.name or ""
        )
        problems = [{"line": one.line, "code": one.code, "detail": one.detail} for one in seen.problems]
        return self.answer({"rows": seen.rows, "problems": problems})


def _parts(given: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """Return name and account, and the rest as a definition."""
    definition = {name: value for name, value in given.items() if name not in ("name", "kind", "provider_account")}
    return given.get("name"), given.get("provider_account"), definition


def _example(fields: dict[str, str], files: request_body.Files) -> UploadedFile[Any]:
    faults = [
        Fault(name[:64], "unknown_field", "There is no such field. Leave it out.")
        for name in (*fields, *files)
        if name != "file"
    ]
    file = files.get("file")
    if file is None:
        faults.append(Fault("file", "required", "Send the file in a part called file."))
    if faults or file is None:
        raise ValidationFailed(faults)
    return file
