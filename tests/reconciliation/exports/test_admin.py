"""A bookkeeper exports in the admin, enters the accountant's codes, and sets up a schedule."""

import re
from collections.abc import Callable
from html import unescape

from django.test import Client

from payments.people.models import AuditLog, Role
from reconciliation.models import AccountMapping, Export, ExportSchedule
from reconciliation.services.make_export import make_export
from tests.reconciliation.conftest import Shop
from tests.reconciliation.exports.conftest import Books
from tests.reconciliation.test_admin import page, signed_in

NEW = "/admin/reconciliation/export/new/"
ACCOUNTS = "/admin/reconciliation/accountmapping/"


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return unescape(answer.content.decode())


def form(books: Books, **more: str) -> dict[str, str]:
    first, last = books.today.replace(day=1).isoformat(), books.today.isoformat()
    given = {"kind": "journal_csv", "profile": "exact", "account": "", "first": first, "last": last}
    return {"merchant": books.shop.merchant.id} | given | more


def row_of(html: str, title: str) -> str:
    """The number of an account's row on the page."""
    found = re.search(rf'name="(\d+)-code"[^>]*aria-label="Code, {re.escape(title)}"', html)
    found = found or re.search(rf'aria-label="Code, {re.escape(title)}"[^>]*name="(\d+)-code"', html)
    assert found is not None, title
    return found[1]


def filled(html: str) -> dict[str, str]:
    """The page's inputs as they stand."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name, value = re.search(r'name="([\w-]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and re.match(r"\d+-", name[1]) and 'type="checkbox"' not in tag:
            found[name[1]] = unescape(value[1]) if value else ""
    return found


def test_an_export_shows_itself_when_it_is_ready_and_is_fetched(books: Books) -> None:
    client = signed_in(books.shop)
    made = client.post(NEW, form(books))
    export = Export.objects.get()
    assert made["Location"] == page(Export, "change", export.id)
    waiting = text(client, made["Location"])
    live = re.search(r'hx-get="([^"]+/live/[^"]+)"', waiting)
    assert live is not None
    assert "HX-Refresh" not in client.get(live[1]).headers
    make_export(export.id)
    assert client.get(live[1])["HX-Refresh"] == "true"
    shown = text(client, made["Location"])
    assert "/live/?id=" not in shown
    assert "Exact Online" in shown
    file = client.get(f"/admin/reconciliation/export/{export.id}/file/")
    assert file.getvalue().startswith(b"\xef\xbb\xbfJournalCode;")
    assert AuditLog.objects.filter(action="export.downloaded", object_id=export.id).count() == 1


def test_its_page_tells_what_was_booked_since(books: Books) -> None:
    client = signed_in(books.shop)
    export = books.exports("journal_csv")
    assert "nothing" in text(client, page(Export, "change", export.id))
    books.shop.sells_online(1_000)
    assert "1 entries, which this file does not hold" in text(client, page(Export, "change", export.id))


def test_what_cannot_be_exported_is_said_on_the_form(books: Books) -> None:
    client = signed_in(books.shop)
    answer = client.post(NEW, form(books, first="2026-03-02", last="2026-03-01"))
    assert "The last day is before the first one." in unescape(answer.content.decode())
    assert not Export.objects.exists()


def test_an_export_may_be_of_one_channel_of_the_merchants_own(books: Books, open_shop: Callable[[str], Shop]) -> None:
    client = signed_in(books.shop)
    client.post(NEW, form(books, channel=books.shop.store.id, currency="EUR"))
    export = Export.objects.get()
    assert (export.channel_id, export.currency) == (books.shop.store.id, "EUR")
    assert books.shop.store.name in text(client, page(Export, "change", export.id))
    strange = open_shop("Vreemd").store
    assert client.post(NEW, form(books, channel=strange.id)).status_code == 200
    assert Export.objects.count() == 1


def test_the_accountants_codes_are_entered_on_one_page(books: Books) -> None:
    client = signed_in(books.shop)
    html = client.get(ACCOUNTS).content.decode()
    assert "everything can be exported" in unescape(html)
    title = f"Receivable {books.shop.account('simulator').name}"
    row = row_of(html, title)
    client.post(ACCOUNTS, filled(html) | {f"{row}-code": "1399", f"{row}-vat_code": "VN"})
    made = AccountMapping.objects.get()
    assert (made.account, made.code, made.vat_code, made.journal) == (books.receivable, "1399", "VN", "MEMO")
    html = client.get(ACCOUNTS).content.decode()
    client.post(ACCOUNTS, filled(html) | {f"{row}-code": ""})
    unmapped = text(client, ACCOUNTS)
    assert "Without a code nothing of these accounts is exported" in unmapped
    export = books.exports("journal_csv")
    assert "Enter its code" in text(client, page(Export, "change", export.id))
    client.post(ACCOUNTS, filled(html) | {f"{row}-default": "on"})
    assert not AccountMapping.objects.exists()
    assert books.exports("journal_csv").status == "ready"


def test_a_code_that_no_package_takes_changes_nothing(books: Books) -> None:
    client = signed_in(books.shop)
    html = client.get(ACCOUNTS).content.decode()
    rows = sorted(name for name in filled(html) if name.endswith("-code"))
    answer = client.post(ACCOUNTS, filled(html) | {rows[0]: "1234", rows[1]: "12 34!"})
    assert "This does not have the form it must have" in unescape(answer.content.decode())
    assert not AccountMapping.objects.exists()


def test_an_auditor_looks_and_changes_nothing(books: Books) -> None:
    client = signed_in(books.shop, Role.Name.AUDITOR)
    assert client.get(NEW).status_code == 403
    html = client.get(ACCOUNTS).content.decode()
    assert client.post(ACCOUNTS, filled(html) | {"0-code": "1"}).status_code == 403
    export = books.exports("journal_csv")
    assert client.get(f"/admin/reconciliation/export/{export.id}/file/").status_code == 200


def test_a_schedule_is_set_up_and_ended(books: Books) -> None:
    client = signed_in(books.shop)
    given = {"merchant": books.shop.merchant.id, "kind": "xaf40", "profile": "generic", "account": "", "every": "month"}
    path = "/admin/reconciliation/exportschedule/new/"
    refused = client.post(path, given | {"delivery": "mail", "email": ""})
    assert "e-mail address" in unescape(refused.content.decode())
    made = client.post(path, given | {"delivery": "mail", "email": "books@example.com"})
    schedule = ExportSchedule.objects.get()
    assert made["Location"] == page(ExportSchedule, "change", schedule.id)
    assert "books@example.com" in text(client, made["Location"])
    client.post(page(ExportSchedule, "end", schedule.id), {})
    schedule.refresh_from_db()
    assert not schedule.active
