"""Finance reads the books over the API."""

import pytest

from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def sell(api: Api, amount: int, reference: str = "1") -> dict[str, str]:
    body = {"order_reference": reference, "amount": amount, "currency": "EUR", "method": "cash"}
    made: dict[str, str] = api.post("/v1/payments", body).json()
    return made


def test_accounts_have_balances_and_postings(shop: Shop) -> None:
    store = shop.api(channel=shop.store)
    for at in range(3):
        sell(store, 1001, str(at))
    accounts = {row["code"]: row for row in shop.api().get("/v1/ledger/accounts").json()["data"]}
    assert {code: row["balance"] for code, row in accounts.items()} == {
        f"till:{shop.store.id}": 3000,
        f"takings:{shop.store.id}": -3003,
        "rounding": 3,
    }
    till = accounts[f"till:{shop.store.id}"]
    assert (till["name"], till["type"]) == ("Till Bloem Utrecht", "asset")
    path = f"/v1/ledger/accounts/{till['id']}/postings"
    first = shop.api().get(path, limit=2).json()
    rest = shop.api().get(path, limit=2, cursor=first["next_cursor"]).json()
    assert [row["debit"] for row in first["data"] + rest["data"]] == [1000, 1000, 1000]
    assert not rest["has_more"]
    assert len({row["entry"] for row in first["data"] + rest["data"]}) == 3


def test_entries_are_found_by_what_they_are_about(shop: Shop, stranger: Shop) -> None:
    store = shop.api(channel=shop.store)
    body = {"amount": 1500, "currency": "EUR", "purpose": "multi"}
    made = store.post("/v1/vouchers", body).json()
    [entry] = shop.api().get("/v1/ledger/entries", object=made["id"]).json()["data"]
    assert entry["key"] == f"voucher_given:{made['id']}"
    assert [(line["line"], line["debit"], line["credit"]) for line in entry["postings"]] == [(1, 1500, 0), (2, 0, 1500)]
    assert shop.api().get(f"/v1/ledger/entries/{entry['id']}").json() == entry
    for api, unknown in ((stranger.api(), made["id"]), (shop.api(), "stl_unknown"), (shop.api(), "pay_nope")):
        assert faults(api.get("/v1/ledger/entries", object=unknown)) == {"object": "not_found"}
    refused = shop.api().get("/v1/ledger/entries", object="ord_06h2tz485g004f528had6dy8vm")
    assert faults(refused) == {"object": "invalid_choice"}
    assert "cbk_, pay_, pyo_, ref_, stl_, vch_" in refused.json()["detail"]


def test_what_is_paid_in_cash_is_found_too_though_it_leaves_nothing_open(shop: Shop, stranger: Shop) -> None:
    store = shop.api(channel=shop.store)
    payment = sell(store, 1001)["id"]
    store.post("/v1/refunds", {"payment": payment, "amount": 501, "reason": "x", "route": "cash"})
    found = shop.api().get("/v1/ledger/entries", object=payment).json()["data"]
    assert [entry["event"] for entry in found] == ["refund_paid", "captured"]
    answer = shop.api().get(f"/v1/payments/{payment}", expand="journal_entries").json()["journal_entries"]
    assert answer == found[::-1]
    [listed] = shop.api().get("/v1/payments", expand="journal_entries").json()["data"]
    assert listed["journal_entries"] == answer
    assert faults(stranger.api().get("/v1/ledger/entries", object=payment)) == {"object": "not_found"}


def test_the_trial_balance_balances(shop: Shop) -> None:
    store = shop.api(channel=shop.store)
    sell(store, 1001)
    [euros] = shop.api().get("/v1/ledger/trial_balance").json()["currencies"]
    assert euros["currency"] == "EUR"
    assert euros["total_debit"] == euros["total_credit"] == 1001
    assert all(row["debit"] == 0 or row["credit"] == 0 for row in euros["rows"])
    before = shop.api().get("/v1/ledger/trial_balance", date="2020-01-01").json()
    assert (before["currencies"], before["date"]) == ([], "2020-01-01")
    known = shop.api().get("/v1/ledger/trial_balance", known_at="2020-01-01T00:00:00Z").json()
    assert known["currencies"] == []


def test_open_items_name_what_they_are_about(shop: Shop) -> None:
    store = shop.api(channel=shop.store)
    made = [
        store.post("/v1/vouchers", {"amount": 100 + at, "currency": "EUR", "purpose": "multi"}).json()
        for at in range(3)
    ]
    first = shop.api().get("/v1/ledger/open_items", account="vouchers", limit=2).json()
    rest = shop.api().get("/v1/ledger/open_items", account="vouchers", limit=2, cursor=first["next_cursor"]).json()
    rows = first["data"] + rest["data"]
    assert [(row["object"], row["amount"]) for row in rows] == [(row["id"], -row["amount"]) for row in made[::-1]]
    assert {row["code"] for row in rows} == {"vouchers"}
    by_id = shop.api().get("/v1/ledger/open_items", account=rows[0]["account"]).json()
    assert len(by_id["data"]) == 3


def test_the_books_are_the_merchants(shop: Shop, stranger: Shop) -> None:
    store = shop.api(channel=shop.store)
    sell(store, 1000)
    [account, *_] = shop.api().get("/v1/ledger/accounts").json()["data"]
    [entry] = shop.api().get("/v1/ledger/entries").json()["data"]
    other = stranger.api()
    refusal(other.get(f"/v1/ledger/accounts/{account['id']}/postings"), 404, "not_found")
    refusal(other.get(f"/v1/ledger/entries/{entry['id']}"), 404, "not_found")
    for path in ("accounts", "entries", "open_items"):
        assert other.get(f"/v1/ledger/{path}").json()["data"] == []
    assert other.get("/v1/ledger/trial_balance").json()["currencies"] == []


@pytest.mark.parametrize("path", ["accounts/{}/postings", "entries", "open_items"])
def test_a_wrong_cursor_is_refused(shop: Shop, path: str) -> None:
    store = shop.api(channel=shop.store)
    sell(store, 1000)
    [account, *_] = shop.api().get("/v1/ledger/accounts").json()["data"]
    assert "cursor" in faults(shop.api().get(f"/v1/ledger/{path.format(account['id'])}", cursor="abc"))
