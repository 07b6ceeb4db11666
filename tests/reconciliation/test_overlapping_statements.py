"""The same bank day in two files: by day and by week, as MT940 and as CAMT.053. Each line is booked once."""

from datetime import date

from reconciliation.models import BankStatementLine
from tests.reconciliation.conftest import BankLine, Shop, statement

PSP = "/NAME/SIMULATOR PAYMENTS BV/REMI/"
Entry = tuple[int, int, str]  # day of November, amount in cents, text


def mt940(name: str, opening: int, since: int, until: int, *entries: Entry) -> str:
    """A statement from the end of one day to the end of another, as web banking exports it."""
    closing = opening + sum(amount for _, amount, _ in entries)
    lines = [
        f":61:2611{day}11{day}{_marked(amount)}NTRFNONREF\n:86:{PSP}{text}/"
        if amount > 0
        else f":61:2611{day}11{day}{_marked(amount)}NTRFNONREF\n:86:/NAME/VERHUURDER/REMI/{text}/"
        for day, amount, text in entries
    ]
    return "\n".join(
        [
            f":20:{name}",
            ":25:NL91ABNA0417164300",
            ":28C:0/1",
            f":60F:{_balance(opening, since)}",
            *lines,
            f":62F:{_balance(closing, until)}",
            "",
        ]
    )


def _marked(amount: int) -> str:
    return f"{'C' if amount >= 0 else 'D'}{abs(amount) // 100},{abs(amount) % 100:02}"


def _balance(amount: int, day: int) -> str:
    mark = _marked(amount)
    return f"{mark[0]}2611{day}EUR{mark[1:]}"


def booked(shop: Shop) -> list[int]:
    lines = BankStatementLine.objects.exclude(state="repeated").order_by("id")
    return [line.amount for line in lines if line.amount]


def test_exports_that_share_a_day_book_it_once_and_leave_no_gap(shop: Shop) -> None:
    monday, tuesday, twin = (23, 1100, "WEEK 47"), (24, 1300, "WEEK 48"), (25, 600, "KLEIN")
    shop.sends(mt940("A", 40_000, 22, 24, monday, tuesday))
    file = shop.sends(mt940("B", 41_100, 23, 25, tuesday, twin, twin))
    assert (file.status, file.lines) == ("imported", 3)
    assert booked(shop) == [1100, 1300, 600, 600]  # both twins are real: they stand on one statement
    assert [row.amount for row in shop.disagreements("duplicate")] == [1300]
    assert shop.disagreements("statement_gap") == []
    assert shop.balance("bank") == 3600
    assert shop.balance("suspense") == -3600


def test_days_within_a_week_that_came_before_are_known_each(shop: Shop) -> None:
    days = [(23, 1100, "WEEK 47"), (24, -900, "HUUR"), (25, 600, "KLEIN"), (25, 600, "KLEIN")]
    shop.sends(mt940("WEEK", 40_000, 20, 27, *days))
    shop.sends(mt940("MON", 40_000, 22, 23, days[0]))
    shop.sends(mt940("TUE", 41_100, 23, 24, days[1]))
    shop.sends(mt940("WED", 40_200, 24, 25, *days[2:]))
    shop.sends(mt940("NEXT", 41_400, 27, 28, (28, 500, "NIEUW")))
    assert booked(shop) == [1100, -900, 600, 600, 500]
    assert shop.disagreements("statement_gap") == []
    assert [row.amount for row in shop.disagreements("duplicate")] == [1100, 600, 600]  # rent was never booked


def test_a_week_after_its_days_is_known_too(shop: Shop) -> None:
    days = [(23, 1100, "WEEK 47"), (24, 700, "KLEIN"), (25, 600, "KLEIN")]
    shop.sends(mt940("MON", 40_000, 22, 23, days[0]))
    shop.sends(mt940("TUE", 41_100, 23, 24, days[1]))
    shop.sends(mt940("WEEK", 40_000, 22, 25, *days))
    assert booked(shop) == [1100, 700, 600]
    assert shop.disagreements("statement_gap") == []


def test_the_same_day_as_mt940_and_as_camt_is_one(shop: Shop) -> None:
    """Texts, references and even the parts of a batch differ between the two; balances prove that it is the same."""
    shop.sends(mt940("A", 40_000, 26, 27, (27, 800, "WEEK 49"), (27, 300, "TOTAAL 2 VZ")))
    camt = statement(
        BankLine(800, "WEEK  49 KENMERK X", name="SIMULATOR PAYMENTS BV"),
        BankLine(100, "DEEL 1"),
        BankLine(200, "DEEL 2"),
        opening=40_000,
        on=date(2026, 11, 27),
    )
    assert shop.sends(camt).status == "imported"
    assert booked(shop) == [800, 300]
    assert shop.balance("bank") == 1100
    assert shop.disagreements("statement_gap") == []


def test_a_day_fetched_at_noon_and_again_at_night_is_booked_once(shop: Shop) -> None:
    noon = [(27, 800, "OCHTEND")]
    shop.sends(mt940("NOON", 40_000, 26, 27, *noon))
    shop.sends(mt940("NIGHT", 40_000, 26, 27, *noon, (27, 800, "MIDDAG")))
    assert booked(shop) == [800, 800]


def test_two_statements_of_one_day_that_follow_each_other_are_two(shop: Shop) -> None:
    """The second opens where the first closed: the same amount with the same text came twice."""
    shop.sends(mt940("ONE", 40_000, 27, 27, (27, 800, "AUTOMAAT")))
    shop.sends(mt940("TWO", 40_800, 27, 27, (27, 800, "AUTOMAAT")))
    assert booked(shop) == [800, 800]
    assert shop.balance("bank") == 1600
    assert shop.disagreements("duplicate", "statement_gap") == []


def test_a_missing_day_is_still_a_gap(shop: Shop) -> None:
    shop.sends(mt940("MON", 40_000, 22, 23, (23, 1100, "WEEK 47")))
    shop.sends(mt940("WED", 41_300, 24, 25, (25, 600, "KLEIN")))
    assert [row.amount for row in shop.disagreements("statement_gap")] == [200]
    shop.sends(mt940("WEEK", 41_300, 24, 27, (25, 600, "KLEIN"), (26, 100, "KLEIN")))
    assert [row.amount for row in shop.disagreements("statement_gap")] == [200]
