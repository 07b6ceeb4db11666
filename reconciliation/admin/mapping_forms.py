"""The forms by which a file mapping is made: an example first, then what its columns are."""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from payments.models import ProviderAccount
from reconciliation.formats import layout
from reconciliation.models.settlement import TYPES
from reconciliation.services import mapping_examples
from reconciliation.services.mapping_examples import Example

_NOT_THERE: Final = [("", "—")]
# What the parts of a mapping are called, in the order in which they are asked for.
COLUMNS: Final[dict[str, Any]] = {
    "date": _("date"),
    "type": _("type"),
    "amount": _("amount"),
    "debit": pgettext_lazy("bank", "debit"),
    "credit": pgettext_lazy("bank", "credit"),
    "fee": _("fee"),
    "vat": _("VAT on fee"),
    "net": _("net"),
    "currency": _("currency"),
    "reference": _("reference"),
    "payment_reference": _("payment reference"),
    "operation": _("our operation"),
    "order": _("order"),
    "tid": "TID",
    "rrn": "RRN",
    "stan": "STAN",
    "authorization_code": _("authorization code"),
    "card": _("card (last four digits)"),
    "settlement": _("settlement"),
    "description": _("description"),
    "counterparty": _("counterparty"),
    "iban": _("IBAN of the counterparty"),
    "balance": _("balance after it"),
}
MEANINGS: Final[dict[str, Any]] = {
    **{meaning: TYPES[meaning] for meaning in layout.MEANINGS[layout.SETTLEMENT] if meaning in TYPES},
    layout.PAYOUT: _("payout"),
    layout.CREDIT: _("money in"),
    layout.DEBIT: _("money out"),
    layout.IGNORE: _("to be left out"),
}
KINDS: Final = [
    (layout.SETTLEMENT, _("settlements of a provider")),
    (layout.BANK, _("movements of a bank account")),
]
_DELIMITERS: Final = [(";", ";"), (",", ","), ("\t", _("tab")), ("|", "|")]
SIGNS: Final = [
    ("signed", _("as written: money for us is positive")),
    ("debit_credit", _("two columns, debit and credit, without signs")),
    ("by_type", _("no signs: the type of the row says it")),
]
FEES: Final = [("positive", _("costs are positive")), ("negative", _("costs are negative"))]


class Choose(forms.ChoiceField):
    """One of a few."""

    widget = UnfoldAdminSelectWidget


class StartForm(forms.Form):
    """What kind of file it is, an example of it, and maybe a mapping that was exported before."""

    kind = Choose(label=_("the file has"), choices=KINDS)
    example = forms.FileField(label=_("example of the file"), widget=UnfoldAdminFileFieldWidget)
    exported = forms.FileField(label=_("exported mapping (JSON)"), required=False, widget=UnfoldAdminFileFieldWidget)

    def clean_example(self) -> Example:
        """The file whole; it stays in the form while the mapping is made."""
        file: UploadedFile[Any] = self.cleaned_data["example"]
        if (file.size or 0) > mapping_examples.MOST_BYTES:
            raise forms.ValidationError(_("An example has at most 500 kB. Cut it to some hundred rows."))
        return Example(file.read(), (file.name or "")[:100])

    def clean_exported(self) -> dict[str, Any]:
        """What was exported, or nothing."""
        file = self.cleaned_data["exported"]
        if file is None:
            return {}
        try:
            given = json.loads(file.read(mapping_examples.MOST_BYTES))
        except (ValueError, UnicodeDecodeError, RecursionError):
            raise forms.ValidationError(_("This is no exported mapping.")) from None
        if not isinstance(given, dict) or not isinstance(given.get("columns"), dict):
            raise forms.ValidationError(_("This is no exported mapping."))
        return given

    def clean(self) -> dict[str, Any]:
        """Both must be about the same kind of file."""
        given = super().clean() or {}
        exported = given.get("exported") or {}
        if "kind" in given and exported.get("kind", given["kind"]) != given["kind"]:
            self.add_error("kind", _("The exported mapping is for the other kind of file."))
        return given


