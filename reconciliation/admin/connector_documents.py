"""The outboxes of connectors: what waits, what is there, and what is in the way."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.base import render
from payments.admin.base.actions import AdminAction
from payments.admin.base.filters import OwnRelated
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.people.models import User
from payments.people.permissions import May
from payments.queries import books
from reconciliation.admin.connector_forms import MarkSentForm
from reconciliation.admin.connector_words import trouble
from reconciliation.models import ConnectorDocument, ConnectorEntry
from reconciliation.services import connector_outbox
from reconciliation.sql import connectors as sql

SHOWN: Final = 20  # documents on a connector's page, entries on a document's
_STATES: Final = {"pending": "info", "sent": "success", "failed": "danger"}


def _again(*, user: User, row: ConnectorDocument, form: Any) -> str:
    connector_outbox.send_again(row, actor=user.id)
    return _("It is sent again.")


def _sent(*, user: User, row: ConnectorDocument, form: Any) -> str:
    connector_outbox.mark_sent(row, remote_id=form.cleaned_data["remote_id"], actor=user.id)
    return _("It counts as sent.")


@admin.register(ConnectorDocument)
class ConnectorDocumentAdmin(ReadOnlyModelAdmin):
    """What was and is to be sent: a row for each journal, statement and paid invoice."""

    empty_text = gettext_lazy("Nothing was handed to the accountant's software yet. Connect it under Connectors.")
    sees: ClassVar[May] = May.SEE_BOOKS
    merchant_path = "connector__merchant_id"
    channel_path: ClassVar[str | None] = None
    list_display = (
        "key",
        "connector",
        "kind",
        "invoice",
        "shown_day",
        "entries",
        "shown_status",
        "remote_id",
        "attempts",
        "shown_sent",
    )
    list_filter = (
        ("connector", OwnRelated),
        ("kind", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("book_date", DayRange),
    )
    list_select_related = ("connector__merchant",)
    search_fields = ("key", "=invoice", "=remote_id")
    search_help_text = gettext_lazy("Key, invoice, or id there")
    page_actions = (
        AdminAction(
            name="again",
            title=gettext_lazy("Send again"),
            explanation=gettext_lazy("It is looked up there first, where the package can be asked."),
            needs=May.RESOLVE,
            where=lambda row: (row.connector.merchant_id, None),
            possible=lambda row: row.status == ConnectorDocument.Status.FAILED,
            act=_again,
        ),
        AdminAction(
            name="mark-sent",
            title=gettext_lazy("Mark as sent"),
            explanation=gettext_lazy("Only what you have seen there, with its right amounts."),
            needs=May.RESOLVE,
            where=lambda row: (row.connector.merchant_id, None),
            possible=lambda row: row.status == ConnectorDocument.Status.FAILED,
            form=MarkSentForm,
            act=_sent,
        ),
    )

    @admin.display(description=gettext_lazy("book date"), ordering="book_date")
    def shown_day(self, row: ConnectorDocument) -> str:
        return render.day(row.book_date)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def shown_status(self, row: ConnectorDocument) -> SafeString:
        return _state(row)

    @admin.display(description=gettext_lazy("sent at"), ordering="sent_at")
    def shown_sent(self, row: ConnectorDocument) -> str:
        return _sent_at(row)

    def page(self, request: HttpRequest, row: ConnectorDocument) -> Page:
        """What is booked there, and which entries of the books it holds."""
        zone = row.connector.merchant.zone
        facts: list[tuple[Any, Any]] = [
            (_("connector"), row_link(row.connector)),
            (_("kind"), row.get_kind_display()),
            (_("invoice"), row.invoice),
            (_("book date"), render.day(row.book_date)),
            (_("id there"), row.remote_id),
            (_("error"), trouble(row.error_code, row.error_detail)),
            (_("attempts"), str(row.attempts)),
            (_("unanswered since"), row.asked_at and render.moment(row.asked_at, zone)),
            (_("sent at"), row.sent_at and render.moment(row.sent_at, zone)),
            (_("entries"), str(row.entries)),
        ]
        return Page(
            title=row.key,
            label=_state(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_CONTENTS[ConnectorDocument.Kind(row.kind)](row), _entries(row)],
        )


def documents_section(id_: str, title: str, rows: QuerySet[ConnectorDocument], empty: str) -> Section:
    return Section(
        id=id_,
        title=title,
        columns=[
            _("key"),
            _("invoice"),
            _("book date"),
            _("entries"),
            _("status"),
            _("id there"),
            _("sent at"),
            _("error"),
        ],
        rows=[
            [
                row_link(row),
                row.invoice or render.NOTHING,
                render.day(row.book_date),
                row.entries,
                _state(row),
                row.remote_id or render.NOTHING,
                _sent_at(row),
                trouble(row.error_code, row.error_detail),
            ]
            for row in rows[:SHOWN]
        ],
        empty=empty,
    )


def _lines(document: ConnectorDocument) -> Section:
    sums = sql.summed(document.id)
    names = books.names({one.code for one in sums})
    return Section(
        id="lines",
        title=_("What is booked there"),
        columns=[_("account"), _("entries"), _("debit"), _("credit")],
        rows=[
            [
                names[one.code],
                one.entries,
                render.money(one.amount, document.currency) if one.amount > 0 else "",
                render.money(-one.amount, document.currency) if one.amount < 0 else "",
            ]
            for one in sums
        ],
    )


def _statement(document: ConnectorDocument) -> Section:
    opening, rows = sql.opening(document.id), sql.changed(document.id)
    closing = opening + sum(row.amount for row in rows)
    shown = [[render.day(row.book_date), render.event(row.event), _money(row.amount, document)] for row in rows[:SHOWN]]
    name = books.names({document.account})[document.account]
    begins = [["", _("opening balance"), _money(opening, document)]]
    ends = [["", _("closing balance"), _money(closing, document)]]
    return Section(
        id="lines",
        title=_("Statement of %(account)s") % {"account": name},
        columns=[_("book date"), _("event"), _("amount")],
        rows=begins + shown + ends,
    )


def _payment(document: ConnectorDocument) -> Section:
    """From which account the invoice is paid."""
    name = books.names({document.account})[document.account]
    return Section(
        id="lines",
        title=_("What is booked there"),
        columns=[_("invoice"), _("from account"), _("amount")],
        rows=[[document.invoice, name, _money(-row.amount, document)] for row in sql.changed(document.id)],
    )


_CONTENTS: Final = {
    ConnectorDocument.Kind.JOURNAL: _lines,
    ConnectorDocument.Kind.STATEMENT: _statement,
    ConnectorDocument.Kind.PAYMENT: _payment,
}


def _money(amount: int, document: ConnectorDocument) -> SafeString:
    return render.money(amount, document.currency)


def _entries(document: ConnectorDocument) -> Section:
    ids = ConnectorEntry.objects.filter(document=document).order_by("-id").values_list("entry_id", flat=True)
    merchant = document.connector.merchant
    entries = books.entries(merchant.id).filter(id__in=list(ids[:SHOWN])).order_by("-id")
    return Section(
        id="entries",
        title=_("Its newest entries"),
        columns=[_("entry"), _("booked at")],
        rows=[
            [render.link(entry.id, render.event(entry.event)), render.moment(entry.booked_at, merchant.zone)]
            for entry in entries
        ],
    )


def _state(row: ConnectorDocument) -> SafeString:
    return render.label(row.get_status_display(), _STATES[row.status])


def _sent_at(row: ConnectorDocument) -> str:
    return render.short_moment(row.sent_at, row.connector.merchant.zone) if row.sent_at else render.NOTHING
