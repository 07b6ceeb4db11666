"""A sale that is asked about, taken back, won, taken again and lost; and one that was refunded before: over HTTP alone."""

from typing import Any

import httpx

from tests.simulator import eventually
from tests.stack import Stack
from tests.stories.test_settled import Finance


class Bank:
    """The cardholder's bank, which acts at the simulator's dashboard."""

    def __init__(self, finance: Finance, payment: dict[str, Any]) -> None:
        self.finance, self.payment = finance, payment
        found = finance.api.get(f"/v1/payments/{payment['id']}", expand="operations")
        self.reference = self._payment_reference(found["operations"][0]["provider_reference"])

    def _payment_reference(self, operation: str) -> str:
        effects = self.finance.simulator.get("/effects", params={"account": self.payment["provider_account"]["id"]})
        return str(next(row for row in effects.json()["data"] if row["reference"] == operation)["payment_reference"])

    def opens(self, **options: Any) -> str:
        made = self.finance.simulator.post(
            "/dashboard/chargebacks", json={"payment_reference": self.reference, **options}
        )
        assert made.status_code == 201, made.text
        return str(made.json()["reference"])

    def goes_on(self, dispute: str, **step: Any) -> None:
        done = self.finance.simulator.post(f"/dashboard/chargebacks/{dispute}", json=step)
        assert done.status_code == 200, done.text


def chargeback(finance: Finance, payment: dict[str, Any], stage: str, status: str) -> dict[str, Any]:
    """The payment's chargeback once it stands so."""
    path = "/v1/chargebacks"
    (row,) = eventually(lambda: finance.api.get(path, payment=payment["id"], stage=stage, status=status)["data"])
    assert finance.api.get(f"{path}/{row['id']}") == row
    (listed,) = finance.api.get(f"/v1/orders/{payment['order']['id']}")["chargebacks"]
    assert listed == row
    return dict(row)


def events(finance: Finance) -> list[str]:
    listed = finance.api.get("/v1/events", limit=100)["data"]
    return [event["type"] for event in reversed(listed) if event["type"].startswith("chargeback.")]


def counted(finance: Finance) -> int:
    (row,) = finance.api.get("/v1/statistics", group_by="channel")["rows"]
    assert row["net_amount"] == row["sales_amount"] - row["refunds_amount"] - row["chargebacks_amount"]
    return int(row["chargebacks_amount"])


def gives_back(finance: Finance, payment: dict[str, Any], amount: int) -> httpx.Response:
    body = {"payment": payment["id"], "amount": amount, "reason": "Does not fit.", "channel": finance.channel}
    return finance.api.post("/v1/refunds", body)


def gives_back_for_good(finance: Finance, payment: dict[str, Any], amount: int) -> None:
    assert gives_back(finance, payment, amount).status_code == 201
    eventually(lambda: finance.api.get(f"/v1/payments/{payment['id']}")["amount_refunded"] == amount)


def assert_the_order_shows_every_step(finance: Finance, payment: dict[str, Any]) -> None:
    """An inquiry, a chargeback that is won, and another stage that is lost: in events and in the order's timeline."""
    names = ("inquiry", "opened", "won", "opened", "lost")
    assert events(finance) == [f"chargeback.{name}" for name in names]
    timeline = finance.api.get(f"/v1/orders/{payment['order']['id']}")["timeline"]
    lines = [line["type"] for line in timeline if line["type"].startswith("chargeback.")]
    assert lines == [f"chargeback.{name}" for name in ("inquiry", "opened", "won", "pre_arbitration", "lost")]


def assert_it_settles(stack: Stack, finance: Finance, account: str, *, left_open: list[dict[str, Any]]) -> None:
    """The provider's settlement explains all of it, and the books hold."""
    settlement = finance.simulator.post("/settlements", json={"account": account}).json()
    file = finance.sends(settlement["csv"].encode())
    assert (file["status"], file["problems"]) == ("imported", [])
    assert finance.open_items(f"receivable:{account}") == []
    assert finance.api.get("/v1/discrepancies", status="open")["data"] == left_open
    assert stack.manage("audit_ledger")["violations"] == []


def test_a_dispute_through_all_of_its_stages(stack: Stack) -> None:
    finance = Finance(stack)
    payment = finance.sells(5000)
    bank = Bank(finance, payment)
    account = payment["provider_account"]["id"]

    dispute = bank.opens(stage="inquiry", respond_by="2030-01-02T03:04:05Z")
    row = chargeback(finance, payment, "inquiry", "inquiry")
    assert (row["amount"], row["respond_by"], row["closed_at"]) == (5000, "2030-01-02T03:04:05Z", None)
    assert counted(finance) == 0

    bank.goes_on(dispute, stage="chargeback")
    chargeback(finance, payment, "chargeback", "open")
    assert counted(finance) == 5000
    assert finance.open_items(f"disputed:{account}") == [row["id"]]
    refused = gives_back(finance, payment, 100)
    assert (refused.status_code, refused.json()["code"]) == (422, "amount_exceeds_refundable")

    bank.goes_on(dispute, outcome="won")
    chargeback(finance, payment, "chargeback", "won")
    assert (counted(finance), finance.open_items(f"disputed:{account}")) == (0, [])
    gives_back_for_good(finance, payment, 100)

    bank.goes_on(dispute, stage="pre_arbitration")
    again = chargeback(finance, payment, "pre_arbitration", "open")
    assert again["respond_by"] is not None
    (over,) = finance.api.get("/v1/discrepancies", kind="over_returned")["data"]
    assert over["amount"] == 100
    bank.goes_on(dispute, outcome="lost")
    done = chargeback(finance, payment, "pre_arbitration", "lost")
    assert done["closed_at"] is not None
    assert [(step["stage"], step["status"]) for step in done["history"]] == [
        ("inquiry", "inquiry"),
        ("chargeback", "open"),
        ("chargeback", "won"),
        ("pre_arbitration", "open"),
        ("pre_arbitration", "lost"),
    ]
    assert counted(finance) == 5000
    assert_the_order_shows_every_step(finance, payment)
    assert_it_settles(stack, finance, account, left_open=[over])


def test_a_part_of_what_was_refunded_is_taken_back_and_is_told_as_given_twice(stack: Stack) -> None:
    finance = Finance(stack)
    payment = finance.sells(5000)
    gives_back_for_good(finance, payment, 4000)

    Bank(finance, payment).opens(amount=3000)
    chargeback(finance, payment, "chargeback", "open")
    order = finance.api.get(f"/v1/orders/{payment['order']['id']}")
    assert (order["charged_back"], order["refunded"], order["refundable"]) == (3000, 4000, 0)
    (over,) = finance.api.get("/v1/discrepancies", kind="over_returned")["data"]
    assert (over["amount"], over["status"]) == (2000, "open")
    assert counted(finance) == 3000
    refused = finance.api.http.get("/v1/chargebacks", params={"stage": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert finance.api.http.get("/v1/chargebacks/cbk_nothing").status_code == 404
    found = {"respond_by_from": "2020-01-01T00:00:00Z", "channel": finance.channel}
    assert len(finance.api.get("/v1/chargebacks", **found)["data"]) == 1
    assert finance.api.get("/v1/chargebacks", respond_by_to="2020-01-01T00:00:00Z")["data"] == []
