"""File mappings: a merchant's own descriptions of files in columns, made, tried on an example, changed and deleted."""

from typing import Annotated, Any, BinaryIO, ClassVar, Final, Literal, cast

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request

from payments.api import request_body
from payments.api.idempotency import Answer
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.errors import Fault, ValidationFailed
from payments.core.input_faults import FAULT, unknown
from payments.core.input_types import Metadata, one_of, text
from payments.core.inputs import Input
from payments.models import ProviderAccount
from payments.services.idempotency import IdempotencyGuard
from reconciliation import payloads
from reconciliation.api import bank_accounts  # noqa: F401  (lets inputs name bank accounts)
from reconciliation.api.mapping_schemas import EXAMPLE, FILE_MAPPING, MAPPING_PREVIEW
from reconciliation.formats import layout
from reconciliation.models import BankAccount, FileMapping
from reconciliation.services import mappings

TAG: Final = "Reconciliation"
FORM_AROUND_FILE: Final = 64_000  # bytes of a form that are no file


_NO_ROW: Final = f"Send a whole number from 1 to {layout.LAST_HEADER_ROW}."
# The number of the row that names the columns.
HeaderRow = Annotated[int, Meta(ge=1, le=layout.LAST_HEADER_ROW, extra={FAULT: ("out_of_range", _NO_ROW)})]


class MappingChangeInput(Input):
    """What changes of a mapping; `columns` and `types` are replaced whole."""

    name: Annotated[str, text(100)] | None = None
    """Name that your staff knows the layout by."""
    kind: Literal["settlement", "bank"] | None = None
    """`settlement` for a provider's file, `bank` for movements of an account."""
    provider_account: ProviderAccount | None = None
    """Id of the provider account that such files are about."""
    bank_account: BankAccount | None = None
    """Id of the bank account that such files are about."""
    format: Literal["csv", "xlsx"] | None = None
    """Kind of file: text with separators, or a workbook."""
    encoding: Annotated[str, one_of(layout.ENCODINGS)] | None = None
    """Encoding of a CSV file."""
    delimiter: Annotated[str, one_of(layout.DELIMITERS)] | None = None
    """What separates the columns of a CSV file."""
    decimal: Literal[",", "."] | None = None
    """Sign before the decimals of an amount."""
    date_format: Annotated[str, text(40)] | None = None
    """How dates are written, as `DD-MM-YYYY`."""
    header_row: HeaderRow | None = None
    """Number of the row that names the columns, from 1."""
    sheet: Annotated[str, Meta(max_length=100)] | None = None
    """Name of the sheet in a workbook; the first when left out."""
    sign: Literal["signed", "debit_credit", "by_type"] | None = None
    """How direction is shown: by a sign, in two columns, or by the row's type."""
    fees: Literal["positive", "negative"] | None = None
    """Whether costs are written as positive or negative amounts."""
    columns: Metadata | None = None
    """The file's columns by what they mean: `{"date": "Datum", "amount": "Bedrag"}`."""
    types: Metadata | None = None
    """Meaning of each word in the column for types: `{"Betaling": "sale"}`."""


class MappingInput(MappingChangeInput, kw_only=True):
    """A mapping; what is left out is as in a CSV that a Dutch Excel saves."""

    name: Annotated[str, text(100)]
    """Name that your staff knows the layout by."""
    columns: Metadata
    """The file's columns by what they mean: `{"date": "Datum", "amount": "Bedrag"}`."""


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
        return rows.select_related("merchant", "provider_account__merchant", "bank_account__merchant")


class Mappings(MappingView):
    """All mappings."""

    @described("list_file_mappings", "File mappings", {200: page_of(FILE_MAPPING)}, query=Paging, tag=TAG)
    def get(self, request: Request) -> HttpResponse:
        """List the layouts of files in columns."""
        query = self.query(Paging)
        return self.page(self.rows(), payloads.file_mapping, query)

    @described("create_file_mapping", "Describe a file in columns", {201: FILE_MAPPING}, body=MappingInput, tag=TAG)
    def post(self, request: Request) -> HttpResponse:
        """Describe a file in columns, so that such files are imported."""
        return self.once(self._create, self._shown)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(MappingInput)
        account = _account(given)
        if account is None:
            detail = "Name the provider account, or the bank account, whose files it describes."
            raise ValidationFailed([Fault("provider_account", "required", detail)])
        row = mappings.create(
            account=account,
            name=given.name,
            definition=_definition(given),
            actor=self.caller.actor,
            guard=guard,
        )
        return self._shown(row.id)

    def _shown(self, mapping_id: str) -> Answer:
        return Answer(201, payloads.file_mapping(self.one(self.rows(), id=mapping_id)))


class OneMapping(MappingView):
    """One mapping."""

    @described("get_file_mapping", "One file mapping", {200: FILE_MAPPING}, refusals=[404], tag=TAG)
    def get(self, request: Request, mapping_id: str) -> HttpResponse:
        """Return one layout."""
        self.no_query()
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
        """Change the members that are sent; `columns` and `types` are replaced whole."""
        self.no_query()
        row = self.one(self.rows(), id=mapping_id)
        given = self.input(MappingChangeInput)
        mappings.update(
            mapping=row,
            actor=self.caller.actor,
            name=given.name,
            account=_account(given),
            definition=_definition(given),
        )
        return self.answer(payloads.file_mapping(self.one(self.rows(), id=mapping_id)))

    @described("delete_file_mapping", "Delete a file mapping", {204: None}, refusals=[404], tag=TAG)
    def delete(self, request: Request, mapping_id: str) -> HttpResponse:
        """Delete a layout; what was imported with it stays."""
        self.no_query()
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
        """Read an example file with a layout and answer its rows; nothing is stored."""
        self.no_query()
        row = self.one(self.rows(), id=mapping_id)
        fields, files = request_body.read_form(self.plain, mappings.MOST_BYTES + FORM_AROUND_FILE)
        file = _example(fields, files)
        seen = mappings.preview(
            account=row.account, definition=row.definition, file=cast(BinaryIO, file), name=file.name or ""
        )
        problems = [{"line": one.line, "code": one.code, "detail": one.detail} for one in seen.problems]
        return self.answer({"rows": seen.rows, "problems": problems})


def _definition(given: MappingChangeInput) -> dict[str, Any]:
    """What was sent beside name and account."""
    beside = ("name", "provider_account", "bank_account")
    return {name: value for name, value in given.given().items() if name not in beside}


def _account(given: MappingChangeInput) -> ProviderAccount | BankAccount | None:
    """Whose files it describes; None where nothing was sent.

    Raises:
        ValidationFailed: two were sent.
    """
    if given.provider_account is not None and given.bank_account is not None:
        detail = "A mapping is for a provider account or for a bank account. Leave one of them out."
        raise ValidationFailed([Fault("bank_account", "mapping_invalid", detail)])
    return given.provider_account or given.bank_account


def _example(fields: dict[str, str], files: request_body.Files) -> UploadedFile[Any]:
    faults = [
        Fault(name[:64], "unknown_field", unknown(name, ["file"])) for name in (*fields, *files) if name != "file"
    ]
    file = files.get("file")
    if file is None:
        faults.append(Fault("file", "required", "Send the file in a part called file."))
    if faults or file is None:
        raise ValidationFailed(faults)
    return file
