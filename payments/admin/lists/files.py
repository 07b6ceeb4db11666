"""The rows of a list as a file: at once where there are few, by a worker where there are many."""

import csv
import logging
import tempfile
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO, TextIOWrapper
from typing import IO, Any, Final

import xlsxwriter
from django.apps import apps
from django.contrib import admin
from django.core.files import File
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import get_language

from payments import audit_log
from payments.admin.base.access import ScopedAdmin, merchants, person
from payments.admin.base.links import answering
from payments.admin.lists.cells import Cell, Columns, pieces
from payments.admin.lists.saved_views import listed
from payments.people.models import ListFile, User
from payments.runtime.sweeps import Sweep
from payments.runtime.task_queue import enqueue_on_commit

AT_ONCE: Final = 5_000  # rows
PIECE: Final = 2_000
MOST_ATTEMPTS: Final = 3
SWEPT: Final = 20
WRITE: Final = "payments.write_list_file"
FORGET: Final = "payments.forget_list_file"
MEDIA: Final = {
    ListFile.Format.CSV: "text/csv; charset=utf-8",
    ListFile.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_ROWS_OF_SHEET: Final = 1_048_575  # below its heads

logger = logging.getLogger(__name__)
Progress = Callable[[int], None]


def is_small(cl: Any) -> bool:
    """Whether a list is written while its reader waits."""
    return bool(cl.queryset.order_by()[: AT_ONCE + 1].count() <= AT_ONCE)


def content(request: HttpRequest, cl: Any, form: str, columns: Sequence[str]) -> bytes:
    """A small list's file."""
    made = BytesIO()
    _note(person(request), cl.model_admin, form)
    _write(made, cl, form, columns, lambda written: None)
    return made.getvalue()


def request_file(
    request: HttpRequest, pages: ScopedAdmin, *, form: str, query: str, columns: Sequence[str]
) -> ListFile:
    """Have a worker write a long list."""
    row = ListFile(
        user=person(request),
        page=pages.model._meta.label_lower,
        query=query,
        columns=list(columns),
        format=form,
        language=get_language() or "en",
        due_at=timezone.now(),
    )
    with transaction.atomic():
        row.save(force_insert=True)
        _note(person(request), pages, form)
        enqueue_on_commit(WRITE, row.id)
    return row


def write_file(file_id: str) -> None:
    """Write a file from its beginning, wherever an earlier attempt died; harmless if it is done."""
    row = _begin(file_id)
    if row is None:
        return
    pages: Any = admin.site.get_model_admin(apps.get_model(row.page))
    with translation.override(row.language), tempfile.TemporaryFile() as made:
        cl = listed(row.user, pages, row.query)
        if cl.faults or not pages.has_view_permission(_as(row)):
            _end(row, ListFile.Status.FAILED)
            return
        ListFile.objects.filter(id=row.id).update(rows=cl.queryset.order_by().count())
        _write(made, cl, row.format, row.columns, lambda written: _keep_progress(row, written))
        made.seek(0)
        row.file.storage.delete(row.file.field.generate_filename(row, ""))  # of an attempt that died
        row.file.save("rows", File(made), save=False)
    _end(row, ListFile.Status.READY)


def write_due() -> int:
    """Write files that were not enqueued, or whose worker died (beat). Return how many."""
    sweep = Sweep(WRITE)
    due = ListFile.objects.filter(due_at__lte=timezone.now()).exclude(id__in=sweep.resting).order_by("due_at")
    ids = list(due.values_list("id", flat=True)[:SWEPT])
    for file_id in ids:
        with sweep.item(file_id):
            write_file(file_id)
    return len(ids)


def forget_files() -> int:
    """Delete files that have outlived their use (beat). Return how many."""
    sweep = Sweep(FORGET)
    old = ListFile.objects.filter(created_at__lt=timezone.now() - ListFile.RETENTION).exclude(id__in=sweep.resting)
    for row in old:
        with sweep.item(row.id):
            if row.file:
                row.file.delete(save=False)
            row.delete()
    return len(old)


def _begin(file_id: str) -> ListFile | None:
    waiting = ListFile.objects.filter(id=file_id, status=ListFile.Status.PROCESSING)
    # Counted first, so that a list that kills its worker is not tried for ever; a second worker waits its turn.
    taken = waiting.filter(due_at__lte=timezone.now()).update(
        attempts=F("attempts") + 1, due_at=timezone.now() + timedelta(minutes=10), written=0
    )
    row = waiting.select_related("user").first() if taken else None
    if row is not None and row.attempts > MOST_ATTEMPTS:
        _end(row, ListFile.Status.FAILED)
        return None
    return row


def _end(row: ListFile, status: ListFile.Status) -> None:
    row.status, row.due_at, row.finished_at = status, None, timezone.now()
    row.save(update_fields=["status", "due_at", "finished_at", "file"])


def _keep_progress(row: ListFile, written: int) -> None:
    """How far it is; a worker that lives keeps the file to itself."""
    ListFile.objects.filter(id=row.id).update(written=written, due_at=timezone.now() + timedelta(minutes=10))


def _as(row: ListFile) -> HttpRequest:
    request = HttpRequest()
    request.user = row.user
    return request


def _write(out: IO[bytes], cl: Any, form: str, names: Sequence[str], progress: Progress) -> None:
    columns = Columns(cl.model_admin, names)
    with answering(cl.request):
        rows = _cells(cl, columns, progress)
        if form == ListFile.Format.XLSX:
            _write_xlsx(out, columns.titles(), rows)
        else:
            _write_csv(out, columns.titles(), rows)


def _cells(cl: Any, columns: Columns, progress: Progress) -> Iterator[list[Cell]]:
    written = 0
    for piece in pieces(cl.apply_select_related(cl.queryset), cl.completed, PIECE):
        yield from map(columns.cells, piece)
        written += len(piece)
        progress(written)


def _write_csv(out: IO[bytes], titles: Sequence[str], rows: Iterator[list[Cell]]) -> None:
    """As spreadsheets of the reader's language open it: Dutch ones expect commas within amounts."""
    comma = get_language() == "nl"
    out.write(BOM_UTF8)
    text = TextIOWrapper(out, encoding="utf-8", newline="")
    writer = csv.writer(text, delimiter=";" if comma else ",")
    writer.writerow(titles)
    writer.writerows([_text(cell, comma=comma) for cell in row] for row in rows)
    text.detach()


def _text(cell: Cell, *, comma: bool) -> str:
    if isinstance(cell, Decimal):
        return str(cell).replace(".", ",") if comma else str(cell)
    return cell.isoformat(sep=" ") if isinstance(cell, datetime) else str(cell)


def _write_xlsx(out: IO[bytes], titles: Sequence[str], rows: Iterator[list[Cell]]) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        money, moment = (book.add_format({"num_format": text}) for text in ("#,##0.00", "yyyy-mm-dd hh:mm:ss"))
        sheet, line = _sheet(book, titles), 0
        for row in rows:
            if line == _ROWS_OF_SHEET:
                sheet, line = _sheet(book, titles), 0
            line += 1
            for at, cell in enumerate(row):
                if isinstance(cell, Decimal):
                    sheet.write_number(line, at, cell, money)
                elif isinstance(cell, datetime):
                    sheet.write_datetime(line, at, cell, moment)
                elif isinstance(cell, int):
                    sheet.write_number(line, at, cell)
                elif cell:
                    sheet.write_string(line, at, cell)


def _sheet(book: Any, titles: Sequence[str]) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for at, title in enumerate(titles):
        sheet.write_string(0, at, title)
    return sheet


def _note(user: User, pages: ScopedAdmin, form: str) -> None:
    """Write down at each merchant that rows, which may name people, left the admin as a file."""
    after = {"page": pages.model._meta.label_lower, "format": form}
    for merchant in merchants(user, pages.sees):
        audit_log.write(actor=user.id, action="list.exported", subject=user, merchant_id=merchant.id, after=after)
