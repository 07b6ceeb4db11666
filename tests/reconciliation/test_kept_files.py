"""What stays on the disk of an uploaded file: no card number in clear, and nothing that no row names."""

import hashlib
import io
import os
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from payments.core.iban import compact
from payments.core.pan import has_card_number
from payments.runtime.fail_points import fail_points_enabled
from reconciliation.models import BankStatementLine, SettlementFile
from reconciliation.services import keep_masked as keeping
from reconciliation.services import mask_file
from reconciliation.services.arriving import ArrivingFile
from reconciliation.services.forget_files import forget_files
from reconciliation.services.import_file import import_due
from reconciliation.services.keep_masked import keep_masked
from reconciliation.services.upload import upload
from tests.reconciliation.conftest import BankLine, Line, Shop, codes, settlement_csv, statement

CARD = "4111111111111111"
MASKED = "************1111"
GOLDEN = Path(__file__).parent / "golden"


def kept(file: SettlementFile) -> bytes:
    """What stays of it once a worker has taken it up."""
    keep_masked(file)
    with file.file.open("rb") as stream:
        return bytes(stream.read())


def on_disk(folder: Any) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_a_card_number_is_masked_in_the_file_and_its_digest_is_of_what_was_sent(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    content = statement(BankLine(100, f"paid with {CARD[:4]} {CARD[4:8]}-{CARD[8:12]} {CARD[12:]}", name=CARD))
    file = shop.sends(content)
    assert (file.status, file.masked) == ("imported", 2)
    assert kept(file).decode() == content.replace(CARD, MASKED).replace("4111 1111-1111", "**** ****-****")
    assert file.sha256 == hashlib.sha256(content.encode()).hexdigest()
    assert file.size == len(content.encode())
    line = BankStatementLine.objects.get()
    assert (line.counterparty_name, line.remittance) == (MASKED, "paid with **** ****-**** 1111")
    assert f"{file.id} held 2 card numbers" in caplog.text
    again = shop.sends(content)
    assert (again.status, again.duplicate_of_id) == ("duplicate", file.id)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.*")), ids=lambda path: path.name)
def test_a_file_without_one_is_kept_as_it_came(shop: Shop, path: Path) -> None:
    content = path.read_bytes()
    assert kept(shop.uploads(content)) == content


def test_a_refused_file_holds_none_either(shop: Shop) -> None:
    file = shop.sends(f"who;knows\n{CARD};1\n")
    assert (file.status, codes(file), file.masked) == ("refused", ["format_not_recognized"], 1)
    assert kept(file) == f"who;knows\n{MASKED};1\n".encode()


def test_in_a_zip_files_and_names_are_masked(shop: Shop) -> None:
    file = shop.sends(packed({f"{CARD}.xml": statement(BankLine(100, CARD)).encode()}), "days.zip")
    assert (file.status, file.masked) == ("imported", 2)
    with zipfile.ZipFile(io.BytesIO(kept(file))) as archive:
        assert archive.namelist() == [f"{MASKED}.xml"]
        assert CARD.encode() not in archive.read(archive.namelist()[0])


def test_a_zip_without_any_is_kept_as_it_came(shop: Shop) -> None:
    content = packed({"day.xml": statement(BankLine(100)).encode()})
    assert kept(shop.sends(content)) == content


@pytest.mark.parametrize("spoil", [lambda data: data[:-30], lambda data: data.replace(b"day", b"dax", 1)])
def test_a_damaged_zip_is_refused_and_masked_as_far_as_it_can_be_read(shop: Shop, spoil: Any) -> None:
    content = spoil(packed({"day.xml": statement(BankLine(100, CARD)).encode()}, zipfile.ZIP_STORED))
    file = shop.uploads(content)
    assert CARD.encode() not in kept(file)
    assert file.masked == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_letters_of_two_bytes(shop: Shop, encoding: str) -> None:
    text = statement(BankLine(100, f"Łódź 💐 {CARD}")).replace("UTF-8", "UTF-16")
    file = shop.sends(text.encode(encoding) + b"\0")
    assert file.masked >= 1
    assert kept(file) == text.replace(CARD, MASKED).encode(encoding) + b"\0"


def test_a_number_that_an_older_format_breaks_at_its_column(shop: Shop) -> None:
    text = (GOLDEN / "mt940.sta").read_bytes().decode()
    assert ":86:" in text
    broken = text.replace(":86:", f":86:{CARD[:10]}\r\n{CARD[10:]} ", 1)
    file = shop.uploads(broken)
    assert kept(file).decode() == text.replace(":86:", ":86:**********\r\n**1111 ", 1)


def test_in_other_formats_a_line_is_a_record(shop: Shop) -> None:
    content = f"a;{CARD[:10]}\n{CARD[10:]};b\n"
    assert kept(shop.uploads(content)).decode() == content


def test_an_iban_that_passes_for_a_card_number_stays(shop: Shop) -> None:
    iban = next(
        text
        for text in (f"BE{check:02}5{number:011}" for number in range(2000) for check in range(2, 99))
        if is_iban(text) and has_card_number(text)
    )
    shop.merchant.iban = iban
    shop.merchant.save()
    file = shop.sends(statement(BankLine(100, f"{iban}EUR, card {CARD}"), iban=iban))
    assert (file.status, file.masked) == ("imported", 2)  # in the database its text is masked as any other
    assert iban in kept(file).decode()
    assert CARD not in kept(file).decode()


@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
def test_however_it_is_cut_into_pieces(shop: Shop, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(mask_file, "PIECE", piece)
    content = settlement_csv(*(Line(700, reference=f"{CARD} of {number}") for number in range(5)))
    file = shop.uploads(content)
    assert (kept(file).decode(), file.masked) == (content.replace(CARD, MASKED), 5)


def test_words_without_an_end_are_cut_at_no_digit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_file, "PIECE", 64)
    monkeypatch.setattr(mask_file, "LONGEST_WORD", 100)
    content = f"never a stop {CARD} " * 50
    file = shop.uploads(content)
    assert (kept(file).decode(), file.masked) == (content.replace(CARD, MASKED), 50)


def test_a_crash_before_the_row_leaves_a_file_that_is_swept_after_an_hour(shop: Shop, settings: Any) -> None:
    content = settlement_csv(Line(700, reference="who?"))
    with fail_points_enabled(dies_at("upload.kept")), pytest.raises(SystemExit):
        shop.uploads(content)
    (orphan,) = on_disk(settings.MEDIA_ROOT)
    file = shop.uploads(content)
    assert file.status == "processing"
    assert len(on_disk(settings.MEDIA_ROOT)) == 2
    assert forget_files() == 0  # it might be committed yet
    assert forget_files(now=timezone.now() + timedelta(hours=2)) == 1
    assert on_disk(settings.MEDIA_ROOT) == [Path(file.file.path)]
    assert not orphan.exists()
    assert forget_files(now=timezone.now() + timedelta(days=400)) == 0
    assert kept(file) == content.encode()


def test_a_request_only_stores_what_comes_in(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 MB of digits took 74 seconds in the request."""
    monkeypatch.setattr(keeping, "masked_file", pytest.fail)
    monkeypatch.setattr(mask_file, "masked_file", pytest.fail)
    began = time.process_time()
    shop.uploads(b"4111 1111 1111 1111 " * 1_000_000)
    assert time.process_time() - began < 2


def test_nothing_waits_in_clear_behind_another_import(shop: Shop, settings: Any) -> None:
    """A merchant's files take turns to be imported; they are masked at once."""
    file = shop.uploads(settlement_csv(Line(700, reference=CARD)))
    with second_session() as other:
        other.execute(
            "SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"reconciliation:merchant:{shop.merchant.id}"]
        )
        import_due()
    file.refresh_from_db()
    assert (file.status, file.masked) == ("processing", 1)
    assert [CARD in path.read_text() for path in on_disk(settings.MEDIA_ROOT)] == [False]


@pytest.mark.parametrize("point", ["mask.kept", "mask.written"])
def test_a_worker_that_dies_while_it_masks_leaves_nothing_in_clear(shop: Shop, settings: Any, point: str) -> None:
    file = shop.uploads(settlement_csv(Line(700, reference=CARD)))
    with fail_points_enabled(dies_at(point)), pytest.raises(SystemExit):
        import_due()
    import_due()
    forget_files(now=timezone.now() + timedelta(hours=2))
    file.refresh_from_db()
    assert (file.status, file.masked) == ("imported", 1)
    assert on_disk(settings.MEDIA_ROOT) == [Path(file.file.path)]
    assert CARD not in kept(file).decode()


@pytest.mark.parametrize("cut_short", [True, False], ids=["its worker dies each time", "it takes too long"])
def test_what_cannot_be_looked_through_is_refused_and_not_kept(
    shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch, cut_short: bool
) -> None:
    file = shop.uploads(settlement_csv(Line(700, reference=CARD)))
    if cut_short:
        SettlementFile.objects.update(attempts=keeping.MOST_ATTEMPTS)
    else:
        monkeypatch.setattr(mask_file, "MOST_SECONDS", -1)
    import_due()
    file.refresh_from_db()
    assert (file.status, codes(file)) == ("refused", ["file_not_masked"])
    assert on_disk(settings.MEDIA_ROOT) == []


@pytest.mark.parametrize(
    "bomb",
    [lambda: packed({"day.xml": b"<a>" * 20_000_000}), lambda: packed({f"{n}.xml": b"x" for n in range(1001)})],
    ids=["too much in too little", "too many"],
)
def test_a_zip_that_bursts_is_refused_in_time(shop: Shop, bomb: Any) -> None:
    content = bomb()
    began = time.process_time()
    file = shop.sends(content)
    assert (file.status, codes(file)) == ("refused", ["archive_too_large"])
    assert time.process_time() - began < 3


def test_what_never_came_in_whole_is_swept(shop: Shop, settings: Any) -> None:
    upload = ArrivingFile("x", "text/plain", "utf-8")
    assert Path(upload.temporary_file_path()).parent == Path(settings.MEDIA_ROOT) / "arriving"
    assert forget_files() == 0
    assert forget_files(now=timezone.now() + timedelta(hours=2)) == 1
    assert on_disk(settings.MEDIA_ROOT) == []


def test_a_large_upload_is_moved_to_its_place_and_left_nowhere_else(shop: Shop, settings: Any) -> None:
    large = ArrivingFile("day.csv", "text/csv", "utf-8")
    large.write(settlement_csv(Line(700, reference=CARD)).encode())
    large.seek(0)
    large.size = 1
    file = upload(merchant=shop.merchant, file=large, name="day.csv", actor="tests")
    large.close()
    assert on_disk(settings.MEDIA_ROOT) == [Path(file.file.path)]
    assert CARD not in kept(file).decode()
    assert on_disk(settings.MEDIA_ROOT) == [Path(file.file.path)]


def test_the_sweep_touches_nothing_that_is_not_its_own(shop: Shop, settings: Any) -> None:
    assert forget_files() == 0  # not even a folder is there yet
    file = shop.uploads(settlement_csv(Line(700)))
    strangers = [Path(settings.MEDIA_ROOT) / "logo.png", Path(file.file.path).with_name("readme.txt")]
    for path in strangers:
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    assert forget_files(now=timezone.now() + timedelta(days=2)) == 0
    assert all(path.exists() for path in strangers)


@contextmanager
def second_session() -> Iterator[psycopg.Connection]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        yield other


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def is_iban(text: str) -> bool:
    try:
        return compact(text) == text
    except ValueError:
        return False


def dies_at(name: str) -> Any:
    def listener(point: str) -> None:
        if point == name:
            raise SystemExit

    return listener
