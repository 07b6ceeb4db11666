"""Statements of the shop's own accounts: named in the bank's way, several in one file, without any provider."""

from collections.abc import Callable

from payments.models import ProviderAccount
from payments.people.services import api_keys
from reconciliation.models import BankAccount, BankStatement, BankStatementLine
from tests.api.client import Api, refusal
from tests.reconciliation.conftest import Shop, codes
from tests.reconciliation.test_api import read

SAVINGS = "NL44RABO0123456789"
STRANGE = "NL57ASNB0123456789"


def message(account: str, number: int = 1, opening: int = 10_000, amount: int = 500) -> str:
    closing = opening + amount
    return (
        f":20:N{number}\n:25:{account}\n:28C:{number}\n:60F:C261123EUR{opening // 100},{opening % 100:02}\n"
        f":61:2611241124C{amount // 100},{amount % 100:02}NTRFNONREF\n:86:TEKST {number}\n"
        f":62F:C261124EUR{closing // 100},{closing % 100:02}\n"
    )


def test_a_statement_under_the_banks_own_number_is_the_ibans(shop: Shop) -> None:
    assert shop.sends(message("417164300")).status == "imported"
    assert BankStatement.objects.get().account == "NL91ABNA0417164300"


def test_a_number_of_two_accounts_is_refused(shop: Shop) -> None:
    BankAccount.objects.create(merchant=shop.merchant, iban="NL36RABO0417164300", name="Sparen", currency="EUR")
    assert codes(shop.sends(message("417164300"))) == ["account_unknown"]


def test_a_plain_account_needs_no_provider(shop: Shop) -> None:
    content = message(SAVINGS)
    assert codes(shop.sends(content)) == ["account_unknown"]
    BankAccount.objects.create(merchant=shop.merchant, iban=SAVINGS, name="Sparen", currency="EUR")
    providers = ProviderAccount.objects.count()
    assert shop.sends(content).status == "imported"
    assert ProviderAccount.objects.count() == providers


def test_another_merchants_account_is_none_of_ours(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    other = open_shop("Vreemd")
    BankAccount.objects.create(merchant=other.merchant, iban=SAVINGS, name="Sparen", currency="EUR")
    assert codes(shop.sends(message(SAVINGS))) == ["account_unknown"]


def test_of_several_accounts_those_that_are_known_are_booked_and_the_others_later(shop: Shop) -> None:
    content = message("417164300", 1) + message(SAVINGS, 2) + message(SAVINGS, 3, opening=10_500) + message(STRANGE, 4)
    file = shop.sends(content)
    assert (file.status, file.lines, codes(file)) == ("imported", 1, ["account_unknown", "account_unknown"])
    assert SAVINGS in file.problems[0]["detail"]
    assert [line.amount for line in BankStatementLine.objects.all()] == [500]

    BankAccount.objects.create(merchant=shop.merchant, iban=SAVINGS, name="Sparen", currency="EUR")
    again = shop.sends(content)
    assert (again.status, again.lines, codes(again)) == ("imported", 2, ["account_unknown"])
    assert BankStatement.objects.count() == 3
    assert shop.disagreements() == []

    BankAccount.objects.create(merchant=shop.merchant, iban=STRANGE, name="Huur", currency="EUR")
    whole = shop.sends(content)
    assert (whole.status, whole.lines, codes(whole)) == ("imported", 1, [])
    assert shop.sends(content).status == "duplicate"
    assert BankStatement.objects.count() == 4


def test_of_several_statements_those_that_came_before_are_left_out_by_name(shop: Shop) -> None:
    first = message("417164300", 1)
    shop.sends(first)
    file = shop.sends(first + message("417164300", 2, opening=10_500))
    assert (file.status, file.lines, codes(file)) == ("imported", 1, ["statement_known"])
    assert (file.opening, file.closing) == (10_500, 11_000)
    assert codes(shop.sends(first + "\n")) == ["statement_known"]


def test_a_day_fetched_twice_under_one_name_is_no_repetition(shop: Shop) -> None:
    """Some banks number nothing and call every statement alike: what has another closing balance is another."""
    noon = message("417164300", 1)
    night = noon.replace(":62F:C261124EUR105,00", ":61:2611241124C1,00NTRFNONREF\n:86:AVOND\n:62F:C261124EUR106,00")
    shop.sends(noon)
    file = shop.sends(night)
    assert (file.status, codes(file)) == ("imported", [])
    assert [line.amount for line in BankStatementLine.objects.exclude(state="repeated")] == [500, 100]


def test_an_account_is_entered_changed_and_entered_once_over_the_api(shop: Shop) -> None:
    key = api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], channel_id=None, actor="tests")
    api = Api(key.text)
    given = {"iban": "nl44 rabo 0123 4567 89", "name": "Sparen", "currency": "EUR"}
    made = read(api.post("/v1/bank_accounts", given))
    assert (made["object"], made["iban"], made["name"]) == ("bank_account", SAVINGS, "Sparen")
    assert read(api.get("/v1/bank_accounts"))["data"] == [made]
    refusal(api.post("/v1/bank_accounts", given), 409, "bank_account_exists")
    refusal(api.post("/v1/bank_accounts", {**given, "iban": "NL03RABO0123456789"}), 422, "validation_failed")

    path = f"/v1/bank_accounts/{made['id']}"
    assert read(api.patch(path, {"name": "Spaarrekening"}))["name"] == "Spaarrekening"
    assert shop.sends(message(SAVINGS)).status == "imported"
    refusal(api.patch(path, {"iban": STRANGE}), 409, "bank_account_in_use")
    assert read(api.get(path)) == {**made, "name": "Spaarrekening"}
