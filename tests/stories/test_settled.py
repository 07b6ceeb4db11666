"""A day that agrees: sold, settled by the provider, paid out and seen at the bank, through HTTP and real workers."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.names import reference
from tests.simulator import eventually
from tests.stack import Shop, Stack

IBAN = "NL91ABNA0417164300"


class Finance(Shop):
    """A merchant with a bank account, and whoever sends its files."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack, "--iban", IBAN)
        self.channel = self.web
        self.simulator = httpx.Client(base_url=stack.simulator_url, trust_env=False, timeout=30)

    def sells(self, amount: int) -> dict[str, Any]:
        body = {"order_reference": reference(), "amount": amount, "currency": "EUR", "method": "card"}
        payment: dict[str, Any] = self.api.post("/v1/payments", {**body, "channel": self.channel}).json()
        assert payment["status"] == "captured"
        return payment

    def sends(self, content: bytes) -> dict[str, Any]:
        """Send a file and wait until the workers are done with it."""
        answer = self.api.http.post(
            "/v1/settlement_files",
            files={"file": ("file", content)},
            headers={"Idempotency-Key": uuid.uuid4().hex},
        )
        assert answer.status_code == 202, answer.text
        path = f"/v1/settlement_files/{answer.json()['id']}"

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.api.get(path)
            return found if found["status"] != "processing" else None

        done = eventually(look, within=60)
        assert done is not None
        return done

    def open_items(self, account: str) -> list[str]:
        """What is open on an account: the objects that the items are about."""
        return [row["object"] for row in self.api.get("/v1/ledger/open_items", account=account)["data"]]


def test_sold_settled_paid_out_and_at_the_bank(stack: Stack, tmp_path: Path) -> None:
    finance = Finance(stack)
    payments = [finance.sells(amount) for amount in (1250, 4000, 9900)]
    account = payments[0]["provider_account"]["id"]
    assert set(finance.open_items(f"receivable:{account}")) == {payment["id"] for payment in payments}

    settlement = finance.simulator.post("/settlements", json={"account": account}).json()
    file = finance.sends(settlement["csv"].encode())
    assert (file["status"], file["lines"], file["gross"]) == ("imported", 3, 15150)
    assert finance.open_items(f"receivable:{account}") == []
    (payout,) = finance.api.get("/v1/payouts")["data"]
    assert (payout["status"], payout["amount"]) == ("announced", file["net"])
    assert finance.open_items(f"in_transit:{account}") == [payout["id"]]

    today = datetime.now(UTC).date().isoformat()
    body = {"iban": IBAN, "date": today, "payouts": [payout["reference"]], "opening": 100_000}
    statement = finance.simulator.post("/statements", json=body).content
    path = tmp_path / "statement.xml"
    path.write_bytes(statement)
    imported = stack.manage("import_settlement", str(path), "--merchant", finance.merchant)
    assert (imported["status"], imported["format"]) == ("imported", "camt053")
    (payout,) = finance.api.get("/v1/payouts")["data"]
    assert payout["status"] == "received"
    assert finance.open_items(f"in_transit:{account}") == []
    assert finance.api.get("/v1/discrepancies")["data"] == []
    assert finance.sends(statement)["status"] == "duplicate"
    assert stack.manage("audit_ledger")["violations"] == []
