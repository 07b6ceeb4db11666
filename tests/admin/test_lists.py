"""What every list offers beside its rows: chips, columns, saved views, files; and what it may ask of the database."""

import csv
import io
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.http import urlencode

from payments.admin.lists import files
from payments.models import Order
from payments.people.models import AuditLog, ListFile, SavedView
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db

PAYMENTS = "payments/payment/"
TOOLS = "lists/payments.payment/"
LISTS = [
    PAYMENTS,
    "payments/order/",
    "payments/refund/",
    "payments/discrepancy/",
    "reconciliation/settlement/",
    "reconciliation/payout/",
    "reconciliation/bankstatementline/",
]


@pytest.fixture
def sold(shop: Shop) -> Shop:
    for amount in (1_000, 2_000, 3_000):
        shop.pay_cash(amount)
    shop.pin(1_250)
    return shop


def listed(browser: Browser, **filters: Any) -> Any:
    return browser.client.get(f"/admin/{PAYMENTS}", filters).context["cl"]


def pressed(browser: Browser, tool: str, filters: dict[str, str] | None = None, **data: Any) -> Any:
    """What a button beside the list answers, at the address that the list has."""
    return browser.client.post(f"/admin/{TOOLS}{tool}/?{urlencode(filters or {})}", data)


class TestChips:
    """What is asked for, at a glance."""

    def test_each_says_what_it_asks_for_and_comes_off_alone(self, sold: Shop, sign_in: SignIn) -> None:
        browser = sign_in("finance", language="nl")
        given = {
            "amount_from": "12,50",
            "amount_to": "€ 12,50",
            "method__exact": "card",
            "business_day_period": "today",
        }
        cl = listed(browser, **given)
        assert {chip.title: chip.value for chip in cl.chips if chip.value} == {
            "Verkoopdag": "vandaag",
            "Betaalwijze": "pas",
            "Bedrag": "12,50 – €\N{NO-BREAK SPACE}12,50",
        }
        assert cl.result_count == 1
        without = next(chip.without for chip in cl.chips if chip.title == "Betaalwijze")
        left = browser.client.get(f"/admin/{PAYMENTS}{without}").context["cl"]
        assert {chip.title for chip in left.chips if chip.value} == {"Verkoopdag", "Bedrag"}

    def test_none_drops_another_whose_name_begins_alike(self, sold: Shop, root: Browser) -> None:
        """`p` is the page's number; Django's own removes what begins so."""
        cl = listed(root, provisional__exact="0", p="2", method__exact="cash")
        for chip in cl.chips:
            if chip.name != "provisional__exact":
                assert "provisional__exact=0" in chip.without, chip
            assert "p=2" not in chip.without

    def test_a_search_keeps_them(self, sold: Shop, root: Browser) -> None:
        page = root.get(PAYMENTS, method__exact="cash", sort="-amount_requested")
        assert '<input type="hidden" name="method__exact" value="cash">' in page
        assert '<input type="hidden" name="sort" value="-amount_requested">' in page

    def test_the_way_back_keeps_them(self, sold: Shop, root: Browser) -> None:
        page = root.get(PAYMENTS, method__exact="cash")
        row = listed(root, method__exact="cash").result_list[0]
        way = page.split(f"{row.id}/change/?")[1].split('"')[0].replace("&amp;", "&")
        assert "/admin/payments/payment/?method__exact=cash" in root.get(f"{PAYMENTS}{row.id}/change/?{way}")


class TestSorting:
    def test_by_a_column_and_the_other_way_round(self, sold: Shop, root: Browser) -> None:
        assert [row.amount for row in listed(root, sort="amount_requested").result_list] == [1_000, 1_250, 2_000, 3_000]
        assert listed(root, sort="-amount_requested").result_list[0].amount == 3_000
        heads = {head.name: head for head in listed(root, sort="-amount_requested").heads}
        assert (heads["amount_requested"].order, heads["amount_requested"].link) == (
            "descending",
            "?sort=amount_requested",
        )


class TestColumns:
    def test_they_are_remembered_for_the_person(self, sold: Shop, sign_in: SignIn) -> None:
        anna, bob = sign_in("finance"), sign_in("finance")
        assert pressed(anna, "columns", column=["amount_requested", "receipt_number"]).status_code == 302
        assert listed(anna).list_display == ["time", "amount_requested", "receipt_number"]
        assert "receipt_number" not in listed(bob).list_display
        pressed(anna, "columns", usual="1")
        assert listed(anna).list_display == listed(bob).list_display

    def test_only_what_the_list_offers(self, sold: Shop, sign_in: SignIn) -> None:
        assert pressed(sign_in("finance"), "columns", column=["card_fingerprint"]).status_code == 404


