"""A file is imported whole or not at all, once, whatever happens to the worker."""

import io
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from payments.core.errors import TooLarge, ValidationFailed
from payments.ledger.models import JournalEntry
from payments.notify.models import Event
from reconciliation.models import BankStatementLine, Payout, SettlementFile, SettlementLine
from reconciliation.services import import_file as importing
from reconciliation.services import settlements
from reconciliation.services.import_file import import_due, import_file
from tests.reconciliation.conftest import BankLine, Line, Shop, codes, settlement_csv, statement

T = TypeVar("T")

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


def test_the_same_file_again_is_a_duplicate_and_changes_nothing(shop: Shop) -> None:
    shop.sells_online(5000)
    content = shop.settlement()
    first = shop.sends(content)
    entries = JournalEntry.objects.count()
    again = shop.sends(content, "another name.csv")
    assert (again.status, again.duplicate_of_id, again.lines) == ("duplicate", first.id, 1)
    assert again.id != first.id
    assert JournalEntry.objects.count() == entries
    assert not again.file


def test_the_same_file_of_another_merchant_is_no_duplicate(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    content = statement(BankLine(100))
    assert shop.sends(content).status == "imported"
    assert open_shop("Vreemd").sends(content).status == "imported"


def test_a_refused_file_may_be_sent_again_when_all_is_put_right(shop: Shop) -> None:
    content = statement(BankLine(100))
    shop.merchant.iban = ""
    shop.merchant.save()
    assert codes(shop.sends(content)) == ["account_unknown"]
    shop.merchant.iban = "NL91ABNA0417164300"
    shop.merchant.save()
    assert shop.sends(content).status == "imported"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(lambda text: text[: text.rindex("\nT,") + 1], "file_truncated", id="truncated"),
        pytest.param(lambda text: text.replace(",50.00,", ",51.00,"), "net_differs", id="net"),
        pytest.param(lambda text: text + "L" + "," * 13 + "\n", "record_invalid", id="more"),
    ],
)
def test_a_file_with_a_problem_is_refused_and_nothing_of_it_is_booked(
    shop: Shop, spoil: Callable[[str], str], code: str
) -> None:
    shop.sells_online(5000)
    entries = JournalEntry.objects.count()
    file = shop.sends(spoil(shop.settlement()))
    assert file.status == "refused"
    assert code in codes(file)
    assert JournalEntry.objects.count() == entries
    assert SettlementLine.objects.count() == Payout.objects.count() == 0
    assert shop.disagreements() == []


def test_a_statement_whose_sums_differ_is_refused(shop: Shop) -> None:
    file = shop.sends(statement(BankLine(100), closing=1))
    assert (file.status, codes(file)) == ("refused", ["sums_differ"])
    assert file.problems[0]["line"] == 4
    assert BankStatementLine.objects.count() == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x01\x02", b"hello", b"{}", b"a,b\n1,2\n", b"<a/>", "ünïcödé".encode("utf-16"), b"0" * 20_000_000],
)
def test_what_is_no_file_of_ours_is_not_recognized(shop: Shop, content: bytes) -> None:
    file = shop.sends(content)
    assert (file.status, codes(file), file.format) == ("refused", ["format_not_recognized"], None)


def test_an_empty_archive_is_not_recognized(shop: Shop) -> None:
    assert codes(shop.sends(packed())) == ["format_not_recognized"]


def test_days_in_one_archive_are_one_file(shop: Shop) -> None:
    days = [statement(BankLine(100), opening=number * 100, number=number) for number in (1, 2)]
    file = shop.sends(packed(*days), "days.zip")
    assert (file.status, file.lines, file.opening, file.closing) == ("imported", 2, 100, 300)
    assert shop.disagreements() == []


def test_one_bad_day_refuses_the_whole_archive(shop: Shop) -> None:
    file = shop.sends(packed(statement(BankLine(100), number=1), statement(BankLine(100), closing=1, number=2)))
    assert (file.status, codes(file)) == ("refused", ["sums_differ"])
    assert BankStatementLine.objects.count() == 0


def test_an_archive_of_two_formats_is_refused(shop: Shop) -> None:
    file = shop.sends(packed(statement(BankLine(100)), settlement_csv(Line(100))))
    assert codes(file) == ["formats_mixed"]


def test_a_report_within_the_day_is_recognized_and_never_booked(shop: Shop) -> None:
    file = shop.sends((GOLDEN / "camt052.xml").read_bytes())
    assert (file.status, file.format, file.lines) == ("recognized", "camt052", 1)
    assert BankStatementLine.objects.count() == 0
    assert shop.sends((GOLDEN / "camt052.xml").read_bytes()).status == "duplicate"


def test_a_format_may_be_asked_for(shop: Shop) -> None:
    assert shop.sends(statement(BankLine(100)), asked_format="camt053").status == "imported"
    assert "header_invalid" in codes(shop.sends(statement(BankLine(100)), asked_format="simulator_csv"))
    with pytest.raises(ValidationFailed) as refusal:
        shop.uploads("x", asked_format="mt9999")
    assert [fault.code for fault in refusal.value.faults] == ["format_unknown"]


def test_a_file_beyond_the_limit_is_refused_at_the_door(shop: Shop, settings: Settings) -> None:
    settings.MAX_IMPORT_MB = 1
    with pytest.raises(TooLarge):
        shop.uploads(b"0" * 1_000_001)
    assert SettlementFile.objects.count() == 0