class MappingForm(forms.Form):
    """What the columns of an example are. It has a field per column, and one per word of the column for types."""

    account = forms.ModelChoiceField(
        ProviderAccount.objects.none(), label=_("provider account"), widget=UnfoldAdminSelectWidget
    )
    name = forms.CharField(label=_("name"), max_length=100, widget=UnfoldAdminTextInputWidget)
    sheet = forms.CharField(label=_("sheet"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget)
    encoding = Choose(label=_("encoding"), choices=[(each, each) for each in layout.ENCODINGS])
    delimiter = Choose(label=_("delimiter"), choices=_DELIMITERS)
    header_row = forms.IntegerField(
        label=_("row with the names of the columns"),
        min_value=1,
        max_value=layout.LAST_HEADER_ROW,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    decimal = Choose(label=_("decimal mark"), choices=[(",", _("comma")), (".", _("point"))])
    date_format = forms.CharField(label=_("dates are written as"), max_length=40, widget=UnfoldAdminTextInputWidget)
    sign = Choose(label=_("signs"), choices=SIGNS)
    fees = Choose(label=_("costs"), choices=FEES)
    of_csv: ClassVar[tuple[str, ...]] = ("encoding", "delimiter")

    def __init__(
        self, data: Any, *, kind: str, example: Example, accounts: Any, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        self.kind = kind
        self.example = example
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]
        if kind == layout.BANK:
            self.fields["account"].label = _("bank account")
            del self.fields["fees"]
        for name in self.of_csv if example.workbook else ("sheet",):
            del self.fields[name]
        self.names = mapping_examples.columns(example, self.written())
        for name in layout.COLUMNS[kind]:
            choices = [*_NOT_THERE, *((column, column) for column in self.names)]
            self.fields[f"column_{name}"] = Choose(label=COLUMNS[name], choices=choices, required=False)
        meanings = [*_NOT_THERE, *((meaning, MEANINGS[meaning]) for meaning in layout.MEANINGS[kind])]
        for at, word in enumerate(self.words()):
            self.fields[f"type_{at}"] = Choose(label=word, choices=meanings, required=False)
        for field in self.fields.values():
            field.label = capfirst(field.label)

    def written(self) -> dict[str, Any]:
        """How the example is written, as far as it is given; what is not a number of a row is the first."""
        given = {name: self._given(name) for name in ("sheet", "encoding", "delimiter", "header_row")}
        row = str(given["header_row"])
        number = int(row) if row.isascii() and row.isdigit() and 1 <= int(row[:3]) <= layout.LAST_HEADER_ROW else 1
        encoding = given["encoding"] if given["encoding"] in layout.ENCODINGS else "utf-8"
        delimiter = given["delimiter"] if given["delimiter"] in layout.DELIMITERS else ";"
        return {"sheet": given["sheet"], "encoding": encoding, "delimiter": delimiter, "header_row": number}

    def words(self) -> list[str]:
        """The words of the column for types, if one is chosen."""
        column = self._given("column_type")
        return mapping_examples.words(self.example, self.written(), column) if column else []

    def definition(self) -> dict[str, Any]:
        """What was filled in, as a mapping."""
        given = self.cleaned_data
        parts = ("sheet", "encoding", "delimiter", "header_row", "decimal", "date_format", "sign", "fees")
        kept = {name: column for name in layout.COLUMNS[self.kind] if (column := given[f"column_{name}"])}
        words = enumerate(self.words())
        return {
            "kind": self.kind,
            "format": "xlsx" if self.example.workbook else "csv",
            **{name: given[name] for name in parts if name in given},
            "columns": kept,
            "types": {word: meaning for at, word in words if (meaning := given.get(f"type_{at}"))},
        }

    def _given(self, name: str) -> str:
        value = self.data.get(name) if self.is_bound else (self.initial or {}).get(name)
        return "" if value is None else str(value)


def initial(example: Example, exported: dict[str, Any]) -> dict[str, Any]:
    """What the form begins with: what the example suggests, or what was exported."""
    parts = {
        "decimal": ",",
        "date_format": "DD-MM-YYYY",
        "sign": "signed",
        "fees": "positive",
        **mapping_examples.suggested(example),
    }
    parts |= {name: value for name, value in exported.items() if name not in ("columns", "types", "format", "kind")}
    made = parts | {f"column_{name}": column for name, column in exported.get("columns", {}).items()}
    types = exported.get("types")
    types = types if isinstance(types, dict) else {}
    column = exported.get("columns", {}).get("type", "")
    found = mapping_examples.words(example, {"sheet": "", **parts}, column) if column and types else []
    return made | {f"type_{at}": types.get(word, "") for at, word in enumerate(found)}


def packed(form: MappingForm) -> dict[str, str]:
    """An example, and which kind of file it is, as they stand in the form."""
    example = form.example
    content = base64.b64encode(example.content).decode()
    return {"kind": form.kind, "example": content, "example_name": example.name}


def unpacked(data: Any) -> Example | None:
    """The example in the form; None if there is none, or not as it was put there."""
    text = str(data.get("example", ""))
    if not text or len(text) > 2 * mapping_examples.MOST_BYTES or data.get("kind") not in layout.COLUMNS:
        return None
    try:
        return Example(base64.b64decode(text, validate=True), str(data.get("example_name", ""))[:100])
    except (ValueError, binascii.Error):
        return None


def faults_of(form: MappingForm, faults: Iterator[tuple[str, str]]) -> None:
    """Put each fault of a mapping at the field that it is about."""
    for place, detail in faults:
        name = place.replace("columns.", "column_")
        form.add_error(name if name in form.fields else None, gettext(detail))