class TestSavedViews:
    def kept(self, browser: Browser) -> dict[str, str]:
        """The views of the list as its page loads them, with their counts."""
        answer = browser.client.get(f"/admin/{TOOLS}views/")
        return {view.name: f"{view.count}{'+' if view.more else ''}" for view in answer.context["views"]}

    def test_ones_own_has_a_count_and_is_nobody_elses(self, sold: Shop, sign_in: SignIn) -> None:
        anna, bob = sign_in("finance"), sign_in("finance")
        pressed(anna, "views/save", {"method__exact": "cash", "p": "2"}, name="Cash")
        assert (self.kept(anna), self.kept(bob)) == ({"Cash": "3"}, {})
        assert SavedView.objects.get().query == "method__exact=cash"

    def test_a_shared_one_shows_each_their_own_rows(self, sold: Shop, sign_in: SignIn) -> None:
        other = open_shop("Elders")
        other.pay_cash(1_000)
        pressed(sign_in("finance"), "views/save", {"method__exact": "cash"}, name="Cash", merchant_id=sold.merchant.id)
        assert self.kept(sign_in("clerk", channel_id=sold.store.id)) == {"Cash": "3"}
        assert self.kept(sign_in("clerk", channel_id=sold.webshop.id)) == {"Cash": "0"}
        assert AuditLog.objects.filter(action="saved_view.shared").count() == 1

    def test_nobody_shares_beyond_what_they_see(self, sold: Shop, sign_in: SignIn) -> None:
        clerk = sign_in("clerk", channel_id=sold.store.id)
        assert pressed(clerk, "views/save", name="Mine", merchant_id=sold.merchant.id).status_code == 403
        elsewhere = open_shop("Elders").merchant.id
        assert pressed(sign_in("finance"), "views/save", name="Mine", merchant_id=elsewhere).status_code == 403
        assert not SavedView.objects.exists()

    def test_only_its_owner_removes_it(self, sold: Shop, sign_in: SignIn) -> None:
        anna, bob = sign_in("finance"), sign_in("finance")
        pressed(anna, "views/save", name="All", merchant_id=sold.merchant.id)
        view = SavedView.objects.get()
        assert pressed(bob, f"views/{view.id}/remove").status_code == 404
        assert pressed(anna, f"views/{view.id}/remove").status_code == 302
        assert not SavedView.objects.exists()

    @pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\x07b"])
    def test_it_has_a_name(self, name: str, sold: Shop, sign_in: SignIn) -> None:
        pressed(sign_in("finance"), "views/save", name=name)
        assert not SavedView.objects.exists()

    def test_a_name_means_one(self, sold: Shop, sign_in: SignIn) -> None:
        anna = sign_in("finance")
        for _ in range(2):
            pressed(anna, "views/save", name="Cash")
        assert SavedView.objects.count() == 1


