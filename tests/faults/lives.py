"""The lives that pass the crash points between them."""

import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

import httpx
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone

from config.sandbox.terminal_maker import server
from payments.ledger import fold
from payments.ledger.models import BookDay
from payments.models import Order, Payment, ProviderEvent, Refund
from payments.notify.models import Event, WebhookDelivery
from payments.notify.services.deliver import deliver
from payments.providers.base import Credentials, ProviderReport, WebhookEvent
from payments.providers.simulator.provider import Simulator
from payments.services.receive import apply_event
from payments.services.recover import recover
from payments.statistics import fold_all
from reconciliation.models import PeriodChange, SettlementFile
from reconciliation.services.import_file import import_due
from terminals.models import TerminalAction
from terminals.services.actions import drive, sweep
from tests.faults.life import PATIENCE, Life, lapse, on_its_own
from tests.notify import receiver
from tests.simulator import eventually
from tests.terminals.device import Device, refund, sale


class Pays(Life):
    """By card, answered at once."""

    own = ("create.", "submit.", "record.", "flush.")

    def act(self) -> None:
        self.pay("a")

    def check(self) -> Iterator[str]:
        yield from self.not_charged(1250)


class IsCaptured(Life):
    """Authorized, then captured in two parts."""

    own = ("request.",)

    def prepare(self) -> None:
        self.stage["payment"] = self.pay("a", capture="manual")["id"]

    def act(self) -> None:
        path = f"/v1/payments/{self.stage['payment']}/capture"
        self.post(path, {"amount": 500, "final": False}, "first")
        self.post(path, {"amount": 700, "final": False}, "second")

    def check(self) -> Iterator[str]:
        yield from self.not_charged(1200)


class BringsBack(Life):
    """Bought online, brought back to the store in two goes."""

    own = ("refund.", "enqueue.")

    def prepare(self) -> None:
        self.stage["payment"] = self.pay("a")["id"]

    def act(self) -> None:
        for key, amount in (("first", 500), ("second", 700)):
            about = {"payment": self.stage["payment"], "channel": self.stage["store"]}
            self.post("/v1/refunds", about | {"amount": amount, "reason": "Too small"}, key)
        on_its_own(recover)

    def check(self) -> Iterator[str]:
        back = Refund.objects.filter(merchant_id=self.stage["merchant"]).order_by("amount")
        found = list(back.values_list("amount", "status"))
        if found != [(500, "succeeded"), (700, "succeeded")]:
            yield f"given back {found}"


class IsUnknown(Life):
    """The connection breaks after the money has moved: it is asked about until it is known."""

    own = ("recover.",)

    def act(self) -> None:
        self.pay("a", 1222)
        lapse()
        on_its_own(recover)

    def check(self) -> Iterator[str]:
        yield from self.not_charged(1222)


class IsNotified(Life):
    """iDEAL: the customer approves on the provider's page, and the provider tells."""

    own: ClassVar[tuple[str, ...]] = ("receive.", "apply.")

    def prepare(self) -> None:
        with receiver.running() as here:
            settings.PUBLIC_URL = here.url("")
            page = self.pay("a", method="ideal", return_url="https://shop.example/")["next_action"]["url"]
            httpx.post(page, data={"action": "approve"}, trust_env=False)
            eventually(lambda: any('"succeeded"' in row.body for row in here.received), within=PATIENCE)
            self.stage["webhooks"] = [[row.path, row.body, row.headers] for row in here.received if row.body]

    def act(self) -> None:
        for path, body, headers in self.stage["webhooks"]:
            self.send(path, body.encode(), headers)
        for event_id in ProviderEvent.objects.filter(due_at__isnull=False).values_list("id", flat=True):
            on_its_own(partial(apply_event, event_id))

    def check(self) -> Iterator[str]:
        yield from self.not_charged(1250)


class AsHint(Simulator):
    """Its webhooks only say which payment there is news of; what news, it says when asked."""

    truth: ClassVar[dict[str, Sequence[ProviderReport]]] = {}

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        event = super().parse_webhook(body)
        named = event.reports[0].result.payment_reference or ""
        self.truth[named] = event.reports
        return WebhookEvent(event.event_id, (), look_up=named)

    def look_up(self, reference: str, credentials: Credentials) -> Sequence[ProviderReport] | None:
        return self.truth.get(reference)


class IsHintedAt(IsNotified):
    """The same, at a provider that has to be asked."""

    own = ("hint.",)

    def act(self) -> None:
        settings.PROVIDERS = {**settings.PROVIDERS, "simulator": f"{__name__}.{AsHint.__name__}"}
        super().act()


class RunsOut(Life):
    """An authorization that nobody captures."""

    own = ("expire.",)

    def prepare(self) -> None:
        payment = self.pay("a", capture="manual")["id"]
        Payment.objects.filter(id=payment).update(expires_at=timezone.now())

    def act(self) -> None:
        on_its_own(recover)

    def check(self) -> Iterator[str]:
        found = set(self.payments().values_list("status", flat=True))
        if found != {"expired"}:
            yield f"it is {found}"


