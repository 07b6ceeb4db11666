"""The end of a demo day: the provider and the acquirer settle, the bank writes its statement, both are imported."""

import logging
import time
from datetime import UTC, datetime
from typing import Any, Final

from config.sandbox.demo.cast import FEE_RATES, IBAN, Cast
from config.sandbox.demo.web import Api, Provider

logger: Final = logging.getLogger(__name__)
PATIENCE: Final = 60.0


class BackOffice:
    """Closes days, and logs the results."""

    def __init__(self, cast: Cast) -> None:
        self._api, self._provider, self._cast = Api(cast.api_key), Provider(), cast

    def close(self) -> None:
        """Import the day's settlements and the bank's statement."""
        today = datetime.now(UTC).date().isoformat()
        payouts = [
            payout
            for account, provider in ((self._cast.simulator, "simulator"), (self._cast.external, "external"))
            if (payout := self._settle(account, provider, today))
        ]
        if not payouts:
            return
        wages = {"amount": -125_000, "name": "Staff", "remittance": "Wages"}
        statement = {"iban": IBAN, "date": today, "payouts": payouts, "lines": [wages]}
        written = self._provider.post("/statements", statement)
        if written:
            self._import("statement.xml", written.content)

    def _settle(self, account: str, provider: str, today: str) -> str | None:
        body = {"account": account, "currency": "EUR", "fee_rates": FEE_RATES[provider], "payout_date": today}
        answer = self._provider.post("/settlements", body)
        if not answer:
            return None
        settlement = answer.json()
        self._import(f"{settlement['reference']}.csv", settlement["csv"].encode())
        return str(settlement["payout"]["reference"])

    def _import(self, name: str, content: bytes) -> None:
        file = self._api.upload("/v1/settlement_files", name, content)
        if file:
            self._log(self._until_done(file))

    def _until_done(self, file: dict[str, Any]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while file["status"] == "processing" and time.monotonic() < end:
            time.sleep(0.3)
            file = self._api.get(f"/v1/settlement_files/{file['id']}")
        return file

    def _log(self, file: dict[str, Any]) -> None:
        logger.info("%s %s: %s lines, net %s", file["format"], file["status"], file["lines"], file["net"])
