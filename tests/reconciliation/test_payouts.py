"""A payout announced by a settlement is found on the bank statement, whichever comes first."""

from reconciliation.models import BankStatementLine, Payout
from reconciliation.services.rematch import rematch
from tests.reconciliation.conftest import BankLine, Shop, codes, statement


def test_a_payout_seen_at_the_bank_has_arrived(shop: Shop) -> None:
    payout = announced(shop)
    file = shop.sends(statement(BankLine(payout.amount, f"Payout {payout.reference} thank you")))
    assert (file.status, file.format, file.lines) == ("imported", "camt053", 1)
    assert (file.opening, file.closing, file.currency) == (100_000, 100_000 + payout.amount, "EUR")
    payout.refresh_from_db()
    assert (payout.status, payout.amount_received) == ("received", payout.amount)
    assert shop.balance("in_transit") == 0
    assert shop.balance("bank") == payout.amount
    assert shop.disagreements() == []


def test_a_reference_that_the_bank_broke_is_still_found(shop: Shop) -> None:
    payout = announced(shop)
    broken = f"{payout.reference[:9]} {payout.reference[9:].lower()}"
    shop.sends(statement(BankLine(payout.amount, f"OUR {broken}/X")))
    payout.refresh_from_db()
    assert payout.status == "received"


def test_less_than_announced_stays_open_until_the_rest_comes(shop: Shop) -> None:
    payout = announced(shop)
    shop.sends(statement(BankLine(payout.amount - 300, payout.reference), opening=0, number=1))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount) == ("payout_differs", 300)
    assert shop.balance("in_transit", payout.item) == 300
    shop.sends(statement(BankLine(300, payout.reference), opening=payout.amount - 300, number=2))
    payout.refresh_from_db()
    assert payout.status == "received"
    assert shop.disagreements() == []
    assert shop.balance("in_transit") == 0


def test_a_statement_that_comes_before_its_settlement(shop: Shop) -> None:
    shop.sells_online(5000)
    content = shop.settlement()
    reference, net = content.splitlines()[-1].split(",")[-2], content.splitlines()[-1].split(",")[-3]
    amount = int(net.replace(".", ""))
    shop.sends(statement(BankLine(amount, reference, name="Simulator Payments B.V.")))
    assert [row.kind for row in shop.disagreements()] == ["unknown_line"]
    assert shop.balance("suspense") == -amount
    shop.sends(content)
    assert shop.disagreements() == []
    assert shop.balance("suspense") == shop.balance("in_transit") == 0
    assert shop.balance("bank") == amount
    assert Payout.objects.get().status == "received"


def test_parts_that_come_before_their_settlement_are_told_as_if_they_came_after_it(shop: Shop) -> None:
    """By name the bank's lines are this payout, whatever comes first and however much of it they are."""
    shop.sells_online(50_000)
    content = shop.settlement()
    reference, net = content.splitlines()[-1].split(",")[-2], content.splitlines()[-1].split(",")[-3]
    amount = int(net.replace(".", ""))
    shop.sends(statement(BankLine(amount - 500, reference), BankLine(300, reference)))
    shop.sends(content)
    (row,) = shop.disagreements()
    assert (row.kind, row.amount) == ("payout_differs", 200)
    assert (shop.balance("bank"), shop.balance("in_transit")) == (amount - 200, 200)


def test_a_line_that_said_nothing_of_a_provider_is_found_later_too(shop: Shop) -> None:
    shop.sells_online(5000)
    content = shop.settlement()
    reference, net = content.splitlines()[-1].split(",")[-2], content.splitlines()[-1].split(",")[-3]
    amount = int(net.replace(".", ""))
    shop.sends(statement(BankLine(amount, reference, name="Stichting Derdengelden")))
    assert shop.balance("bank") == 0
    shop.sends(content)
    assert shop.balance("bank") == amount
    assert shop.balance("in_transit") == 0
    assert rematch() == 0


