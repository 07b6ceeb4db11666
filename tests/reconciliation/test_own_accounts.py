"""A statement names its account in its bank's own way; within a merchant's accounts that is one of them, or none."""

import pytest

from reconciliation.services.own_accounts import account_named

DUTCH, OTHER_BANK = "NL91ABNA0417164300", "NL36RABO0417164300"
GERMAN, AUSTRIAN, POLISH, BRITISH = (
    "DE89370400440532013000",
    "AT611904300234573201",
    "PL61109010140000071219812874",
    "GB29NWBK60161331926819",
)
ALL = (DUTCH, GERMAN, AUSTRIAN, POLISH, BRITISH)


@pytest.mark.parametrize(
    ("name", "iban"),
    [
        (DUTCH, DUTCH),
        ("417164300", DUTCH),
        ("0417164300", DUTCH),
        ("41.71.64.300", DUTCH),
        ("ABNANL2A/0417164300", DUTCH),
        ("ABNAMROBANK/417164300", DUTCH),
        ("37040044/0532013000", GERMAN),
        ("37040044/532013000", GERMAN),
        ("COBADEFFXXX/0532013000", GERMAN),
        ("532013000", GERMAN),
        ("370400440532013000", GERMAN),
        ("19043/00234573201", AUSTRIAN),
        ("61109010140000071219812874", POLISH),
        ("109010140000071219812874", POLISH),
        ("601613/31926819", BRITISH),
    ],
)
def test_a_national_number_names_its_iban(name: str, iban: str) -> None:
    assert account_named(name, ALL) == iban


@pytest.mark.parametrize(
    "name",
    ["", "0", "417", "17164300", "4171643001", "RABONL2U/0417164300", "37040045/0532013000", "COBANL2A/0532013000"],
)
def test_what_names_none_of_them_is_no_account(name: str) -> None:
    assert account_named(name, ALL) is None


def test_what_could_be_two_of_them_is_neither() -> None:
    assert account_named("417164300", [DUTCH, OTHER_BANK]) is None
    assert account_named("RABONL2U/417164300", [DUTCH, OTHER_BANK]) == OTHER_BANK


def test_revoluts_list_is_of_the_only_account_there() -> None:
    lithuanian, british = "LT353250012345678901", "GB84REVO00996912345678"
    assert account_named("REVOLUT", [*ALL, lithuanian]) == lithuanian
    assert account_named("REVOLUT", [*ALL, british]) == british
    assert account_named("REVOLUT", [lithuanian, british]) is None
    assert account_named("REVOLUT", ALL) is None
    assert account_named("REVOLUT SAVINGS", [lithuanian]) is None
