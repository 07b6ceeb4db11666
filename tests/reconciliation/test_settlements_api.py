"""Settlements and their lines over the API: what a provider owes, and by what each line was matched."""

from collections.abc import Callable
from datetime import date, timedelta

from pytest_django import DjangoAssertNumQueries

from reconciliation.models import Payout, Settlement, SettlementFile
from reconciliation.services.settlement_figures import public_id
from tests.api.client import faults, refusal
from tests.reconciliation.conftest import BankLine, Line, Shop, card_present, settlement_csv, statement
from tests.reconciliation.test_api import api, read


def settled(shop: Shop) -> str:
    """A settlement of a sale, a fee, and a line about nothing known; returns its id."""
    payment = shop.sells_online(5_000)
    operation = payment.operations.get()
    lines = (
        Line(4_800, 100, 21, operation=operation.id, reference=operation.provider_reference or ""),
        Line(0, 500, 105, type="fee", reference="F"),
        Line(700, reference="who?"),
    )
    shop.sends(settlement_csv(*lines, reference="S-1", payout="PAY-2026-1"), provider_account=shop.account("simulator"))
    return public_id(Settlement.objects.get(reference="S-1"))


def test_a_settlement_has_its_figures_its_payout_and_what_is_still_to_come(shop: Shop) -> None:
    name = settled(shop)
    client = api(shop)
    shown = read(client.get(f"/v1/settlements/{name}"))
    today = date.today().isoformat()
    assert shown == {
        "id": name,
        "object": "settlement",
        "provider_account": shop.account("simulator").id,
        "reference": "S-1",
        "from": today,
        "to": today,
        "currency": "EUR",
        "gross": 5_500,
        "fees": 726,
        "vat": 126,
        "net": 4_774,
        "payout": Payout.objects.get().id,
        "file": SettlementFile.objects.get().id,
        "lines": 3,
        "open": 4_774,
        "test_mode": True,
    }
    assert name.startswith("stl_") and len(name) == 30
    shop.sends(statement(BankLine(4_700, "PAY-2026-1")))
    assert read(client.get(f"/v1/settlements/{name}"))["open"] == 74


def test_each_line_tells_its_rule_its_signals_and_what_is_open_about_it(shop: Shop) -> None:
    name = settled(shop)
    sold, fee, unknown = read(api(shop).get(f"/v1/settlements/{name}/lines"))["data"]
    assert (sold["line"], sold["type"], sold["gross"], sold["fee"], sold["vat"], sold["net"]) == (
        *(3, "sale", 4_800),
        *(121, 21, 4_679),
    )
    assert sold["match"]["rule"] == "operation"
    found = {signal["name"]: signal for signal in sold["match"]["signals"]}
    assert found["reference"]["agrees"] and found["reference"]["ours"] == found["reference"]["theirs"]
    assert (found["amount"]["ours"], found["amount"]["theirs"], found["amount"]["agrees"]) == (
        "50.00 EUR",
        "48.00 EUR",
        False,
    )
    assert sold["discrepancies"] == [row.id for row in shop.disagreements("amount_differs")]
    assert (fee["type"], fee["payment"], fee["match"], fee["discrepancies"]) == ("fee", None, None, [])
    assert (unknown["match"], unknown["discrepancies"]) == (None, [shop.disagreements("unknown_line")[0].id])


def test_a_card_sale_tells_the_terminals_numbers(shop: Shop) -> None:
    shop.sells_in_store(900, rrn="632810000007", acquirer_tid="12345678", authorization_code="C0FFE1")
    line = card_present(900, rrn="632810000007", tid="12345678", code="C0FFE1")
    shop.sends(settlement_csv(line, reference="S-2"), provider_account=shop.account("external"))
    name = public_id(Settlement.objects.get())
    (shown,) = read(api(shop).get(f"/v1/settlements/{name}/lines"))["data"]
    assert shown["match"]["rule"] == "card_present"
    assert {signal["name"] for signal in shown["match"]["signals"]} >= {"tid", "rrn", "authorization_code", "amount"}


def test_lists_are_paged_and_narrowed(shop: Shop) -> None:
    account = shop.account("simulator")
    for number in range(5):
        shop.sends(
            settlement_csv(*(Line(100, reference=f"{number}-{at}") for at in range(5))), provider_account=account
        )
    client = api(shop)
    first = read(client.get("/v1/settlements", limit=2))
    second = read(client.get("/v1/settlements", limit=2, cursor=first["next_cursor"]))
    third = read(client.get("/v1/settlements", limit=2, cursor=second["next_cursor"]))
    names = [row["id"] for page in (first, second, third) for row in page["data"]]
    assert names == sorted(names, reverse=True) and len(set(names)) == 5
    assert (first["has_more"], third["has_more"], third["next_cursor"]) == (True, False, None)
    path = f"/v1/settlements/{names[0]}/lines"
    lines = read(client.get(path, limit=3))
    rest = read(client.get(path, limit=3, cursor=lines["next_cursor"]))
    assert [row["line"] for row in (*lines["data"], *rest["data"])] == [3, 4, 5, 6, 7]
    assert rest["has_more"] is False
    today = date.today()
    for wanted, count in (
        ({"from": today.isoformat(), "to": today.isoformat()}, 5),
        ({"from": (today + timedelta(days=2)).isoformat()}, 0),
        ({"to": (today - timedelta(days=2)).isoformat()}, 0),
        ({"provider_account": account.id}, 5),
        ({"provider_account": shop.account("external").id}, 0),
    ):
        assert len(read(client.get("/v1/settlements", **wanted))["data"]) == count, wanted


def test_what_cannot_be_read_is_refused(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    name = settled(shop)
    client = api(shop)
    assert faults(client.get("/v1/settlements", cursor="AAAA")) == {"cursor": "invalid_cursor"}
    assert faults(client.get("/v1/settlements", **{"from": "yesterday"})) == {"from": "invalid_day"}
    assert faults(client.get("/v1/settlements", colour="red")) == {"colour": "unknown_field"}
    for wrong in (SettlementFile.objects.get().id, "stl_1", f"{name[:-1]}z", name.upper(), f"stl_{'z' * 26}"):
        refusal(client.get(f"/v1/settlements/{wrong}"), 404, "not_found")
        refusal(client.get(f"/v1/settlements/{wrong}/lines"), 404, "not_found")
    refusal(api(open_shop("Vreemd")).get(f"/v1/settlements/{name}"), 404, "not_found")
    refusal(api(shop, channel=True).get(f"/v1/settlements/{name}"), 403, "channel_not_allowed")
    refusal(api(shop, "payments:read").get(f"/v1/settlements/{name}/lines"), 403, "scope_missing")


def test_reading_a_page_of_lines_takes_as_many_queries_as_one_line(
    shop: Shop, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    payments = [shop.sells_online(1_000) for _ in range(6)]
    lines = [Line(1_000, operation=payment.operations.get().id) for payment in payments]
    shop.sends(settlement_csv(*lines), provider_account=shop.account("simulator"))
    name = public_id(Settlement.objects.get())
    client = api(shop)
    with django_assert_max_num_queries(14):
        shown = read(client.get(f"/v1/settlements/{name}/lines"))["data"]
    assert len(shown) == 6