def test_card_numbers_in_a_file_are_masked_and_counted(shop: Shop) -> None:
    file = shop.sends(statement(BankLine(100, "paid with 4111 1111 1111 1111")))
    assert (file.status, file.masked) == ("imported", 1)
    assert "4111 1111" not in BankStatementLine.objects.get().remittance


def test_what_was_imported_is_told(shop: Shop) -> None:
    shop.sells_online(5000)
    file = shop.sends(shop.settlement())
    payout = Payout.objects.get()
    shop.sends(statement(BankLine(payout.amount, payout.reference)))
    events = list(Event.objects.filter(type__regex="settlement|payout").order_by("id").values_list("type", "object_id"))
    assert events[:2] == [("payout.announced", payout.id), ("settlement.imported", file.id)]
    assert ("payout.received", payout.id) in events


def test_a_worker_that_dies_before_booking_leaves_nothing_and_the_sweep_finishes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sells_online(5000)
    file = shop.uploads(shop.settlement())
    entries = JournalEntry.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(settlements, "book", dies)
        with pytest.raises(SystemExit):
            import_file(file.id)
    assert nothing_is_booked(entries)
    assert import_due() == 1
    file.refresh_from_db()
    assert (file.status, file.attempts) == ("imported", 2)


def test_a_worker_that_dies_while_booking_leaves_nothing_half_done(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = shop.sells_online(5000)
    file = shop.uploads(shop.settlement())
    entries = JournalEntry.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(importing, "emit", dies)  # the last thing an import does
        with pytest.raises(SystemExit):
            import_file(file.id)
    assert nothing_is_booked(entries)
    import_file(file.id)
    import_file(file.id)
    assert shop.balance("receivable", payment.item) == 0
    assert SettlementLine.objects.count() == 1


def test_a_file_that_kills_every_worker_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    file = shop.uploads(settlement_csv(Line(100)))
    monkeypatch.setattr(importing, "stage", dies)
    for _ in range(5):
        with pytest.raises(SystemExit):
            import_file(file.id)
    import_file(file.id)
    file.refresh_from_db()
    assert (file.status, codes(file)) == ("refused", ["import_failed"])


def test_what_no_bell_rang_for_is_found(shop: Shop) -> None:
    file = shop.uploads(statement(BankLine(100)))
    assert file.due_at is not None
    assert file.due_at <= timezone.now()
    assert import_due() == 1
    assert import_due() == 0


def test_one_file_sent_twice_at_once_is_imported_once(shop: Shop) -> None:
    shop.sells_online(5000)
    content = shop.settlement()
    rows = at_once(lambda: shop.sends(content), 6)
    statuses = sorted(row.status for row in rows)
    assert statuses == ["duplicate"] * 5 + ["imported"]
    assert SettlementLine.objects.count() == 1


def test_one_file_imported_by_many_workers_is_booked_once(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    file = shop.uploads(shop.settlement())
    at_once(lambda: import_file(file.id), 6)
    file.refresh_from_db()
    assert file.status == "imported"
    assert shop.balance("receivable", payment.item) == 0
    assert Payout.objects.count() == 1


def test_two_files_about_one_sale_at_once_settle_it_once(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    operation = payment.operations.get().id
    files = [shop.uploads(settlement_csv(Line(5000, operation=operation))) for _ in range(4)]
    ids = iter([file.id for file in files])
    at_once(lambda: import_file(next(ids)), 4)
    import_due()
    assert set(SettlementFile.objects.values_list("status", flat=True)) == {"imported"}
    assert shop.balance("receivable", payment.item) == 0
    assert SettlementLine.objects.filter(state="matched").count() == 1
    assert shop.balance("suspense") == -15_000


@pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")
def test_a_banks_message_with_two_statements(shop: Shop) -> None:
    shop.merchant.iban = "NL26VAYB8060476890"
    shop.merchant.save()
    file = shop.sends((SAMPLES / "camt" / "genkgo-camt053.v2.multi.statement.xml").read_bytes())
    assert (file.status, file.lines, file.opening, file.closing) == ("imported", 2, 1815, 2000)
    assert shop.disagreements() == []


@pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")
def test_a_month_of_a_dutch_bank_in_one_file(shop: Shop) -> None:
    shop.merchant.iban = "NL81ASNB9999999999"
    shop.merchant.save()
    file = shop.sends((SAMPLES / "mt940" / "wolph-asnb.txt").read_bytes())
    assert (file.status, file.format, file.lines) == ("imported", "mt940", 8)
    assert (file.opening, file.closing) == (44429, 50123)
    assert shop.disagreements() == []


def dies(*_: object, **__: object) -> None:
    """What a killed worker looks like from inside."""
    raise SystemExit


def nothing_is_booked(entries: int) -> bool:
    return (
        JournalEntry.objects.count() == entries
        and SettlementLine.objects.count() == 0
        and Payout.objects.count() == 0
        and SettlementFile.objects.get().status == "processing"
    )


def packed(*files: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files):
            archive.writestr(f"day-{number}", content)
    return stream.getvalue()


def at_once(work: Callable[[], T], times: int) -> list[T]:
    """Run it in as many threads, each with a connection of its own."""
    results: list[T] = []
    failures: list[BaseException] = []
    barrier = threading.Barrier(times)

    def run() -> None:
        try:
            barrier.wait()
            results.append(work())
        except BaseException as failure:  # noqa: BLE001  (whatever it was, the test tells)
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    return results
