"""What an export promises, whatever its kind: proven, repeatable, named, and never twice unseen."""

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.db.models import F

from payments.core.errors import ValidationFailed
from payments.ledger import balances
from payments.ledger.models import BalanceCheckpoint, JournalEntry, Posting
from reconciliation import registry
from reconciliation.models import Export
from reconciliation.services.account_mapping import change_mapping, mapped_accounts
from reconciliation.services.make_export import make_due, make_export
from tests.reconciliation.conftest import BY
from tests.reconciliation.exports.conftest import Books

KINDS = list(registry.export_kinds())


def options_of(books: Books, kind: str) -> dict[str, str]:
    return {"account": books.receivable} if registry.export_kinds()[kind].of_one_account else {}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_request_gives_the_same_bytes(books: Books, kind: str) -> None:
    first, again = (books.exports(kind, **options_of(books, kind)) for _ in range(2))
    assert (first.status, again.status) == ("ready", "ready"), first.problems
    assert first.sha256 == again.sha256
    assert first.entries_sha256 == again.entries_sha256
    assert first.size > 100


def test_it_says_which_entries_it_holds(books: Books) -> None:
    export = books.exports("journal_csv")
    entries = list(JournalEntry.objects.order_by("book_date", "id"))
    assert (export.entries, export.postings) == (len(entries), Posting.objects.count())
    assert (export.first_entry, export.last_entry) == (entries[0].id, entries[-1].id)
    assert export.debit == export.credit == sum(max(row.amount, 0) for row in Posting.objects.all())
    still_open = balances.trial_balance(books.shop.merchant.id, books.today)
    assert (export.opening, export.closing) == (0, sum(row.debit for row in still_open))


def test_every_posting_stands_in_the_journal_once_with_its_sign(books: Books) -> None:
    rows = list(csv.DictReader(io.StringIO(books.content("journal_csv").decode("utf-8-sig"))))
    wanted = {(row.entry_id, row.account.code, row.amount) for row in Posting.objects.select_related("account")}
    cents = {
        (
            row["entry"],
            row["ledger_account"],
            round(float(row["debit"] or 0) * 100) - round(float(row["credit"] or 0) * 100),
        )
        for row in rows
    }
    assert cents == wanted
    assert {row["account"] for row in rows} == {one.code for one in mapped_accounts(books.shop.merchant).values()}


def test_a_mapping_that_was_emptied_releases_nothing(books: Books) -> None:
    change_mapping(books.shop.merchant, books.receivable, values={"code": ""}, actor=BY)
    export = books.exports("journal_csv")
    assert export.status == "failed"
    assert [(one["code"], one["account"]) for one in export.problems] == [("account_unmapped", books.receivable)]
    assert (export.file.name, export.entries) == ("", None)
    change_mapping(books.shop.merchant, books.receivable, values={"code": "1299", "name": "PSP"}, actor=BY)
    assert b",1299,PSP," in books.content("journal_csv")


def test_a_statement_needs_no_mapping(books: Books) -> None:
    change_mapping(books.shop.merchant, books.receivable, values={"code": ""}, actor=BY)
    assert books.exports("camt053", account=books.receivable).status == "ready"


def test_days_that_were_exported_before_are_named(books: Books) -> None:
    earlier = books.exports("journal_csv", profile="exact")
    assert earlier.problems == []
    assert books.exports("journal_csv", profile="twinfield").problems == []  # another package
    again = books.exports("journal_csv", profile="exact", first=books.today)
    assert again.status == "ready"
    assert [one["code"] for one in again.problems] == ["exported_before"]
    assert earlier.id in again.problems[0]["detail"]
    assert books.exports("camt053", account=books.receivable).problems == []


def test_a_balance_that_does_not_follow_from_the_postings_releases_nothing(books: Books) -> None:
    balances.fold_all()
    forged = BalanceCheckpoint.objects.filter(account__code=books.receivable)
    assert forged.update(amount=F("amount") + 1) == 1
    export = books.exports("journal_csv")
    assert export.status == "failed"
    assert [(one["code"], one["account"]) for one in export.problems] == [("books_differ", books.receivable)]
    assert (export.file.name, export.entries) == ("", None)


def test_what_no_bell_rang_for_is_made_by_the_sweep(books: Books) -> None:
    export = books.asks("journal_csv")
    assert make_due() == 1
    export.refresh_from_db()
    assert (export.status, export.due_at) == ("ready", None)
    assert make_due() == 0


def test_an_export_whose_worker_dies_again_and_again_is_given_up(books: Books) -> None:
    export = books.asks("journal_csv")
    Export.objects.filter(id=export.id).update(attempts=5)
    make_export(export.id)
    export.refresh_from_db()
    assert (export.status, export.problems[0]["code"]) == ("failed", "export_failed")


def test_what_a_dead_attempt_left_on_the_disk_is_replaced(books: Books) -> None:
    export = books.asks("journal_csv")
    export.file.storage.save(f"exports/{export.merchant_id}/{export.id}", io.BytesIO(b"half"))
    make_export(export.id)
    export.refresh_from_db()
    with export.file.open("rb") as file:
        assert len(file.read()) == export.size
    assert export.file.name == f"exports/{export.merchant_id}/{export.id}"


def test_an_export_of_one_channel_holds_its_entries_whole(books: Books) -> None:
    export = books.exports("journal_csv", channel=books.shop.store)
    assert (export.status, export.entries, export.debit, export.opening) == ("ready", 1, 1_995, None)


def test_a_span_without_entries_is_an_empty_export(books: Books) -> None:
    day = books.today - dt.timedelta(days=400)
    for kind in KINDS:
        export = books.exports(kind, first=day, last=day, **options_of(books, kind))
        assert (export.status, export.entries, export.first_entry) == ("ready", 0, None), kind


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"kind": "xaf"}, ("kind", "invalid_choice")),
        ({"kind": "journal_csv", "profile": "sap"}, ("profile", "invalid_choice")),
        ({"kind": "xaf32", "profile": "exact"}, ("profile", "not_together")),
        ({"kind": "camt053"}, ("account", "required")),
        ({"kind": "mt940", "account": "receivable:pac_x"}, ("account", "not_found")),
        ({"kind": "journal_csv", "account": "suspense"}, ("account", "not_together")),
        ({"kind": "xaf40", "first": dt.date(2025, 12, 31), "last": dt.date(2026, 1, 1)}, ("to", "spans_years")),
        ({"kind": "xaf40", "currency": "KWD"}, ("currency", "currency_not_possible")),
        ({"kind": "journal_csv", "first": dt.date(2026, 2, 1), "last": dt.date(2026, 1, 1)}, ("to", "span_invalid")),
        ({"kind": "journal_csv", "first": dt.date(1, 1, 1)}, ("from", "out_of_range")),
    ],
)
def test_what_cannot_be_exported_is_refused_by_name(books: Books, body: dict[str, Any], fault: tuple[str, str]) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        books.asks(**body)
    assert (refusal.value.faults[0].param, refusal.value.faults[0].code) == fault
    assert not Export.objects.exists()
