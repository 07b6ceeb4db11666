"""Batches of bank transfers: prepared from what waits, released by a second person, fetched once for the bank."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import person
from payments.admin.base.actions import AdminAction
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import ActionForm, NoteField
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import AmountRange, DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.finance.approval_pages import Case
from payments.admin.sales.account_looks import grouped, note_looks
from payments.models import RefundPart, TransferBatch
from payments.models.refund import PartStatus
from payments.people.models import Approval, User
from payments.people.permissions import May
from payments.queries.transfers import in_transit
from payments.services.transfer import account_of, end_to_end_id
from payments.services.transfer_batches.download import download_batch, file_name
from payments.services.transfer_batches.release import cancel_batch


class DownloadForm(ActionForm):
    """Why the file is fetched again, where it was fetched before."""

    note = NoteField(required=False)

    def __init__(self, *args: Any, row: TransferBatch, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        if row.downloaded_at is None:
            del self.fields["note"]
            return
        fetched = {
            "who": render.people([row.downloaded_by])[row.downloaded_by],
            "when": render.moment(row.downloaded_at, row.merchant.zone),
        }
        self.fields["note"].required = True
        self.fields["note"].help_text = (
            _("%(who)s fetched it on %(when)s. Given to the bank twice, it pays twice: say why you need it again.")
            % fetched
        )


def _download(*, user: User, row: TransferBatch, form: Any) -> HttpResponse:
    content = download_batch(row, user=user, note=form.cleaned_data.get("note", ""))
    name = file_name(row)
    return HttpResponse(
        content,
        content_type="application/xml",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _cancel(*, user: User, row: TransferBatch, form: Any) -> str:
    cancel_batch(row, user=user)
    return _("Canceled. Its transfers wait as before.")


@admin.register(TransferBatch)
class TransferBatchAdmin(ReadOnlyModelAdmin):
    """Every batch, and its file for the bank."""

    empty_text = gettext_lazy("No batch was made yet. Make one from the bank transfers that wait.")
    sees: ClassVar[May] = May.RELEASE_TRANSFERS
    channel_path: ClassVar[str | None] = None
    list_display = ("made", "account", "transfers", "money", "day", "state", "fetched", "merchant")
    list_display_links = ("made",)
    list_select_related = ("merchant",)
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("execute_on", DayRange),
        AmountRange,
        ("merchant", OwnRelated),
    )
    search_fields = ("=id", "=parts__refund__id", "=parts__refund__order__reference")
    search_help_text = gettext_lazy("Order reference, refund or batch id")
    page_actions = (
        AdminAction(
            name="download",
            title=gettext_lazy("Fetch the file"),
            explanation=gettext_lazy(
                "Give this file to the bank once, in its own program. That you fetched it stands in the audit log."
            ),
            needs=May.RELEASE_TRANSFERS,
            form=DownloadForm,
            act=_download,
            possible=lambda row: row.status == TransferBatch.Status.RELEASED,
            second_factor=True,
        ),
        AdminAction(
            name="cancel",
            title=gettext_lazy("Cancel the batch"),
            explanation=gettext_lazy("Nothing is paid, and its transfers wait as before."),
            needs=May.RELEASE_TRANSFERS,
            act=_cancel,
            possible=lambda row: row.status == TransferBatch.Status.REQUIRES_APPROVAL,
            dangerous=True,
            second_factor=True,
        ),
    )

    @admin.display(description=gettext_lazy("created at"), ordering="id")
    def made(self, row: TransferBatch) -> str:
        return render.short_moment(row.created_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("from account"))
    def account(self, row: TransferBatch) -> str:
        return grouped(row.iban)

    @admin.display(description=gettext_lazy("transfers"), ordering="count")
    def transfers(self, row: TransferBatch) -> int:
        return row.count

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, row: TransferBatch) -> SafeString:
        return render.money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("to be executed on"), ordering="execute_on")
    def day(self, row: TransferBatch) -> str:
        return render.day(row.execute_on)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, row: TransferBatch) -> SafeString:
        return render.status(row.status)

    @admin.display(description=gettext_lazy("fetched at"), ordering="downloaded_at")
    def fetched(self, row: TransferBatch) -> str:
        return render.moment(row.downloaded_at, row.merchant.zone)

    def page(self, request: HttpRequest, row: TransferBatch) -> Page:
        """The batch, its transfers, and what of it the bank has shown."""
        zone = row.merchant.zone
        rows = row.parts.select_related("refund__merchant", "refund__order").prefetch_related("operations")
        parts = list(rows.order_by("id"))
        note_looks(person(request), parts)
        left = in_transit([part.item for part in parts])
        called = render.people([row.created_by, row.downloaded_by])
        facts = [
            (_("amount"), render.amount(row.amount, row.currency)),
            (_("from account"), grouped(row.iban)),
            (_("to be executed on"), render.day(row.execute_on)),
            (_("made by"), called[row.created_by]),
            (_("created at"), render.moment(row.created_at, zone)),
            (_("second person"), _approval_link(row)),
            (_("released at"), row.released_at and render.moment(row.released_at, zone)),
            (_("fetched by"), row.downloaded_by and called[row.downloaded_by]),
            (_("fetched at"), row.downloaded_at and render.moment(row.downloaded_at, zone)),
            (_("not at the bank yet"), row.released_at and render.amount(sum(left.values()), row.currency)),
            (_("merchant"), row.merchant.name),
            ("SHA-256", render.quiet(row.sha256) if row.sha256 else ""),
            ("id", row.id),
        ]
        return Page(
            title=_title(row),
            label=render.status(row.status),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_transfers(parts, left), tables.audit(row.id, zone)],
        )


def case(approval: Approval) -> Case:
    """A batch to be released: each refund with who asked for it. Accounts are on the batch's own page."""
    row = TransferBatch.objects.select_related("merchant").get(id=approval.subject_id)
    parts = row.parts.select_related("refund__order", "refund__merchant").order_by("id")
    called = render.people({part.refund.requested_by for part in parts})
    return Case(
        what=_title(row),
        facts=[
            (_("transfer batch"), render.link(row.id, _title(row))),
            (_("from account"), grouped(row.iban)),
            (_("to be executed on"), render.day(row.execute_on)),
        ],
        sections=[
            Section(
                id="transfers",
                title=_("Bank transfers"),
                columns=[_("refund"), _("order"), _("amount"), _("reason"), _("requested by")],
                rows=[
                    [
                        render.link(part.refund_id),
                        render.link(part.refund.order_id, part.refund.order.reference),
                        render.money(part.amount, row.currency),
                        part.refund.reason,
                        called[part.refund.requested_by],
                    ]
                    for part in parts
                ],
            )
        ],
    )


