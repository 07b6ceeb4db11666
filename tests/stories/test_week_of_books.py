"""Seven days of a store with two tills and two acquirers: settled, seen at the bank, closed, and handed over."""

import io
import shutil
import subprocess
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import beancount.loader
import pytest
import pyxaf

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
    wish = ExportRequest(merchant=shop.merchant, kind=kind, first=days[-1].replace(day=1), last=days[-1], **more)
    export = request_export(wish, actor=BY)
    make_export(export.id)
    export = Export.objects.get(id=export.id)
    assert export.status == "ready"
    # Who asks for the same days again is told so, and gets them.
    assert {problem["code"] for problem in export.problems} <= {"exported_before"}
    with export.file.open("rb") as file:
        return bytes(file.read())


def test_seven_days_are_handed_to_the_accountant(
    shop: Shop, acquirers: dict[str, ProviderAccount], tmp_path: Path
) -> None:
    days, opening = week(shop), OPENING
    shop.merchant.vat_number = "NL001234567B01"
    shop.merchant.save(update_fields=["vat_number"])

    # Each day both tills sell, and in the evening both acquirers settle and pay.
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
        assert shop.sends(statement(*paid, opening=opening, number=number, on=day)).status == "imported"
        opening += sum(line.amount for line in paid)
    assert shop.disagreements() == []
    assert shop.balance("receivable") == shop.balance("in_transit") == shop.balance("suspense") == 0
    assert shop.balance("bank") == opening - OPENING

    # Every day is closed, and then the month: nothing of it changes any more.
    anna = api(shop)
    for day in days:
        closed = anna.post(f"/v1/days/{day}/close", {"channel": shop.store.id})
        assert read(closed)["status"] == "closed", read(closed)
    assert read(anna.post(f"/v1/months/{days[-1]:%Y-%m}/close", {}))["status"] == "closed"
    handed_over = {
        kind: exported(shop, kind, days) for kind in ("journal_csv", "hledger", "beancount", "xaf32", "xaf40")
    }
    sells(shop, 700, days[-1])
    assert {kind: exported(shop, kind, days) for kind in handed_over} == handed_over

    # What the accountant's software makes of it.
    for kind in ("xaf32", "xaf40"):
        path = tmp_path / kind
        path.write_bytes(handed_over[kind])
        found = pyxaf.validate(path, xsd=True).findings
        assert [str(one) for one in found if one.severity != pyxaf.Severity.INFO] == []
    (tmp_path / "books.beancount").write_bytes(handed_over["beancount"])
    assert beancount.loader.load_file(str(tmp_path / "books.beancount"))[1] == []
    if hledger := shutil.which("hledger"):
        (tmp_path / "books.journal").write_bytes(handed_over["hledger"])
        done = subprocess.run([hledger, "-f", str(tmp_path / "books.journal"), "check", "--strict"], check=False)
        assert done.returncode == 0
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
