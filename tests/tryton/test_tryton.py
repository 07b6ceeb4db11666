"""The accountant's server matches payouts and invoices by its own rules, from files that Onetill exported."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from payments.core.money import Money
from payments.models import Payment
from payments.services.create import PaymentRequest, create_payment
from payments.services.orders import OrderName
from reconciliation.models import Export
from reconciliation.services.account_mapping import mapped_accounts
from reconciliation.services.make_export import make_export
from reconciliation.services.request_export import ExportRequest, request_export
from tests.reconciliation.conftest import BY, IBAN, BankLine, Line, Shop, settlement_csv, statement
from tests.reconciliation.conftest import open_shop as open_shop
from tests.reconciliation.conftest import shop as shop
from tests.simulator import PROJECT
from tests.tryton.install import HOME, PYTHON

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="Tryton is not installed here (python -m tests.tryton.install)"),
    pytest.mark.timeout(600),
]


class Tryton:
    """The company's books there, in a process of their own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def ask(self, **order: Any) -> dict[str, Any]:
        """One order, and what it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "Tryton ended; its errors are above"
        read: dict[str, Any] = json.loads(answer)
        return read


@pytest.fixture
def tryton() -> Iterator[Tryton]:
    command = [str(PYTHON), str(PROJECT / "tests" / "tryton" / "books.py")]
    (HOME / "databases").mkdir(exist_ok=True)  # where Tryton keeps one with its modules, a minute's work
    about = {**os.environ, "DB_CACHE": str(HOME / "databases")}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=about)
    yield Tryton(process)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def exported(shop: Shop, kind: str, account: str) -> str:
    """A statement of an account of the books, as the accountant gets it."""
    day = Payment.objects.earliest("id").created_at.astimezone(shop.merchant.zone).date()
    wanted = ExportRequest(merchant=shop.merchant, kind=kind, first=day, last=day, account=account)
    export = request_export(wanted, actor=BY)
    make_export(export.id)
    export = Export.objects.get(id=export.id)
    assert (export.status, export.problems) == ("ready", [])
    return base64.b64encode(export.file.read()).decode()


@pytest.mark.parametrize("kind", ["camt053", "mt940"])
def test_tryton_pays_invoices_and_matches_the_payout_by_its_own_rules(kind: str, shop: Shop, tryton: Tryton) -> None:
    numbers = tryton.ask(invoices={"Anna": "25.00", "Bo": "10.50"})["numbers"]
    sales = [sells(shop, numbers["Anna"], 25_00), sells(shop, numbers["Bo"], 10_50)]
    lines = [Line(one.amount, fee=29, operation=one.operations.get().id) for one in sales]
    file = shop.sends(settlement_csv(*lines, payout="PAY-2026-1"), provider_account=shop.account("simulator"))
    assert file.status == "imported", file.problems
    assert shop.sends(statement(BankLine(34_92, "PAY-2026-1", name="Simulator"))).status == "imported"
    receivable = f"receivable:{shop.account_id('simulator')}"

    answer = tryton.ask(
        provider=mapped_accounts(shop.merchant)[receivable].number,
        bank=IBAN,
        sale=r"Verkoop (?P<invoice>\d+)",
        costs=r"Afrekening ",
        payout=r"PAY-2026-1",
        statements=[
            {"format": kind, "file": exported(shop, kind, receivable)},
            {"format": kind, "file": exported(shop, kind, f"bank:{IBAN}")},
        ],
    )

    provider, bank = answer["read"]
    assert (provider["opening"], provider["closing"]) == ("0.00", "0.00")
    assert sorted(provider["amounts"]) == ["-0.58", "-34.92", "10.50", "25.00"]
    assert bank["amounts"] == ["34.92"]
    assert {provider["state"], bank["state"]} == {"posted"}
    assert answer["invoices"] == {"Anna": "paid", "Bo": "paid"}
    # What the provider held is gone, and the payout left the account between on its way to the bank.
    assert (answer["provider"], answer["transit"], answer["bank"]) == ("0.00", "0.00", "34.92")


def sells(shop: Shop, invoice: str, amount: int) -> Payment:
    """An online sale whose order is the invoice's number."""
    order = OrderName(reference=invoice)
    request = PaymentRequest(channel=shop.webshop, order=order, amount=Money(amount, "EUR"), method="card")
    return create_payment(request, actor=BY)
