"""The collected cases of bank statements that went wrong in practice, file by file as they came."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from payments.models import ProviderAccount
from reconciliation.models import BankAccount, BankStatement, BankStatementLine, Payout, SettlementFile
from tests.reconciliation.conftest import Shop, codes

CASES = Path(__file__).parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the collected cases are not here")


def sends(shop: Shop, case: str, *names: str) -> list[SettlementFile]:
    return [shop.sends((next(CASES.glob(f"{case}-*")) / name).read_bytes(), name) for name in names]


def imported(shop: Shop, case: str, *names: str) -> list[int]:
    files = sends(shop, case, *names)
    assert [(file.status, codes(file)) for file in files] == [("imported", [])] * len(files)
    return [file.lines for file in files]


def announces(shop: Shop, case: str, name: str = "announce.csv") -> None:
    content = (next(CASES.glob(f"{case}-*")) / name).read_bytes()
    assert shop.sends(content, name, provider_account=shop.account("simulator")).status == "imported"


def received() -> list[tuple[str, str]]:
    return [(payout.reference, payout.status) for payout in Payout.objects.order_by("reference")]


def amounts() -> list[int]:
    return [line.amount for line in BankStatementLine.objects.order_by("id")]


def test_02_charges_inside_transactions(shop: Shop) -> None:
    announces(shop, "02", "announce-1.csv")
    announces(shop, "02", "announce-2.csv")
    imported(shop, "02", "charges.xml", "smallest.xml", "entry-total-only.xml", "entry-two-directions.xml")
    assert received() == [("SIMPAY-0201", "received"), ("SIMPAY-0202", "received")]
    assert sum(amounts()) == 14_850 - 6_100 + 3 * 1_400
    assert shop.disagreements("statement_gap", "duplicate") == []


def test_03_without_tag_20(shop: Shop) -> None:
    announces(shop, "03")
    assert imported(shop, "03", "dagafschrift.sta", "smallest.sta") == [2, 1]
    payout = Payout.objects.get()
    assert (payout.status, payout.received_on) == ("received", date(2026, 11, 24))
    assert shop.disagreements("statement_gap") == []
    again = (next(CASES.glob("03-*")) / "dagafschrift.sta").read_bytes() + b"\n"
    assert set(codes(shop.sends(again))) == {"statement_known"}


def test_04_a_text_that_looks_like_a_tag(shop: Shop) -> None:
    announces(shop, "04")
    assert imported(shop, "04", "wrapped-time.sta", "wrapped-20.sta", "smallest.sta") == [1, 2, 1]
    assert amounts() == [6415, -1200, -215, -100]
    assert received() == [("SIMPAY-0401", "received")]
    assert BankStatement.objects.count() == 3
    assert shop.disagreements("unknown_line", "statement_gap", "duplicate") == []


def test_09_overlapping_exports(shop: Shop) -> None:
    imported(shop, "09", "mon-tue.sta", "tue-wed.sta")
    assert [row.amount for row in shop.disagreements("unknown_line")] == [1000, 1200, 500, 500]
    assert [row.amount for row in shop.disagreements("duplicate")] == [1200]
    assert (shop.balance("bank"), shop.balance("suspense")) == (3200, -3200)
    imported(shop, "09", "same-day.sta", "same-day.xml")
    assert [row.amount for row in shop.disagreements("duplicate")] == [1200, 800]
    assert shop.balance("bank") == 4000
    assert shop.disagreements("statement_gap") == []


@pytest.mark.parametrize(("case", "name"), [("S1", "stuzza.xml"), ("S3", "itbd.xml")])
def test_s1_s3_namespaces_and_interim_balances(shop: Shop, case: str, name: str) -> None:
    announces(shop, case)
    (file,) = sends(shop, case, name)
    assert (file.status, file.format, file.lines) == ("imported", "camt053", 1)
    assert (file.opening, file.closing) == (50_000, 56_415)
    assert received() == [(f"SIMPAY-{case}", "received")]


def test_s4_accounts_without_iban(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    announces(shop, "S4")
    imported(shop, "S4", "bban.sta", "account-with-bic.sta")
    assert received() == [("SIMPAY-S4", "received")]
    german = open_shop("Blume")
    german.merchant.iban = "DE89370400440532013000"
    german.merchant.save()
    announces(german, "S4", "announce-german.csv")
    imported(german, "S4", "german.sta")
    assert ("SIMPAY-S4DE", "received") in received()
    assert german.balance("bank:DE89370400440532013000") == 6415
    third = open_shop("Twee")
    third.merchant.iban = ""
    third.merchant.save()
    first, second = ProviderAccount.objects.filter(merchant=third.merchant)[:2]
    for account, iban in ((first, "NL91ABNA0417164300"), (second, "NL36RABO0417164300")):
        account.bank_iban = iban
        account.save()
    (file,) = sends(third, "S4", "bban.sta")
    assert (file.status, codes(file)) == ("refused", ["account_unknown"])
    assert BankAccount.objects.count() == 0


def test_s6_an_amount_without_leading_digit(shop: Shop) -> None:
    (file,) = sends(shop, "S6", "comma-first.sta")
    assert (file.status, file.opening, file.closing) == ("imported", 0, 50)
    assert [row.amount for row in shop.disagreements("unknown_line")] == [50]


def test_s8_a_code_word_that_comes_twice(shop: Shop) -> None:
    announces(shop, "S8")
    assert imported(shop, "S8", "ultimate.sta") == [2]
    assert [row.amount for row in shop.disagreements("unknown_line")] == [900]
    assert received() == [("SIMPAYS8", "received")]
    assert shop.balance("bank") == 7315