class TestFiles:
    """All rows that are filtered, with the columns shown."""

    def rows(self, content: bytes, language: str = "en") -> list[dict[str, str]]:
        text = content.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text), delimiter=";" if language == "nl" else ","))

    def test_a_short_one_comes_at_once(self, sold: Shop, sign_in: SignIn) -> None:
        answer = pressed(
            sign_in("finance"), "file", {"method__exact": "cash", "sort": "amount_requested"}, format="csv"
        )
        rows = self.rows(answer.content)
        assert [row["Amount"] for row in rows] == ["10.00", "20.00", "30.00"]
        assert {row["Currency"] for row in rows} == {"EUR"}
        assert datetime.fromisoformat(rows[0]["Time"]).date() == sold.merchant.business_day(timezone.now())

    def test_amounts_are_as_the_readers_spreadsheet_writes_them(self, sold: Shop, sign_in: SignIn) -> None:
        answer = pressed(sign_in("finance", language="nl"), "file", {"method__exact": "card"}, format="csv")
        assert [row["Bedrag"] for row in self.rows(answer.content, "nl")] == ["12,50"]

    @pytest.mark.parametrize("reference", ["=1+1", "@SUM(A1)", "+49", "-2"])
    def test_nothing_in_it_is_calculated(self, reference: str, sold: Shop, sign_in: SignIn) -> None:
        Order.objects.filter(payments__method="card").update(reference=reference)
        answer = pressed(sign_in("finance"), "file", {"method__exact": "card"}, format="csv")
        assert [row["Order"] for row in self.rows(answer.content)] == [f"'{reference}"]

    def test_excel_has_numbers(self, sold: Shop, sign_in: SignIn) -> None:
        answer = pressed(sign_in("finance"), "file", {"method__exact": "card"}, format="xlsx")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<v>12.5" in sheet
        assert "<f>" not in sheet

    def test_it_is_written_down(self, sold: Shop, sign_in: SignIn) -> None:
        anna = sign_in("finance")
        pressed(anna, "file", format="csv")
        assert AuditLog.objects.get(action="list.exported", merchant_id=sold.merchant.id).actor == anna.user.id

    def test_a_filter_that_cannot_be_read_makes_none(self, sold: Shop, sign_in: SignIn) -> None:
        answer = pressed(sign_in("finance"), "file", {"amount_from": "1.250"}, format="csv")
        assert answer.status_code == 302
        assert not AuditLog.objects.filter(action="list.exported").exists()

    def test_a_long_one_is_written_by_a_worker(
        self, sold: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
    ) -> None:
        settings.MEDIA_ROOT = tmp_path
        monkeypatch.setattr(files, "AT_ONCE", 2)
        anna, bob = sign_in("finance", language="nl"), sign_in("finance")
        page = pressed(anna, "file", {"method__exact": "cash"}, format="csv").headers["Location"]
        assert 'hx-trigger="every 1s"' in anna.client.get(page).content.decode()
        assert anna.client.get(f"{page}download/").status_code == 404
        files.write_due()
        assert 'hx-trigger="every 1s"' not in anna.client.get(f"{page}state/").content.decode()
        done = b"".join(anna.client.get(f"{page}download/"))
        assert [row["Bedrag"] for row in self.rows(done, "nl")] == ["30,00", "20,00", "10,00"]
        assert {bob.client.get(f"{page}{part}").status_code for part in ("", "state/", "download/")} == {404}
        assert ListFile.objects.get().written == ListFile.objects.get().rows == 3

    def test_one_that_keeps_dying_comes_to_an_end(self, sold: Shop, sign_in: SignIn) -> None:
        row = ListFile.objects.create(
            user=sign_in("finance").user, page="payments.payment", columns=["time"], format="csv", language="en"
        )
        for _ in range(files.MOST_ATTEMPTS):
            ListFile.objects.update(due_at=timezone.now())
            assert files._begin(row.id) is not None
            assert files._begin(row.id) is None  # while one works at it, no second one does
        ListFile.objects.update(due_at=timezone.now())
        files.write_file(row.id)
        assert ListFile.objects.get().status == "failed"

    def test_what_a_person_may_not_see_any_more_is_not_written(self, sold: Shop, sign_in: SignIn) -> None:
        anna = sign_in("finance")
        row = ListFile.objects.create(
            user=anna.user,
            page="reconciliation.payout",
            columns=["reference"],
            format="csv",
            language="en",
            due_at=timezone.now(),
        )
        anna.user.roles.all().delete()
        files.write_file(row.id)
        assert ListFile.objects.get().status == "failed"

    def test_it_is_gone_after_a_week(
        self, sold: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
    ) -> None:
        settings.MEDIA_ROOT = tmp_path
        monkeypatch.setattr(files, "AT_ONCE", 2)
        pressed(sign_in("finance"), "file", format="xlsx")
        files.write_due()
        assert [path for path in tmp_path.rglob("*") if path.is_file()] != []
        assert files.forget_files() == 0
        ListFile.objects.update(created_at=timezone.now() - timedelta(days=8))
        assert files.forget_files() == 1
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_its_tools_go_by_the_rights_of_the_list(sold: Shop, sign_in: SignIn) -> None:
    clerk = sign_in("clerk")
    for page, status in (("reconciliation.payout", 403), ("payments.nothing", 404), ("nonsense", 404)):
        for tool in ("totals", "views"):
            assert clerk.client.get(f"/admin/lists/{page}/{tool}/").status_code == status
        for tool in ("columns", "views/save", "file"):
            data = {"name": "x", "format": "csv"}
            assert clerk.client.post(f"/admin/lists/{page}/{tool}/", data).status_code == status
    assert clerk.client.get("/admin/lists/payments.payment/file/").status_code == 405


def test_totals_of_many_rows_follow_the_page(sold: Shop, root: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.admin.base.read_only_admin.COUNTED", 2)
    page = root.get(PAYMENTS, method__exact="cash")
    assert "/admin/lists/payments.payment/totals/?method__exact=cash" in page
    assert "€60.00" not in page
    assert "€60.00" in root.get(f"{TOOLS}totals/", method__exact="cash")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("role", ["root", "finance"])
def test_a_list_asks_few_statements(path: str, role: str, sold: Shop, sign_in: SignIn) -> None:
    """However it is filtered; that they do not grow with the rows is held by `test_totals`."""
    browser = sign_in(role)
    browser.get(path)
    asked: list[dict[str, Any]] = [{}, {"amount_from": "10", "amount_to": "12,50"}]
    for filters in asked:
        with CaptureQueriesContext(connection) as captured:
            browser.get(path, **filters)
        assert len(captured) <= 15, [query["sql"][:120] for query in captured]
