"""A bank whose list is not known here is read by the merchant's own mapping, for one of its bank accounts."""

from typing import Any

import pytest

from payments.core.errors import ValidationFailed
from reconciliation.models import BankAccount, BankStatement, BankStatementLine, FileMapping
from reconciliation.services import mappings
from tests.api.client import faults
from tests.reconciliation.conftest import BY, Shop, codes, violations
from tests.reconciliation.test_api import api, read, send

IBAN = "NL44RABO0123456789"
HEADER = "Datum;Af;Bij;Omschrijving;Tegenpartij;Tegenrekening;Saldo"
TWO_SIDED: dict[str, Any] = {
    "kind": "bank",
    "sign": "debit_credit",
    "columns": {
        "date": "Datum",
        "debit": "Af",
        "credit": "Bij",
        "description": "Omschrijving",
        "counterparty": "Tegenpartij",
        "iban": "Tegenrekening",
        "balance": "Saldo",
    },
}
BY_WORD: dict[str, Any] = {
    "kind": "bank",
    "sign": "by_type",
    "columns": {"date": "Datum", "amount": "Bedrag", "type": "Soort", "description": "Tekst", "currency": "Munt"},
    "types": {"Bij": "credit", "Af": "debit", "Saldo": "ignore"},
}


@pytest.fixture
def savings(shop: Shop) -> BankAccount:
    return BankAccount.objects.create(merchant=shop.merchant, iban=IBAN, name="Sparen", currency="EUR")


def made(account: Any, definition: dict[str, Any], name: str = "Regiobank") -> FileMapping:
    return mappings.create(account=account, name=name, definition=definition, actor=BY)


def rows(*lines: str) -> str:
    return "\n".join([HEADER, *lines, ""])


def test_movements_are_imported_with_who_paid_and_what_the_balance_was(shop: Shop, savings: BankAccount) -> None:
    made(savings, TWO_SIDED)
    file = shop.sends(
        rows(
            "21-11-2026;;1.250,50;Factuur 1;A. Jansen;NL91 ABNA 0417 1643 00;2.250,50",
            "22-11-2026;50,00;;Huur;Verhuur BV;;2.200,50",
        )
    )
    assert file.status == "imported", file.problems
    statement = BankStatement.objects.get()
    assert (statement.account, statement.opening, statement.closing) == (IBAN, 100_000, 220_050)
    first, second = BankStatementLine.objects.order_by("number")
    assert (first.amount, first.counterparty_name, first.counterparty_iban) == (
        125_050,
        "A. Jansen",
        "NL91ABNA0417164300",
    )
    assert (second.amount, second.remittance, second.counterparty_iban) == (-5_000, "Huur", "")
    assert shop.sends(rows("21-11-2026;;1.250,50;Factuur 1;;;2.250,50")).status in ("imported", "refused")
    assert BankStatementLine.objects.exclude(state="repeated").count() == 2
    assert violations() == []


def test_a_word_tells_the_direction(shop: Shop, savings: BankAccount) -> None:
    made(savings, BY_WORD)
    content = "Datum;Munt;Bedrag;Soort;Tekst\n21-11-2026;EUR;5,00;Bij;Rente\n21-11-2026;EUR;5,00;Saldo;\n21-11-2026;EUR;2,00;Af;Kosten\n"
    assert shop.sends(content).status == "imported"
    assert list(BankStatementLine.objects.order_by("number").values_list("amount", flat=True)) == [500, -200]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("21-11-2026;;;Niets;;;1.000,00", "Af and Bij is empty"),
        ("21-11-2026;;12,50;Rente;;;", "Saldo is empty"),
        ("21-11-2026;-5,00;;Huur;;;995,00", "an amount is negative"),
        ("2026-11-21;;12,50;Rente;;;1.012,50", "it is no date as DD-MM-YYYY"),
    ],
)
def test_what_cannot_be_read_refuses_the_list(shop: Shop, savings: BankAccount, line: str, expected: str) -> None:
    made(savings, TWO_SIDED)
    file = shop.sends(rows("20-11-2026;;1.000,00;Inleg;;;1.000,00", line))
    assert file.status == "refused"
    assert expected in file.problems[0]["detail"]
    assert not BankStatementLine.objects.exists()


def test_a_row_that_is_missing_is_told_by_the_balances(shop: Shop, savings: BankAccount) -> None:
    made(savings, TWO_SIDED)
    file = shop.sends(rows("21-11-2026;;10,00;Rente;;;1.010,00", "22-11-2026;;10,00;Rente;;;1.030,00"))
    assert codes(file) == ["sums_differ"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"kind": "settlement"}, "kind"),
        ({"columns": {"date": "Datum", "amount": "Bedrag"}}, "columns.description"),
        ({"columns": {**BY_WORD["columns"], "rrn": "RRN"}}, "columns.rrn"),
        ({"types": {"Bij": "sale"}}, "types"),
        ({"columns": {"date": "Datum", "amount": "Bedrag", "description": "Tekst"}}, "columns.type"),
    ],
)
def test_what_a_mapping_of_a_bank_cannot_say_is_refused(
    shop: Shop, savings: BankAccount, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        made(savings, BY_WORD | change)
    assert place in [fault.param for fault in refused.value.faults]


def test_over_the_api_it_names_a_bank_account_and_nothing_else(shop: Shop, savings: BankAccount) -> None:
    client = api(shop)
    given = {"name": "Regiobank", **BY_WORD}
    assert faults(client.post("/v1/file_mappings", given)) == {"provider_account": "required"}
    both = given | {"bank_account": savings.id, "provider_account": shop.account_id("external")}
    assert faults(client.post("/v1/file_mappings", both)) == {"bank_account": "mapping_invalid"}
    wrong = given | {"provider_account": shop.account_id("external")}
    assert faults(client.post("/v1/file_mappings", wrong)) == {"kind": "mapping_invalid"}
    assert faults(client.post("/v1/file_mappings", given | {"bank_account": "bnk_no"})) == {"bank_account": "not_found"}
    answer = client.post("/v1/file_mappings", given | {"bank_account": savings.id})
    kept = read(answer)
    assert (kept["kind"], kept["bank_account"], kept["provider_account"]) == ("bank", savings.id, None)
    content = "Datum;Munt;Bedrag;Soort;Tekst\n21-11-2026;EUR;5,00;Af;Kosten\n"
    sent = read(send(client, content, format=kept["id"]))
    assert sent["status"] == "processing"