def _title(row: TransferBatch) -> str:
    money = render.amount(row.amount, row.currency)
    return _("Batch of %(count)s transfers, %(amount)s") % {"count": row.count, "amount": money}


def _approval_link(row: TransferBatch) -> str | SafeString:
    approval = Approval.objects.filter(subject_id=row.id).order_by("-id").first()
    return (
        render.NOTHING if approval is None else row_link(approval, str(approval.get_decision_display() or _("waits")))
    )


def _transfers(parts: Sequence[RefundPart], left: dict[int, int]) -> Section:
    return Section(
        id="transfers",
        title=_("Bank transfers"),
        columns=["IBAN", _("account holder"), _("amount"), _("end-to-end id"), _("order"), _("status"), _("bank")],
        rows=[
            [
                grouped(account_of(part).iban),
                account_of(part).name,
                render.money(part.amount, part.refund.currency),
                render.quiet(end_to_end_id(part)),
                render.link(part.refund_id, part.refund.order.reference),
                render.status(part.status),
                _at_bank(part, left),
            ]
            for part in parts
        ],
        empty=_("The batch was canceled; its transfers wait as before."),
    )


def _at_bank(part: RefundPart, left: dict[int, int]) -> str:
    if part.status == PartStatus.FAILED:
        return _("returned")
    if part.released_at is None:
        return _("not ordered yet")
    return _("not on a statement yet") if part.item in left else _("seen on a statement")
