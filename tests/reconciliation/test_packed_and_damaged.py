"""Files as they really arrive: packed, damaged, with a readme, in UTF-16, two in one. One clear problem, or read."""

import gzip
import io
import time
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from reconciliation.models import BankStatementLine, SettlementFile
from reconciliation.services.import_file import import_due
from tests.reconciliation.conftest import BankLine, Line, Shop, codes, settlement_csv, statement

CARD = "4111111111111111"


def days(count: int) -> list[str]:
    return [statement(BankLine(100), opening=number * 100, number=number) for number in range(1, count + 1)]


def zipped(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_what_macos_and_windows_leave_in_an_archive_is_no_file(shop: Shop) -> None:
    litter = dict.fromkeys(["__MACOSX/._day.xml", ".DS_Store", "week/Thumbs.db", "week/desktop.ini"], b"\x00\x01")
    file = shop.sends(zipped({**litter, "week/day.xml": days(1)[0]}))
    assert (file.status, file.lines, codes(file)) == ("imported", 1, [])


def test_a_readme_beside_statements_is_left_out_by_name(shop: Shop) -> None:
    file = shop.sends(zipped({"day.xml": days(1)[0], "readme.txt": "How to read this", "day.pdf": b"%PDF-1.7"}))
    assert (file.status, file.lines, codes(file)) == ("imported", 1, ["file_left_out", "file_left_out"])
    assert "day.pdf" in file.problems[0]["detail"]


def test_another_file_that_cannot_be_read_refuses_the_archive_by_name(shop: Shop) -> None:
    file = shop.sends(zipped({"day.xml": days(1)[0], "extra.dat": "?"}))
    assert (file.status, codes(file)) == ("refused", ["format_not_recognized"])
    assert "extra.dat" in file.problems[0]["detail"]


@pytest.mark.parametrize("broken", ["crc", "data", "directory"])
def test_a_damaged_archive_ends_at_once_with_one_problem(shop: Shop, broken: str) -> None:
    content = bytearray(zipped({f"day-{n}.xml": day for n, day in enumerate(days(3))}))
    place = {"crc": content.rindex(b"PK\x01\x02") + 16, "data": 300, "directory": len(content) - 30}[broken]
    content[place : place + 8] = b"\xff" * 8
    begun = time.monotonic()
    file = shop.sends(bytes(content))
    assert (file.status, codes(file)) == ("refused", ["archive_invalid"])
    assert "damaged" in file.problems[0]["detail"]
    assert file.attempts <= 1
    assert time.monotonic() - begun < 10


def test_thousands_of_files_are_one_problem_in_seconds(shop: Shop) -> None:
    begun = time.monotonic()
    file = shop.sends(zipped({f"{number}.xml": "x" for number in range(5000)}))
    assert (file.status, codes(file)) == ("refused", ["archive_too_large"])
    assert "5,000" in file.problems[0]["detail"]
    assert time.monotonic() - begun < 10


def test_many_copies_of_one_statement_are_one_problem(shop: Shop) -> None:
    (day,) = days(1)
    begun = time.monotonic()
    file = shop.sends(zipped({f"{number:03}.xml": day for number in range(900)}))
    assert (file.status, codes(file), file.lines) == ("imported", ["statement_known"], 1)
    assert time.monotonic() - begun < 30


def test_a_problem_in_an_archive_names_its_file(shop: Shop) -> None:
    file = shop.sends(zipped({"mon.xml": days(1)[0], "tue.xml": statement(BankLine(100), closing=1, number=2)}))
    assert codes(file) == ["sums_differ"]
    assert file.problems[0]["detail"].startswith("tue.xml: ")


def test_gzip_is_unpacked_and_card_numbers_in_it_are_masked(shop: Shop) -> None:
    content = gzip.compress(statement(BankLine(100, f"card {CARD}")).encode())
    file = shop.sends(content, "day.xml.gz")
    assert (file.status, file.format, file.lines, file.masked) == ("imported", "camt053", 1, 1)
    with file.file.open("rb") as stream:
        assert CARD.encode() not in gzip.decompress(stream.read())


@pytest.mark.parametrize("spoil", [lambda raw: raw[:-20], lambda raw: raw[:40] + b"\xff" * 20 + raw[60:]])
def test_a_damaged_gzip_is_refused_at_once(shop: Shop, spoil: Callable[[bytes], bytes]) -> None:
    content = spoil(gzip.compress(days(1)[0].encode()))
    file = shop.sends(content, "day.gz")
    assert (file.status, codes(file)) == ("refused", ["archive_invalid"])


def test_a_gzip_that_unpacks_without_end_is_refused(shop: Shop, settings: Any) -> None:
    settings.MAX_IMPORT_MB = 1
    file = shop.sends(gzip.compress(MT940.encode() + b"X\n" * 1_000_000))
    assert (file.status, codes(file)) == ("refused", ["archive_too_large"])


MT940 = (
    ":20:A\n:25:NL91ABNA0417164300\n:28C:1\n:60F:C261123EUR1,00\n:61:261124C1,00NTRF\n:86:Café\n:62F:C261124EUR2,00\n"
)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read(shop: Shop, codec: str) -> None:
    file = shop.sends(MT940.encode(codec))
    assert (file.status, file.format, file.lines) == ("imported", "mt940", 1)
    assert BankStatementLine.objects.get().remittance == "Café"
    xml = days(1)[0].replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    assert shop.sends(xml).status == "imported"


def test_a_blank_line_before_the_xml_is_no_fault(shop: Shop) -> None:
    assert shop.sends("\n \r\n" + days(1)[0]).status == "imported"


def test_two_documents_in_one_file_are_both_read(shop: Shop) -> None:
    file = shop.sends("\n".join(days(2)))
    assert (file.status, file.lines, file.opening, file.closing) == ("imported", 2, 100, 300)
    undeclared = [day.split("?>", 1)[1] for day in days(4)[2:]]
    assert shop.sends("\n".join(undeclared)).lines == 2


@pytest.mark.parametrize("year", ["0001", "1900", "1999", "2099", "9999"])
def test_a_day_outside_of_any_trade_is_refused_by_name(shop: Shop, year: str) -> None:
    day = f"{year}-11-24"
    content = statement(BankLine(100)).replace(f"<BookgDt><Dt>{date.today().isoformat()}", f"<BookgDt><Dt>{day}")
    file = shop.sends(content)
    assert (file.status, codes(file)) == ("refused", ["date_implausible"])
    assert day in file.problems[0]["detail"]


def test_a_time_outside_of_any_trade_is_refused_by_name(shop: Shop) -> None:
    content = settlement_csv(Line(100))
    moment = content.splitlines()[2].split(",")[6]
    file = shop.sends(content.replace(moment, "0001-01-01T00:00:00+14:00"))
    assert set(codes(file)) == {"date_implausible"}


def test_at_most_a_hundred_problems_and_the_first_cause_first(shop: Shop) -> None:
    lines = "".join(f":61:261124C1,0{n % 10}NTRF\n:86:{n}\n" for n in range(500))
    broken = MT940.replace(":61:", f"{lines}:61:").replace(":60F:C261123EUR1,00", ":60F:X261123EUR1,00")
    assert codes(shop.sends(broken)) == ["record_invalid"]
    file = shop.sends(MT940.replace(":61:", lines.replace(",0", ".0") + ":61:"))
    assert len(file.problems) == 100
    assert set(codes(file)) == {"record_invalid"}


def test_no_file_delays_the_others(shop: Shop) -> None:
    """A file that no reader survives is refused; those behind it are imported in the same turn."""
    shop.uploads(zipped({"a.xml": days(1)[0]})[:-40])
    good = shop.uploads(days(1)[0])
    import_due()
    good.refresh_from_db()
    assert good.status == "imported"
    assert SettlementFile.objects.filter(status="processing").count() == 0
