"""Every collected bank file the real way, twice: imported or refused as its manifest says, and nothing counted double."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from reconciliation.models import BankAccount, BankStatement, BankStatementLine
from tests.reconciliation.conftest import Shop, codes

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
# file: whose account, what becomes of it, how many lines, why not (or what is noted)
STATEMENTS: dict[str, tuple[str, str, int, list[str]]] = {
    "camt/genkgo-camt052.v6.Amt-zero.xml": ("CH2801234000123456789", "recognized", 1, []),
    "camt/genkgo-camt053.v2.five.decimals.xml": ("NL26VAYB8060476890", "refused", 1, ["sums_differ"]),
    "camt/genkgo-camt053.v2.multi.statement.xml": ("NL26VAYB8060476890", "imported", 2, []),
    "camt/genkgo-camt053.v2.with-account-name.xml": ("CH2801234000123456789", "refused", 0, ["balance_missing"]),
    "camt/genkgo-camt053.v2.wrong.xml": ("NL26VAYB8060476890", "refused", 0, ["xml_invalid"]),
    "camt/genkgo-camt053.v3.xml": ("NL26VAYB8060476890", "refused", 1, ["sums_differ"]),
    "camt/genkgo-camt053.v8.xml": ("NL26VAYB8060476890", "refused", 1, ["sums_differ"]),
    "camt/genkgo-camt054.v2.xml": ("CH2801234000123456789", "imported", 4, []),
    "camt/oca-camt053-v2-abnamro.xml": ("NL77ABNA0574908765", "refused", 4, ["sums_differ"]),
    "camt/oca-camt053-two-days.zip": ("NL77ABNA0574908765", "refused", 6, ["sums_differ", "sums_differ"]),
    "camt/oca-camt053-v4-no-entries.xml": ("NL77ABNA0574908765", "imported", 0, []),
    "camt/oca-camt054-v4.xml": ("NL77ABNA0574908765", "imported", 1, []),
    "mt940/jejik-abnamro.txt": ("NL20ABNA0517852257", "refused", 10, ["sums_differ", "sums_differ"]),
    "mt940/jejik-generic.txt": ("NL09INGB0011111111", "imported", 2, []),
    "mt940/jejik-knab.txt": ("NL68KNAB0123456789", "refused", 3, ["sums_differ"]),
    "mt940/jejik-rabobank-iban.txt": ("NL71RABO0123456789", "imported", 4, []),
    "mt940/jejik-volksbanken.txt": ("DE48666423990000093387", "imported", 12, []),
    "mt940/oca-ing.940": ("NL77INGB0574908765", "imported", 8, []),
    "mt940/oca-rabo.swi": ("NL34RABO0142623393", "imported", 2, []),
    "mt940/wolph-asnb.txt": ("NL81ASNB9999999999", "imported", 8, []),
    "mt940/wolph-february_30.sta": ("DE20123456781020304050", "imported", 1, []),
    "mt940/wolph-invalid_statement.sta": ("NL26VAYB8060476890", "refused", 0, ["format_not_recognized"]),
    "mt940/wolph-raphaelm.sta": ("NL26VAYB8060476890", "refused", 0, ["record_invalid"] * 3),
    "mt940/wolph-mbank-mt942.sta": ("PL29114010810000267002001002", "recognized", 3, []),
}


@pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")
def test_every_collected_statement_twice(shop: Shop) -> None:
    ibans = {iban for iban, *_ in STATEMENTS.values()}
    BankAccount.objects.bulk_create(
        [BankAccount(merchant=shop.merchant, iban=iban, name=iban, currency="EUR") for iban in sorted(ibans)]
    )
    became = {}
    for name in STATEMENTS:
        content = (SAMPLES / name).read_bytes()
        file = shop.sends(content, Path(name).name)
        became[name] = (STATEMENTS[name][0], file.status, file.lines, codes(file))
        counted = (BankStatement.objects.count(), BankStatementLine.objects.count())
        again = shop.sends(content, "again")
        assert again.status == ("refused" if file.status == "refused" else "duplicate"), name
        assert (BankStatement.objects.count(), BankStatementLine.objects.count()) == counted, name
    assert became == STATEMENTS
    call_command("audit_ledger", stdout=StringIO())  # raises for what does not add up
