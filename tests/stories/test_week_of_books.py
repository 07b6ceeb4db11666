"""Seven days of a store with two tills and two acquirers: settled, seen at the bank, closed, and handed over."""

import io
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import beancount.loader
import pytest

from payments.ledger.balances import trial_balance
from payments.models import ProviderAccount
from payments.services.create_setup import create_provider_account
from reconciliation.formats.base import StatementLine
from reconciliation.formats.camt053 import Camt053
from reconciliation.models import Export
from reconciliation.services.make_export import make_export
from reconciliation.services.request_export import ExportRequest, request_export
from tests.reconciliation.conftest import BY, BankLine, Line, Shop, card_present, settlement_csv, statement, violations
from tests.reconciliation.conftest import open_shop as open_shop
from tests.reconciliation.conftest import shop as shop
from tests.reconciliation.exports.test_kinds import HLEDGER, findings, hledger
from tests.reconciliation.test_api import api, read
from tests.reconciliation.test_close import ago, noon, sells

OPENING = 1_000_000
TILLS = {"T1": "external", "T2": "second"}  # each with an acquirer of its own


@pytest.fixture
def acquirers(shop: Shop) -> dict[str, ProviderAccount]:
    """The one that every merchant has, and another one with a contract of its own."""
    second = create_provider_account(
        merchant=shop.merchant, provider="external", name="Second acquirer", currency="EUR", actor=BY
    )
    first = ProviderAccount.objects.select_related("merchant").get(
        merchant=shop.merchant, provider="external", default=True
    )
    return {"external": first, "second": second}


def week(shop: Shop) -> list[date]:
    """The last seven days of the month that is over."""
    last = ago(shop, 0).replace(day=1) - timedelta(days=1)
    return [last - timedelta(days=before) for before in range(6, -1, -1)]


def exported(shop: Shop, kind: str, days: list[date], **more: Any) -> bytes:
    """A file as the accountant gets it, of the month."""
    request = ExportRequest(merchant=shop.merchant, kind=kind, first=days[-1].replace(day=1), last=days[-1], **more)
    export = request_export(request, actor=BY)
    make_export(export.id)
    export = Export.objects.get(id=export.id)
    assert export.status == "ready"
    # Who asks for the same days again is told so, and gets them.
    assert {problem["code"] for problem in export.problems} <= {"exported_before"}
    with export.file.open("rb") as file:
        return bytes(file.read())


def trades(shop: Shop, acquirers: dict[str, ProviderAccount], days: list[date]) -> int:
    """Each day both tills sell, and in the evening both acquirers settle and pay. Return what the bank took in."""
    taken = 0
    for number, day in enumerate(days, start=1):
        paid, evening = [], noon(shop, day) + timedelta(hours=9)
        for till, name in TILLS.items():
            amount, proof = 1_000 * number + len(name), {"rrn": f"{number:012}", "authorization_code": f"A{number}"}
            sells(shop, amount, day, acquirer_tid=till, account=acquirers[name], **proof)
            line = card_present(amount, rrn=proof["rrn"], tid=till, code=f"A{number}", fee=15)
            payout = f"{name.upper()}-{day:%Y%m%d}"
            settled = settlement_csv(line, Line(-5, type="fee"), reference=payout, payout=payout, on=day, at=evening)
            assert shop.sends(settled, provider_account=acquirers[name]).status == "imported"
            paid.append(BankLine(amount - 20, payout))
        assert shop.sends(statement(*paid, opening=OPENING + taken, number=number, on=day)).status == "imported"
        taken += sum(line.amount for line in paid)
    return taken


def closes(shop: Shop, days: list[date]) -> None:
    """Every day is closed, and then the month."""
    anna = api(shop)
    for day in days:
        closed = anna.post(f"/v1/days/{day}/close", {"channel": shop.store.id})
        assert read(closed)["status"] == "closed", read(closed)
    assert read(anna.post(f"/v1/months/{days[-1]:%Y-%m}/close", {}))["status"] == "closed"


def is_taken_by_programs(files: dict[str, bytes], folder: Path) -> None:
    """What the accountant's programs make of it."""
    for kind in ("xaf32", "xaf40"):
        assert findings(files[kind], folder) == []
    (folder / "books.beancount").write_bytes(files["beancount"])
    assert beancount.loader.load_file(str(folder / "books.beancount"))[1] == []
    if HLEDGER is not None:
        (folder / "books.journal").write_bytes(files["hledger"])
        assert hledger(folder / "books.journal", "check", "--strict") == ""


def test_seven_days_are_handed_to_the_accountant(
    shop: Shop, acquirers: dict[str, ProviderAccount], tmp_path: Path
) -> None:
    days = week(shop)
    shop.merchant.vat_number = "NL001234567B01"
    shop.merchant.save(update_fields=["vat_number"])

    taken = trades(shop, acquirers, days)
    assert shop.disagreements() == []
    assert shop.balance("receivable") == shop.balance("in_transit") == shop.balance("suspense") == 0
    assert shop.balance("bank") == taken

    closes(shop, days)
    handed_over = {
        kind: exported(shop, kind, days) for kind in ("journal_csv", "hledger", "beancount", "xaf32", "xaf40")
    }
    sells(shop, 700, days[-1])  # which comes late, and changes nothing of it
    assert {kind: exported(shop, kind, days) for kind in handed_over} == handed_over
    is_taken_by_programs(handed_over, tmp_path)

    # What each acquirer owed was paid to the cent.
    for account in acquirers.values():
        content = exported(shop, "camt053", days, account=f"receivable:{account.id}")
        moved: dict[str, int] = defaultdict(int)
        for record in Camt053().parse(io.BytesIO(content)):
            if isinstance(record, StatementLine):
                moved[record.code] += record.amount.amount
        assert sum(moved.values()) == 0
        assert moved["NTRF"] < 0
    assert trial_balance(shop.merchant.id, days[-1])
    assert violations() == []
