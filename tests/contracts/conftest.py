"""An account at the simulator, and calls to its provider."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from payments.core.money import Money
from payments.providers.base import Credentials, Outcome, Result, Verb, WebhookEvent
from payments.providers.simulator.provider import Simulator
from tests.contracts.stages import STAGES, call, credentials
from tests.simulator import PATIENCE, Receiver, RunningSimulator, eventually


@dataclass(slots=True)
class Account:
    """A fresh account at the running simulator, whose webhooks land in `receiver`."""

    simulator: RunningSimulator
    receiver: Receiver
    credentials: Credentials
    provider: Simulator

    @property
    def id(self) -> str:
        """The account's id."""
        return self.credentials.account_id

    def ask(self, verb: Verb, amount: int, *, currency: str = "EUR", **more: Any) -> Result:
        """Ask for one verb."""
        request = call(STAGES["simulator"], verb, webhook_url=self.receiver.url, **more)
        return self.provider.execute(replace(request, amount=Money(amount, currency)), self.credentials)

    def paid(self, amount: int = 12_50, **more: Any) -> str:
        """A payment that was taken at once; its reference."""
        result = self.ask(Verb.SALE, amount, **more)
        assert result.outcome is Outcome.SUCCEEDED
        return str(result.payment_reference)

    def effects(self, **filters: str) -> list[tuple[str, int]]:
        """What really happened on this account: verb and amount."""
        rows = self.simulator.effects(account=self.id, **filters)
        return [(row["verb"], row["amount"]) for row in rows]

    def notices(self, count: int, within: float = PATIENCE) -> list[WebhookEvent]:
        """The first webhooks that came in, verified and read."""
        eventually(lambda: len(self.receiver.landed) >= count, within=within)
        notices = []
        for landed in self.receiver.landed[:]:
            name = self.provider.verify(landed.body, landed.headers, self.credentials)
            notice = self.provider.parse_webhook(landed.body)
            assert notice.event_id == name
            notices.append(notice)
        return notices

    def notice_types(self, count: int, within: float = PATIENCE) -> list[str]:
        """What those webhooks were about."""
        return [notice.type for notice in self.notices(count, within)]


def new_account(simulator: RunningSimulator, receiver: Receiver) -> Account:
    """An account that nobody used yet."""
    provider = Simulator()
    return Account(simulator, receiver, credentials("simulator", provider.new_secrets()), provider)


@pytest.fixture
def account(simulator: RunningSimulator, receiver: Receiver) -> Account:
    """The running simulator as one merchant sees it."""
    return new_account(simulator, receiver)
