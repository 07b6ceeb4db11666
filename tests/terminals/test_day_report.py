"""The day report of a store and of each terminal: the same figures as the statistics, on the screen and on paper."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.translation import override

from payments import statistics
from payments.core.money import Money
from payments.models import Channel
from payments.people.models import Role
from terminals.day_report import Cell, DayReport, day_report
from terminals.day_report.pdf import written
from terminals.models import Terminal
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.people.cast import person
from tests.people.test_admin import browser, page
from tests.receipts.test_contents import text_of
from tests.terminals.device import Device, refund, reversal, sale

pytestmark = pytest.mark.django_db

VISA: dict[str, Any] = {"brand": "visa", "last4": "4242"}
PAGE = "/admin/terminals/terminal/day-report/"


def now() -> str:
    return timezone.now().isoformat()


def today(shop: Shop) -> date:
    return shop.merchant.business_day(timezone.now())


def report_of(shop: Shop, day: date | None = None, terminal: Device | None = None) -> DayReport:
    row = Terminal.objects.get(id=terminal.terminal) if terminal is not None else None
    store = Channel.objects.select_related("merchant").get(id=shop.store.id)
    return day_report(store, day or today(shop), terminal=row, now=timezone.now())


def rows(report: DayReport, name: str) -> list[list[Cell]]:
    return [list(row) for table in report.tables if table.name == name for row in table.rows]


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.fixture
def a_day(shop: Shop, back_office: Api, terminal: Device, other_terminal: Device) -> None:
    at = {"occurred_at": now()}
    terminal.post(sale(1, 1000, **at), sale(2, 2000, card=VISA, **at), sale(3, 500, **at), reversal(4, 3, 500, **at))
    terminal.post(refund(5, 300, original={"sequence": 1}, **at), sale(6, 800, outcome="unknown", **at))
    other_terminal.post(sale(1, 700, offline=True, **at), sale(2, 100, outcome="declined", **at))
    body = {"order_reference": "C-1", "amount": 5000, "currency": "EUR", "method": "cash"}
    assert back_office.post("/v1/payments", body).status_code == 201
    count = {"amount": 4990, "currency": "EUR", "occurred_at": now(), "operator": "Bo"}
    assert terminal.send("/v1/terminal/tills/count", count).status_code == 201
    close = {"shift": "7", "opened_at": now(), "closed_at": now(), "first_sequence": 1, "last_sequence": 6}
    totals = [{"brand": "visa", "type": "sale", "count": 1, "amount": 2000, "currency": "EUR"}]
    assert terminal.send("/v1/terminal/shifts", {**close, "totals": totals}).status_code == 201


@pytest.mark.usefixtures("a_day")
def test_the_day_of_a_store(shop: Shop) -> None:
    report = report_of(shop)
    assert rows(report, "sales") == [
        ["Card", "Maestro", 2, euros(1700), 1, euros(300), euros(1400)],
        ["Card", "Visa", 1, euros(2000), 0, euros(0), euros(2000)],
        ["Cash", "–", 1, euros(5000), 0, euros(0), euros(5000)],
    ]
    figures = statistics.figures(
        merchant_id=shop.merchant.id, first=report.day, last=report.day, channel_id=shop.store.id
    )
    [total] = next(table for table in report.tables if table.name == "sales").totals
    assert [(row["sales_amount"], row["refunds_amount"]) for row in figures] == [(8700, 300)]
    assert list(total)[2:] == [4, euros(8700), 1, euros(300), euros(8400)]
    [shift] = rows(report, "shifts")
    assert shift[0] == "7" and shift[4] == "differs" and "Maestro sale" in str(shift[5])
    till = rows(report, "till")
    assert [row[2] for row in till] == [euros(0), euros(4990)] and till[1][4] == euros(-10)
    assert rows(report, "uncertain") == [
        ["sales approved offline, not settled yet", 1, euros(700)],
        ["charges of unknown outcome", 1, euros(800)],
    ]


@pytest.mark.usefixtures("a_day")
def test_the_day_of_a_terminal_is_its_own(shop: Shop, other_terminal: Device) -> None:
    report = report_of(shop, terminal=other_terminal)
    assert rows(report, "sales") == [["Card", "Maestro", 1, euros(700), 0, euros(0), euros(700)]]
    assert rows(report, "shifts") == [] and [table.name for table in report.tables] == ["sales", "shifts", "uncertain"]
    assert rows(report_of(shop, today(shop) - timedelta(days=1)), "sales") == []


@pytest.mark.usefixtures("a_day")
def test_the_report_on_paper_says_the_same_in_both_languages(shop: Shop) -> None:
    with override("nl"):
        report = report_of(shop)
        paper = written(report)
        text = text_of(paper).replace("\xa0", " ")
        assert written(report) == paper
    assert "Dagrapport" in text and "€ 87,00" in text and "Kassadienst" in text and "verschilt" in text
    english = text_of(written(report_of(shop)))
    assert "Day report" in english and "€87.00" in english


@pytest.mark.usefixtures("a_day")
def test_a_manager_reads_and_prints_the_day_of_the_own_store(shop: Shop, terminal: Device, stranger: Shop) -> None:
    manager = browser(person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id))
    shown = page(manager, PAGE).replace("\xa0", " ")
    assert "Bloem Utrecht" in shown and "€87.00" in shown and "day-report.pdf?" in shown
    chosen = f"?channel={shop.store.id}&terminal={terminal.terminal}&day={today(shop).isoformat()}"
    assert "€30.00" in page(manager, PAGE + chosen)
    answer = manager.get(f"{PAGE}day-report.pdf{chosen}")
    assert answer["Content-Type"] == "application/pdf" and answer.content.startswith(b"%PDF")
    other = f"?channel={stranger.store.id}&day={today(shop).isoformat()}"
    assert "Select a valid choice" in page(manager, PAGE + other)
    assert manager.get(f"{PAGE}day-report.pdf{other}").status_code == 404
    elsewhere = browser(person("web", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.webshop.id))
    assert "no store yet" in page(elsewhere, PAGE)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_has_as_many_hours_as_the_clock_on_the_wall(shop: Shop, terminal: Device, day: date, hours: int) -> None:
    """A sale every hour over three days: each is in the report, and in the shift, of one day alone."""
    first = datetime(day.year, day.month, day.day, 0, 30, tzinfo=UTC) - timedelta(hours=24)
    moments = [first + timedelta(hours=number) for number in range(72)]
    terminal.batch([sale(at, 100, occurred_at=moment.isoformat()) for at, moment in enumerate(moments, start=1)])
    totals = [{"brand": "maestro", "type": "sale", "count": 24, "amount": 2400, "currency": "EUR"}]
    for at in range(3):
        body = {
            "shift": f"day {at}",
            "opened_at": moments[24 * at].isoformat(),
            "closed_at": moments[24 * at + 23].isoformat(),
            "first_sequence": 24 * at + 1,
            "last_sequence": 24 * at + 24,
            "totals": totals,
        }
        assert terminal.send("/v1/terminal/shifts", body).json()["status"] == "agrees"
    days = [rows(report_of(shop, day + timedelta(days=off)), "sales") for off in range(-2, 4)]
    assert sum(int(str(row[2])) for found in days for row in found) == 72
    assert rows(report_of(shop, day), "sales")[0][2] == hours
    assert sum(len(rows(report_of(shop, day + timedelta(days=off)), "shifts")) for off in range(-2, 4)) == 3