class IsFolded(Life):
    """What was sold goes into checkpoints and totals."""

    own = ("fold.", "statistics.")
    steady = False  # it waits for others

    def prepare(self) -> None:
        self.pay("a", method="cash", channel=self.stage["store"])

    def act(self) -> None:
        end = time.monotonic() + PATIENCE
        while fold.age() and time.monotonic() < end:  # others on this server may have transactions open
            on_its_own(fold.fold_all)
            time.sleep(0.02)
        on_its_own(fold_all)


class IsTellingTheShop(Life):
    """A webshop hears what happened."""

    own = ("deliver.",)

    def prepare(self) -> None:
        self.post("/v1/webhook_endpoints", {"url": self.stage["receiver"], "events": ["*"]}, "endpoint")
        self.pay("a", method="cash", channel=self.stage["store"])

    def act(self) -> None:
        on_its_own(deliver)

    def check(self) -> Iterator[str]:
        events = Event.objects.filter(merchant_id=self.stage["merchant"]).values_list("id", flat=True)
        self.stage["events"] = sorted(events)
        rows = WebhookDelivery.objects.filter(event__merchant_id=self.stage["merchant"])
        found = list(rows.values_list("status", flat=True))
        if found != ["succeeded"] * len(events):
            yield f"deliveries {found} of {len(events)} events"


class IsSettled(Life):
    """The provider's account of what it owes comes as a file."""

    own = ("upload.", "mask.", "import.", "finish.")

    def prepare(self) -> None:
        account = {"account": self.pay("a")["provider_account"]["id"]}
        settled = httpx.post(f"{settings.SIMULATOR_URL}/settlements", json=account, trust_env=False)
        self.stage["csv"] = settled.json()["csv"]

    def act(self) -> None:
        form = {"file": ContentFile(self.stage["csv"].encode(), name="settlement.csv")}
        headers = {"Authorization": f"Bearer {self.stage['key']}", "Idempotency-Key": "file"}
        self.answered(partial(self.http.post, "/v1/settlement_files", form, headers=headers))
        on_its_own(import_due)

    def check(self) -> Iterator[str]:
        files = SettlementFile.objects.filter(merchant_id=self.stage["merchant"])
        found = list(files.values_list("status", "lines"))
        if found != [("imported", 1)]:
            yield f"files {found}"


def pair(life: Life) -> None:
    """A terminal comes to the store."""
    made = life.post("/v1/terminals", {"channel": life.stage["store"], "label": "Till 1"}, "till")
    paired = life.post("/v1/terminals/pair", {"pairing_code": made["pairing_code"]}, "pair")
    life.stage |= {"terminal": paired["terminal"], "secret": paired["secret"]}


class IsAtTheCounter(Life):
    """A terminal posts what it did, offline for a while."""

    own = ("device.",)

    def prepare(self) -> None:
        pair(self)

    def act(self) -> None:
        device = Device(self.stage["terminal"], self.stage["secret"], http=self.http)
        day = [sale(1, 1000), sale(2, 500, offline=True), refund(3, 400, original={"sequence": 1})]
        self.answered(partial(device.batch, day, webhook_id="day"))

    def check(self) -> Iterator[str]:
        orders = Order.objects.filter(merchant_id=self.stage["merchant"]).order_by("captured")
        found = list(orders.values_list("captured", "refunded"))
        if found != [(500, 0), (1000, 400)]:
            yield f"orders {found}"


