"""A batch that the statement states as one total: the bank's notification tells its parts."""

from datetime import date

import pytest

from reconciliation.models import BankStatementLine, Payout
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement

TODAY = date.today().isoformat()


def notification(reference: str, *parts: tuple[int, str]) -> str:
    total = sum(amount for amount, _ in parts)
    details = "".join(
        f"<TxDtls><Refs><EndToEndId>{text}</EndToEndId></Refs><Amt Ccy='EUR'>{amount / 100:.2f}</Amt>"
        f"<CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Nm>SIMULATOR PAYMENTS BV</Nm></Dbtr></RltdPties></TxDtls>"
        for amount, text in parts
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.04"><BkToCstmrDbtCdtNtfctn><Ntfctn><Id>N1</Id>'
        f"<CreDtTm>{TODAY}T18:00:00</CreDtTm><Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></Acct>"
        f"<Ntry><Amt Ccy='EUR'>{total / 100:.2f}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>"
        f"<AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry></Ntfctn>"
        "</BkToCstmrDbtCdtNtfctn></Document>"
    )


@pytest.fixture
def announced(shop: Shop) -> list[Payout]:
    for reference, net in (("SIMPAY-0901", 10_000), ("SIMPAY-0902", 5_000)):
        line = Line(net, type="reserve_release")
        shop.sends(settlement_csv(line, payout=reference), provider_account=shop.account("simulator"))
    return list(Payout.objects.order_by("id"))


def test_the_parts_take_the_totals_place_and_each_payout_is_received(shop: Shop, announced: list[Payout]) -> None:
    told = notification("B-77", (10_000, "SIMPAY-0901"), (5_000, "SIMPAY-0902"))
    assert shop.sends(told).status == "imported"
    file = shop.sends(statement(BankLine(15_000, "TOTAAL 2 POSTEN", bank_reference="B-77")))
    assert (file.status, file.lines) == ("imported", 2)
    assert [payout.status for payout in Payout.objects.order_by("id")] == ["received", "received"]
    assert shop.balance("bank") == 15_000
    assert shop.disagreements("unknown_line", "payout_differs", "duplicate") == []
    again = shop.sends(statement(BankLine(15_000, "TOTAAL 2 POSTEN", bank_reference="B-77"), number=99))
    assert again.status == "imported"
    assert shop.balance("bank") == 15_000


@pytest.mark.parametrize(
    ("reference", "parts"),
    [("B-78", (10_000, 5_000)), ("B-77", (10_000, 4_000))],
    ids=["another entry", "another sum"],
)
def test_what_tells_another_batch_changes_nothing(shop: Shop, reference: str, parts: tuple[int, int]) -> None:
    shop.sends(notification(reference, (parts[0], "SIMPAY-0901"), (parts[1], "SIMPAY-0902")))
    file = shop.sends(statement(BankLine(15_000, "TOTAAL 2 POSTEN", bank_reference="B-77")))
    assert (file.status, file.lines) == ("imported", 1)
    booked = BankStatementLine.objects.filter(statement__kind="statement")
    assert [line.amount for line in booked] == [15_000]
