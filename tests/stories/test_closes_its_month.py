"""A shop with a webshop and a store closes its last days and its month; what came late, and what was forgotten."""

from datetime import date, timedelta

from payments.ledger.balances import trial_balance
from payments.models import Payment
from payments.people.models import Approval
from payments.people.services import approvals
from reconciliation.forecast import forecast
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Shop, card_present, settlement_csv, statement
from tests.reconciliation.conftest import open_shop as open_shop
from tests.reconciliation.conftest import shop as shop
from tests.reconciliation.test_api import api, read
from tests.reconciliation.test_close import ago, booked_on, cash, sells

AGREED = {"operator": "Anna", "reason": "The till of the market stall was forgotten."}


def last_days(shop: Shop) -> tuple[date, date]:
    """The last two days of the month that is over."""
    last = ago(shop, 0).replace(day=1) - timedelta(days=1)
    return last - timedelta(days=1), last


def agrees(shop: Shop, name: str) -> None:
    """Another person has a look, and agrees."""
    waiting = Approval.objects.get(decision=None)
    approvals.settle(approval_id=waiting.id, user=person(name, shop.merchant.id), approved=True, note="Looked at it.")


def test_a_shop_closes_its_month(shop: Shop) -> None:
    anna = api(shop)
    day, last = last_days(shop)
    month = f"/v1/months/{last:%Y-%m}"

    # Two days of business, in the webshop and at the counter.
    first_sale = sells(shop, 25_000, day, rrn="R1", acquirer_tid="T1", authorization_code="A1")
    cash(shop, shop.webshop, day)
    sells(shop, 5_000, last, rrn="R2", acquirer_tid="T1", authorization_code="A2")

    # The acquirer settles the first day, and the bank shows it. Of the second it owes the money still.
    line = card_present(25_000, rrn="R1", tid="T1", code="A1", fee=250)
    shop.sends(settlement_csv(line, payout="PAY-1", on=last), provider_account=shop.account("external"))
    shop.sends(statement(BankLine(24_750, "PAY-1", name="Acquirer"), on=last))
    (owed,) = forecast(shop.merchant, days=14).owed
    assert owed.total() == 4_950  # less the one percent that it usually keeps

    # Each channel closes its days, the earlier one first.
    refused = anna.post(f"/v1/days/{last}/close", {"channel": shop.store.id})
    assert refused.status_code == 409
    for channel, when in ((shop.webshop, day), (shop.store, day), (shop.store, last), (shop.webshop, last)):
        closed = anna.post(f"/v1/days/{when}/close", {"channel": channel.id})
        assert read(closed)["status"] == "closed", read(closed)
    as_handed_over = trial_balance(shop.merchant.id, last)

    # A terminal that was offline sends a sale of the last day: the closed day stays, the next open one takes it.
    late = sells(shop, 700, last)
    assert (late.business_day, booked_on(late)) == (last, last + timedelta(days=1))
    assert trial_balance(shop.merchant.id, last) == as_handed_over

    assert read(anna.post(f"{month}/close", {}))["status"] == "closed"

    # The market stall's till was forgotten. Two persons open the month and the day, and close both again.
    for path, body in (
        (f"{month}/reopen", AGREED),
        (f"/v1/days/{last}/reopen", {"channel": shop.store.id, **AGREED}),
    ):
        assert anna.post(path, body).status_code == 202
        agrees(shop, f"colleague for {path}")
    forgotten = sells(shop, 9_900, last)
    assert booked_on(forgotten) == last
    assert trial_balance(shop.merchant.id, last) != as_handed_over
    assert read(anna.post(f"/v1/days/{last}/close", {"channel": shop.store.id}))["status"] == "closed"
    done = read(anna.post(f"{month}/close", {}))
    assert [(each["status"], each["approved_by"] is not None) for each in done["history"]] == [
        ("closed", False),
        ("reopened", True),
        ("closed", False),
    ]
    assert Payment.objects.get(id=first_sale.id).status == "captured"