class IsDriven(Life):
    """A till has a terminal charge two cards: one is answered, of the other the device only says later that it was not.

    Whatever the device says, it says three times: as after a lost answer, and anew, as after a lost memory.
    """

    own = ("action.",)

    def prepare(self) -> None:
        pair(self)

    def act(self) -> None:
        first = self.drive("first", {"type": "sale", "amount": 1000, "currency": "EUR"})
        self.tells("poll-1", "GET", "")
        self.tells_again("ack-1", f"/{first['id']}/ack", {})
        self.tells_again("result-1", f"/{first['id']}/result", sale(1, 1000))
        second = self.drive("second", {"type": "sale", "amount": 500, "currency": "EUR"})
        self.tells("poll-2", "GET", "")
        now = timezone.now()
        open_ones = TerminalAction.objects.filter(id=second["id"], status="queued")
        open_ones.update(expires_at=now, ask_at=now)
        on_its_own(sweep.sweep)
        requested = self.tells("poll-3", "GET", "")
        self.tells_again("result-3", f"/{requested['id']}/result", {"outcome": "not_found"})

    def check(self) -> Iterator[str]:
        found = sorted(self.payments().values_list("amount", "status"))
        actions = TerminalAction.objects.filter(merchant_id=self.stage["merchant"])
        ended = sorted(actions.values_list("type", "status"))
        if found != [(500, "canceled"), (1000, "captured")]:
            yield f"payments {found}"
        if ended != [("sale", "canceled"), ("sale", "succeeded"), ("status", "succeeded")]:
            yield f"actions {ended}"

    def drive(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.post(f"/v1/terminals/{self.stage['terminal']}/actions", body, key)

    def tells(self, name: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        device = Device(self.stage["terminal"], self.stage["secret"], http=self.http)
        raw = b"" if method == "GET" else None
        send = partial(device.send, f"/v1/terminal/actions{path}", body, method=method, raw=raw, webhook_id=name)
        told: dict[str, Any] = self.answered(send)
        return told

    def tells_again(self, name: str, path: str, body: Any) -> None:
        for webhook_id in (name, name, f"{name}-anew"):
            self.tells(webhook_id, "POST", path, body)


class IsGivenBackAtTheTerminal(IsDriven):
    """A sale by PIN is given back on the card, at the terminal."""

    own = ("retourpin.",)

    def prepare(self) -> None:
        pair(self)
        device = Device(self.stage["terminal"], self.stage["secret"], http=self.http)
        sold: dict[str, Any] = self.answered(partial(device.post, sale(1, 1000), webhook_id="sold"))
        self.stage["payment"] = sold["payment"]

    def act(self) -> None:
        about = {"payment": self.stage["payment"], "amount": 400, "operator": "Sanne", "reason": "Too small"}
        requested = self.drive("back", {"type": "refund"} | about)
        self.tells("poll", "GET", "")
        self.tells_again("ack", f"/{requested['id']}/ack", {})
        self.tells_again("result", f"/{requested['id']}/result", refund(2, 400))

    def check(self) -> Iterator[str]:
        back = list(Refund.objects.filter(merchant_id=self.stage["merchant"]).values_list("amount", "status"))
        if back != [(400, "succeeded")]:
            yield f"given back {back}"


class IsDrivenByItsMaker(IsDriven):
    """A maker drives the store's terminal; its memory is a file, so that it knows which cards it charged."""

    own = ("drive.",)

    def prepare(self) -> None:
        about = {"channel": self.stage["store"], "label": "Till 9", "driver": "simulator", "device_id": "T1"}
        self.stage["terminal"] = self.post("/v1/terminals", about, "till")["id"]
        self.stage["maker"] = str(Path(tempfile.mkdtemp()) / "maker.json")

    def act(self) -> None:
        maker = server(port=0, path=Path(self.stage["maker"]))
        settings.TERMINAL_SIMULATOR_URL = f"http://127.0.0.1:{maker.server_port}"
        threading.Thread(target=maker.serve_forever, args=[0.05], daemon=True).start()
        try:
            # In progress until it has been asked about twice.
            self.drive("first", {"type": "sale", "amount": 1005, "currency": "EUR"})
            on_its_own(drive.drive_all)
            for _ in range(2):
                TerminalAction.objects.filter(poll_at__isnull=False).update(poll_at=timezone.now())
                on_its_own(drive.drive_all)
            # Whatever was taken and not recorded is asked about once its time is over.
            for _ in range(3):
                now = timezone.now()
                TerminalAction.objects.filter(type="sale", status__in=["presented", "unknown"]).update(
                    presented_at=now - timedelta(minutes=3), expires_at=now, ask_at=now
                )
                on_its_own(sweep.sweep)
                on_its_own(drive.drive_all)
        finally:
            maker.shutdown()
            maker.server_close()

    def check(self) -> Iterator[str]:
        # The truth is the maker's: a request that never reached it has charged nobody, and is stopped.
        file = Path(self.stage["maker"])
        known = json.loads(file.read_text()).values() if file.exists() else ()
        charged = [row for row in known if row["state"] == "approved"]
        found = list(self.payments().values_list("amount", "status"))
        if found != [(1005, "captured" if charged else "canceled")]:
            yield f"payments {found}, of which the maker knows {charged}"


class IsClosed(Life):
    """The store closes yesterday's books."""

    own = ("close.",)

    def act(self) -> None:
        yesterday = (timezone.now().astimezone(ZoneInfo("Europe/Amsterdam")) - timedelta(days=1)).date()
        self.post(f"/v1/days/{yesterday}/close", {"channel": self.stage["store"]}, "close")

    def check(self) -> Iterator[str]:
        changes = PeriodChange.objects.filter(period__merchant_id=self.stage["merchant"])
        events = Event.objects.filter(merchant_id=self.stage["merchant"], type="day.closed")
        days = BookDay.objects.filter(merchant_id=self.stage["merchant"], closed=True)
        found = [changes.count(), events.count(), days.filter(branch=self.stage["store"]).count()]
        if found != [1, 1, 1]:
            yield f"closings, events and closed days {found}"


LIVES: Final[dict[str, type[Life]]] = {
    life.__name__: life
    for life in (
        *(Pays, IsCaptured, BringsBack, IsUnknown, IsNotified, IsHintedAt, RunsOut),
        *(
            IsFolded,
            IsTellingTheShop,
            IsSettled,
            IsAtTheCounter,
            IsDriven,
            IsGivenBackAtTheTerminal,
            IsDrivenByItsMaker,
            IsClosed,
        ),
    )
}