def test_wages_and_rent_are_stored_and_not_booked(shop: Shop) -> None:
    file = shop.sends(statement(BankLine(-150_000, "Rent November"), BankLine(-1, "Costs")))
    assert file.lines == 2
    assert set(BankStatementLine.objects.values_list("state", flat=True)) == {"other"}
    assert shop.balance("bank") == 0
    assert shop.disagreements() == []


def test_a_line_that_stands_on_two_statements_is_booked_once(shop: Shop) -> None:
    payout = announced(shop)
    line = BankLine(payout.amount, payout.reference, bank_reference="B1")
    shop.sends(statement(line, opening=0, number=1))
    shop.sends(statement(line, opening=payout.amount, number=2))
    assert shop.balance("bank") == payout.amount
    assert [row.kind for row in shop.disagreements()] == ["duplicate"]


def test_a_gap_between_statements_closes_when_it_is_filled(shop: Shop) -> None:
    shop.sends(statement(BankLine(100), opening=0, number=1))
    shop.sends(statement(BankLine(100), opening=300, number=3))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount) == ("statement_gap", 200)
    shop.sends(statement(BankLine(200), opening=100, number=2))
    assert shop.disagreements() == []


def test_a_statement_of_an_account_that_is_not_ours_is_refused(shop: Shop) -> None:
    file = shop.sends(statement(BankLine(100), iban="NL20INGB0001234567"))
    assert (file.status, codes(file)) == ("refused", ["account_unknown"])
    assert BankStatementLine.objects.count() == 0
    account = shop.account("simulator")
    account.bank_iban = "NL20 INGB 0001 2345 67"
    account.save()
    assert shop.sends(statement(BankLine(100), iban="NL20INGB0001234567")).status == "imported"


def test_the_same_statement_in_another_file_is_refused(shop: Shop) -> None:
    content = statement(BankLine(100))
    shop.sends(content)
    again = shop.sends(content + "\n")
    assert (again.status, codes(again)) == ("refused", ["statement_known"])
    assert BankStatementLine.objects.count() == 1


def test_a_notification_is_kept_and_booked_by_the_statement_alone(shop: Shop) -> None:
    payout = announced(shop)
    notice = (
        statement(BankLine(payout.amount, payout.reference))
        .replace("camt.053.001.08", "camt.054.001.08")
        .replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn")
        .replace("<Stmt>", "<Ntfctn>")
        .replace("</Stmt>", "</Ntfctn>")
    )
    file = shop.sends(notice)
    assert (file.status, file.format, file.lines, file.opening) == ("imported", "camt054", 1, None)
    assert shop.balance("bank") == 0
    shop.sends(statement(BankLine(payout.amount, payout.reference)))
    assert shop.balance("bank") == payout.amount


def announced(shop: Shop) -> Payout:
    """A sale, settled, and its payout on its way."""
    shop.sells_online(5000)
    shop.sends(shop.settlement())
    return Payout.objects.get(merchant=shop.merchant)


def test_a_payout_on_an_mt940_statement(shop: Shop) -> None:
    payout = announced(shop)
    day = payout.expected_on.strftime("%y%m%d") if payout.expected_on else ""
    amount = f"{payout.amount // 100},{payout.amount % 100:02}"
    lines = [
        ":20:ONE",
        f":25:{shop.merchant.iban}EUR",
        ":28C:1",
        f":60F:C{day}EUR0,",
        f":61:{day}C{amount}NTRFNONREF",
        f":86:/REMI/{payout.reference[:7]}",
        f"{payout.reference[7:]}/",
        f":62F:C{day}EUR{amount}",
    ]
    file = shop.sends("\r\n".join(lines))
    assert (file.status, file.format, file.closing) == ("imported", "mt940", payout.amount)
    payout.refresh_from_db()
    assert payout.status == "received"


def test_several_statements_of_one_day_have_no_gap_whatever_their_order(shop: Shop) -> None:
    days = [statement(BankLine(100), opening=opening, number=opening + 1) for opening in (200, 0, 100)]
    for content in days:
        shop.sends(content.replace("<ElctrncSeqNb>101</ElctrncSeqNb>", ""))
    assert shop.disagreements() == []
