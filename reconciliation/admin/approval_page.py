"""What a second person is shown: of a resolution what it came from and books, of a period its checklist."""

from collections.abc import Callable
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _

from payments.admin.base import render, tables
from payments.admin.base.error_messages import explain
from payments.admin.base.links import row_link
from payments.admin.base.page import Section
from payments.admin.finance.approval_pages import Case, effect
from payments.core.errors import OnetillError
from payments.ledger.models import JournalEntry
from payments.models import CardEvidence, Discrepancy
from payments.people.models import Approval
from payments.text.messages import render_message
from reconciliation.admin.periods import checks_table, title_of
from reconciliation.admin.render import named, text
from reconciliation.models import BankStatementLine, Period, SettlementFile, SettlementLine
from reconciliation.services import resolve, undo
from reconciliation.services.periods import scope_of


def resolution(approval: Approval) -> Case:
    """The discrepancy, the lines and evidence behind it, and its effect on the books."""
    row = Discrepancy.objects.select_related("merchant", "payment__order").get(id=approval.subject_id)
    proposed = row.resolution or {}
    payment, file = row.payment, SettlementFile.objects.filter(id=row.settlement_file_id).first()
    return Case(
        what=text(row.amount, row.currency),
        facts=[
            (_("discrepancy"), format_html("{} ({})", render.link(row.id), row.get_kind_display())),
            (_("detail"), render_message(row.detail, row.message)),
            (_("open in the books"), text(approval.payload.get("open"), row.currency)),
            (_("to be matched with"), named(proposed.get("with") or ())),
            (_("of which"), text(approval.payload["part"], row.currency) if approval.payload.get("part") else ""),
            (_("difference"), _difference(approval, row)),
            (_("why"), proposed.get("note")),
            (_("payment"), payment and render.link(payment.id)),
            (_("order"), payment and render.link(payment.order_id, payment.order.reference)),
            (_("settlement file"), row.settlement_file_id and row_link(file)),
        ],
        sections=[*_effect(approval, row), *_lines(row), *_evidence(row)],
    )


def undoing(approval: Approval) -> Case:
    """The discrepancy, what was done about it, and what undoing that does to the books."""
    row = Discrepancy.objects.select_related("merchant", "payment__order").get(id=approval.subject_id)
    payment = row.payment
    return Case(
        what=text(row.amount, row.currency),
        facts=[
            (_("discrepancy"), format_html("{} ({})", render.link(row.id), row.get_kind_display())),
            (_("detail"), render_message(row.detail, row.message)),
            (_("why"), approval.payload.get("note")),
            (_("payment"), payment and render.link(payment.id)),
        ],
        sections=[*_effect(approval, row, undo.preview), *_lines(row), *_evidence(row)],
    )


def _effect(
    approval: Approval, row: Discrepancy, preview: Callable[[str], list[JournalEntry]] = resolve.preview
) -> list[Section]:
    if approval.decision is not None:
        return []
    try:
        entries = preview(row.id)
    except OnetillError as refusal:
        return [effect([], refused=explain(refusal))]
    postings = [(entry.event, posting) for entry in entries for posting in entry.postings.all()]
    return [effect([(event, line.account.code, line.account.currency, line.amount) for event, line in postings])]


def _difference(approval: Approval, row: Discrepancy) -> str:
    """By how much both sides of a proposed match differ."""
    difference = approval.payload.get("difference")
    return text(difference, row.currency) if difference else ""


def _lines(row: Discrepancy) -> list[Section]:
    """Return the lines of the acquirer's file and the bank's statement behind the discrepancy, if any."""
    if row.item is None:
        return []
    settled = SettlementLine.objects.filter(item=row.item).select_related("settlement")
    banked = BankStatementLine.objects.filter(item=row.item)
    rows: list[list[Any]] = [
        [
            _("settlement %(name)s") % {"name": line.settlement.reference},
            line.reference,
            render.money(line.gross, line.currency),
        ]
        for line in settled[:20]
    ]
    rows += [[_("bank statement"), line.remittance, render.money(line.amount, line.currency)] for line in banked[:20]]
    return [Section(id="lines", title=_("Where it comes from"), columns=[_("from"), _("text"), _("amount")], rows=rows)]


def _evidence(row: Discrepancy) -> list[Section]:
    found = CardEvidence.objects.filter(payment_id=row.payment_id) if row.payment_id else CardEvidence.objects.none()
    rows = list(found[:20])
    return [tables.evidence(rows, row.merchant.zone)] if rows else []


def period(approval: Approval) -> Case:
    """A day or month to be closed in spite of its checklist, or to be reopened."""
    row = Period.objects.select_related("merchant", "channel__merchant").get(id=approval.subject_id)
    shown = approval.payload
    return Case(
        what=title_of(row),
        facts=[
            (_("day or month"), row_link(row, title_of(row))),
            (_("channel"), row.channel and render.link(row.channel.id, row.channel.name)),
            (_("operator"), shown["operator"]),
            (_("why"), shown["reason"]),
        ],
        sections=[checks_table(shown["checklist"], scope_of(row))] if "checklist" in shown else [],
    )
