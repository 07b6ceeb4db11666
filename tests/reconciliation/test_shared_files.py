"""Every collected file of a provider or bank the real way, twice: imported or refused as its facts say."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from reconciliation.models import BankAccount, BankStatementLine, Settlement, SettlementLine
from reconciliation.services import mappings
from tests.reconciliation.conftest import BY, Shop, codes

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the collected samples are not here")
Became = tuple[str, int, list[str]]  # the file's status, lines and problems
# Of providers: what does not add up by its facts is refused, and what no reader knows is told as that.
PROVIDERS: dict[str, Became] = {
    "files/adyen/payments_accounting_report_nyce.csv": ("refused", 0, ["format_not_recognized"]),
    "files/adyen/settlement_detail_report_chargeback.csv": ("refused", 2, ["sums_differ"]),
    "files/adyen/settlement_detail_report_donation.csv": ("imported", 1, []),
    "files/adyen/settlement_detail_report_invoice_deduction.csv": ("refused", 2, ["sums_differ"]),
    "files/adyen/settlement_detail_report_refund.csv": ("refused", 2, ["sums_differ"]),
    "files/checkoutcom/settlement-breakdown_ent_testcheckoutfixture_20260702_00000003k599_1.csv": (
        "refused",
        0,
        ["format_not_recognized"],
    ),
    "files/mollie-api/settlement.json": ("refused", 0, ["format_not_recognized"]),
    "files/paypal/activity_en.csv": ("imported", 64, []),
    "files/paypal/statement_en.csv": ("refused", 19, ["movement_known"]),  # the export above has some of its movements
    "files/paypal/stl.csv": ("refused", 0, ["format_not_recognized"]),
    "files/paypal/stl_dr_payment.csv": ("refused", 0, ["format_not_recognized"]),
    "files/paypal/trr_express_checkout_refund.csv": ("refused", 0, ["format_not_recognized"]),
    "files/stripe/settlement_report.csv": ("refused", 5, ["record_invalid"]),
    "files/stripe/stripe-all.csv": ("refused", 0, ["format_not_recognized"]),
    "psp/adyen/adyen_test.xlsx": ("imported", 20, []),
    "psp/adyen/settlement_detail_report_batch_238.csv": ("imported", 3, []),
    "psp/paypal/empty_activity.csv": ("refused", 0, ["file_truncated"]),
}
BANKS: dict[str, tuple[str, Became]] = {
    "files/bankcsv/Knab_transactieoverzicht_ok.csv": ("NL99KNAB9999999999", ("imported", 28, [])),
    "files/bankcsv/bunq-nl_2018-04-14.csv": ("NL00BUNQ1000000000", ("imported", 3, [])),
    "files/bankcsv/ing_ok_Mutatiesoort_Extra.csv": ("NL99INGB9999999999", ("imported", 6, [])),
    "files/bankcsv/rabobank_CSV_A_20180414_112204.csv": ("", ("refused", 2, ["record_invalid", "sums_differ"])),
    "files/bankcsv/transactie-historie_NL00ASNB9999999999_20220717204133.csv": (
        "NL00ASNB9999999999",
        ("imported", 11, []),
    ),
    "files/coda/Coda_v2_3_faulty_globalisation.txt": ("BE12341702625236", ("imported", 11, [])),
    "files/coda/Coda_v2_3_single_statement.txt": ("BE86407051416150", ("imported", 32, [])),
    "files/coda/Ontvangen_CODA.2012-01-11-18.59.15.txt": ("", ("refused", 9, ["sums_differ"])),
}
_SHEET: dict[str, Any] = {"kind": "bank", "date_format": "MM/DD/YYYY", "decimal": ".", "delimiter": ","}
_COLUMNS = {"date": "Date", "amount": "Amount", "description": "Label", "counterparty": "Partner Name"}
# Sheets whose columns a person names.
SHEETS: dict[str, tuple[dict[str, Any], Became]] = {
    "psp/generic-sheet/balance.csv": (
        _SHEET | {"columns": _COLUMNS | {"balance": "Balance"}},
        ("imported", 2, []),
    ),
    "psp/generic-sheet/debit_credit.csv": (
        _SHEET | {"columns": _COLUMNS | {"type": "D/C"}, "sign": "by_type", "types": {"D": "debit", "C": "credit"}},
        ("refused", 1, ["record_invalid"]),
    ),
    "psp/generic-sheet/sample_statement_en.csv": (
        _SHEET | {"columns": _COLUMNS | {"currency": "Currency"}},
        ("imported", 2, []),
    ),
}


def counted() -> tuple[int, int, int]:
    """What has been stored of settlements, their lines and bank lines."""
    return Settlement.objects.count(), SettlementLine.objects.count(), BankStatementLine.objects.count()


def twice(shop: Shop, name: str, **more: Any) -> Became:
    """What becomes of a file; sent again, it changes nothing."""
    content = (SAMPLES / name).read_bytes()
    file = shop.sends(content, Path(name).name, **more)
    before = counted()
    again = shop.sends(content, "again", **more)
    assert again.status == ("refused" if file.status == "refused" else "duplicate"), name
    assert counted() == before, name
    return file.status, file.lines, list(codes(file))


def account(shop: Shop, iban: str) -> BankAccount:
    """A bank account of the shop."""
    return BankAccount.objects.get_or_create(merchant=shop.merchant, iban=iban, name=iban, currency="EUR")[0]


def audited() -> None:
    call_command("audit_ledger", stdout=StringIO())  # raises for what does not add up


@samples
def test_every_collected_file_of_a_provider_twice(shop: Shop) -> None:
    became = {name: twice(shop, name, provider_account=shop.account("external")) for name in PROVIDERS}
    assert became == PROVIDERS
    audited()


@samples
def test_every_collected_list_of_a_bank_twice(shop: Shop) -> None:
    for iban, _became in BANKS.values():
        if iban:
            account(shop, iban)
    assert {name: twice(shop, name) for name in BANKS} == {name: became for name, (_iban, became) in BANKS.items()}
    audited()


@samples
@pytest.mark.parametrize("name", SHEETS)
def test_every_collected_sheet_twice_by_a_mapping(shop: Shop, name: str) -> None:
    definition, became = SHEETS[name]
    made = mappings.create(account=account(shop, "NL44RABO0123456789"), name=name, definition=definition, actor=BY)
    assert twice(shop, name, asked_format=made.id) == became
    audited()
