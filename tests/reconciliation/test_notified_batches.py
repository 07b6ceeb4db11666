"""A batch that the statement states as one total: the bank's notification tells its parts."""

from datetime import date

import pytest

from reconciliation.models import BankStatementLine, Payout, SettlementFile
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement, violations
from tests.reconciliation.test_resolve import resolved

TODAY = date.today().isoformat()


def notification(reference: str, *parts: tuple[int, str], name: str = "SIMULATOR PAYMENTS BV", number: int = 1) -> str:
    total = sum(amount for amount, _ in parts)
    details = "".join(
        f"<TxDtls><Refs><EndToEndId>{text}</EndToEndId></Refs><Amt Ccy='EUR'>{amount / 100:.2f}</Amt>"
        f"<CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Nm>{name}</Nm></Dbtr></RltdPties></TxDtls>"
        for amount, text in parts
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.04"><BkToCstmrDbtCdtNtfctn><Ntfctn>'
        f"<Id>N{number}</Id>"
        f"<CreDtTm>{TODAY}T18:00:00</CreDtTm><Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></Acct>"
        f"<Ntry><Amt Ccy='EUR'>{total / 100:.2f}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>"
        f"<AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry></Ntfctn>"
        "</BkToCstmrDbtCdtNtfctn></Document>"
    )


@pytest.fixture
def announced(shop: Shop) -> list[Payout]:
    """Three, of which two make the batch: what the total is by its amount alone, nobody can say."""
    for reference, net in (("SIMPAY-0901", 10_000), ("SIMPAY-0902", 5_000), ("SIMPAY-0903", 3_000)):
        line = Line(net, type="reserve_release")
        shop.sends(settlement_csv(line, payout=reference), provider_account=shop.account("simulator"))
    return list(Payout.objects.order_by("id"))


NOTIFIED = notification("B-77", (10_000, "SIMPAY-0901"), (5_000, "SIMPAY-0902"))


def total(*more: BankLine, name: str = "Somebody", number: int = 50, opening: int = 100_000) -> str:
    batch = BankLine(15_000, "TOTAAL 2 POSTEN", bank_reference="B-77", name=name)
    return statement(batch, *more, number=number, opening=opening)


def on_statements() -> list[tuple[int, str, str, str]]:
    lines = BankStatementLine.objects.filter(statement__kind="statement").order_by("statement", "position")
    return [(line.amount, line.end_to_end_id, line.counterparty_name, line.state) for line in lines]


@pytest.mark.parametrize("name", ["Somebody", "SIMULATOR PAYMENTS BV, STICHTING"], ids=["nobody's", "a provider's"])
@pytest.mark.parametrize("notified_first", [True, False], ids=["notification first", "statement first"])
def test_the_parts_take_the_totals_place_whichever_comes_first(
    shop: Shop, announced: list[Payout], notified_first: bool, name: str
) -> None:
    """Each file is sent twice."""
    held = BankLine(700, "Iets van ons", name="SIMULATOR PAYMENTS BV")
    files = [NOTIFIED, total(held, name=name)]
    for content in (files if notified_first else files[::-1]) * 2:
        assert shop.sends(content).status in ("imported", "duplicate")
    kept = sorted(on_statements())
    assert kept == [
        (700, "", "SIMULATOR PAYMENTS BV", "suspense"),
        (5_000, "SIMPAY-0902", "SIMULATOR PAYMENTS BV", "payout"),
        (10_000, "SIMPAY-0901", "SIMULATOR PAYMENTS BV", "payout"),
    ]
    assert [payout.status for payout in Payout.objects.order_by("id")] == ["received", "received", "announced"]
    assert (shop.balance("bank"), shop.balance("suspense"), shop.balance("in_transit")) == (15_700, -700, 3_000)
    assert [row.amount for row in shop.disagreements("unknown_line", "payout_differs", "duplicate")] == [700]
    assert {row.lines for row in SettlementFile.objects.filter(format="camt053")} == {3}
    assert violations() == []


def test_a_week_that_repeats_the_day_repeats_its_parts(shop: Shop, announced: list[Payout]) -> None:
    for content in (total(), NOTIFIED, total(BankLine(-900, "Huur"), number=51), total(number=52, opening=7)):
        assert shop.sends(content).status == "imported"
    assert (shop.balance("bank"), shop.disagreements("payout_differs", "unknown_line")) == (15_000, [])
    assert violations() == []


def test_a_total_that_a_person_has_matched_stays_and_is_not_booked_again(shop: Shop, announced: list[Payout]) -> None:
    shop.sends(total(name="SIMULATOR PAYMENTS BV, STICHTING"))
    (unknown,) = shop.disagreements("unknown_line")
    resolved(shop, unknown, "match", with_=tuple(payout.id for payout in announced[:2]))
    shop.sends(NOTIFIED)
    assert [line[0] for line in on_statements()] == [15_000]
    shop.sends(total(BankLine(-900, "Huur"), number=51))
    assert (shop.balance("bank"), shop.balance("in_transit")) == (15_000, 3_000)
    assert violations() == []


@pytest.mark.parametrize(
    ("reference", "parts"),
    [("B-78", (10_000, 5_000)), ("B-77", (10_000, 4_000))],
    ids=["another entry", "another sum"],
)
@pytest.mark.parametrize("notified_first", [True, False], ids=["notification first", "statement first"])
def test_what_tells_another_batch_changes_nothing(
    shop: Shop, reference: str, parts: tuple[int, int], notified_first: bool
) -> None:
    files = [notification(reference, (parts[0], "SIMPAY-0901"), (parts[1], "SIMPAY-0902")), total()]
    for content in files if notified_first else files[::-1]:
        assert shop.sends(content).status == "imported"
    assert [line[0] for line in on_statements()] == [15_000]
