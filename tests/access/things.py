"""One of everything that a store may have, by the names that the tables use."""

from datetime import date, timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from payments.ledger.models import Account, JournalEntry
from payments.ledger.posting import next_items
from payments.models import Discrepancy, Merchant, ProviderAccount
from payments.notify.models import Event, WebhookDelivery
from payments.notify.services import endpoints
from payments.people.models import Customer
from payments.services.link import LinkRequest, create_link
from reconciliation.models import BankAccount, Connector, ConnectorDocument, Export, Payout, Settlement, SettlementFile
from reconciliation.services import connectors, fill_outboxes, mappings
from reconciliation.services.settlement_figures import public_id
from reconciliation.services.upload import upload
from terminals.models import Shift, TerminalAction
from terminals.services.actions.request import SaleRequest, request_sale
from terminals.services.create import create as create_terminal
from terminals.services.pair import pair
from tests.builders import BY, Shop, report_dispute
from tests.terminals.device import Device

MAPPING = {"columns": {"date": "Date", "amount": "Amount", "reference": "Reference"}}


def things(shop: Shop) -> dict[str, str]:
    """Everything stands in the store; a key of the webshop's is another channel's."""
    merchant, store = shop.merchant, shop.store
    endpoint = endpoints.create(
        merchant_id=merchant.id,
        test_mode=True,
        channel_id=store.id,
        url="https://example.com/hook",
        events=["*"],
        actor=BY,
    ).endpoint
    payment = shop.pin(2500)
    shop.pin_back(300)  # of nothing that is known: a discrepancy
    refund = shop.refund(shop.pay_cash(900).order, 100, channel=store, route="cash")
    file = upload(merchant=merchant, file=ContentFile(b"x"), name="x.csv", channel_id=store.id, actor=BY)
    link = create_link(LinkRequest(channel=store, currency="EUR", description="Bike", amount=900), actor=BY)
    account = ProviderAccount.objects.select_related("merchant").get(merchant=merchant, provider="external")
    anna = Customer.objects.create(merchant_id=merchant.id, reference=f"anna-{merchant.id}", name="Anna")
    return {
        "payment": payment.id,
        "order": payment.order_id,
        "refund": refund.id,
        "chargeback": report_dispute(shop.pin(700), "chargeback", "open", at=timezone.now()).id,
        "link": link.id,
        "reference": str(anna.reference),
        "code": shop.voucher(500).code,
        "voucher": shop.voucher(600, channel=store).voucher.id,
        "channel": store.id,
        "shift": closed_shift(shop).id,
        "terminal": (action := driven(shop)).terminal_id,
        "action": action.id,
        "endpoint": endpoint.id,
        "event": Event.objects.filter(object_id=payment.id)[0].id,
        "delivery": WebhookDelivery.objects.filter(endpoint=endpoint).values_list("id", flat=True)[0],
        "provider_account": account.id,
        "bank_account": BankAccount.objects.create(
            merchant=merchant, iban="NL44RABO0123456789", name="Savings", currency="EUR"
        ).id,
        "connector": connector(shop).id,
        "account": Account.objects.filter(merchant_id=merchant.id).values_list("id", flat=True)[0],
        "entry": JournalEntry.objects.filter(merchant_id=merchant.id).values_list("id", flat=True)[0],
        "file": file.id,
        "mapping": mappings.create(account=account, name="CCV", definition=MAPPING, actor=BY).id,
        "export": _export(merchant).id,
        "payout": (payout := _payout(file, account)).id,
        "settlement": public_id(payout.settlement),
        "discrepancy": Discrepancy.objects.filter(merchant=merchant).values_list("id", flat=True)[0],
    }


def driven(shop: Shop) -> TerminalAction:
    """A paired terminal in the store, that was asked to charge a card."""
    made = create_terminal(channel=shop.store, label="Stand", actor=BY)
    pair(code=made.pairing_code, address="tests")
    return request_sale(SaleRequest(terminal_id=made.terminal.id, amount=900), actor=BY)


def closed_shift(shop: Shop) -> Shift:
    """One in the store in which nothing was done, as its device reports it."""
    made = create_terminal(channel=shop.store, label="Kiosk", actor=BY)
    device = Device(made.terminal.id, secret=pair(code=made.pairing_code, address="tests").secret)
    now = timezone.now()
    report = {
        "shift": "1",
        "opened_at": (now - timedelta(hours=8)).isoformat(),
        "closed_at": now.isoformat(),
        "first_sequence": 1,
        "last_sequence": 0,
        "totals": [],
    }
    answer = device.send("/v1/terminal/shifts", report)
    assert answer.status_code == 201, answer.content
    return Shift.objects.get(id=answer.json()["id"])


def connector(shop: Shop) -> Connector:
    """Books that are sent to Moneybird, with one document of a day and one that failed."""
    made = connectors.add(
        merchant=shop.merchant,
        kind="moneybird",
        name="Moneybird",
        settings={"administration": "1"},
        credentials={"client_id": "app", "client_secret": "secret"},
        starts_on=date(2020, 1, 1),
        actor=BY,
    )
    assert isinstance(made, Connector)
    fill_outboxes.fill(made.id, now=timezone.now() + timedelta(days=2))
    ConnectorDocument.objects.filter(connector=made).update(status="failed", error_code="refused")
    return made


def _export(merchant: Merchant) -> Export:
    """One that is ready, and whose file can be fetched."""
    day = timezone.now().date()
    export = Export(merchant=merchant, kind="journal_csv", profile="generic", first=day, last=day, currency="EUR")
    export.status, export.actor = Export.Status.READY, BY
    export.file.save("export", ContentFile(b"x"), save=False)
    export.save(force_insert=True)
    return export


def _payout(file: SettlementFile, account: ProviderAccount) -> Payout:
    """One that a settlement of the file announces."""
    about: dict[str, Any] = {"merchant": account.merchant, "provider_account": account, "currency": "EUR"}
    settled, paid = next_items(2)
    settlement = Settlement.objects.create(
        **about, file=file, reference="S-1", item=settled, closed_at=timezone.now(), gross=100, fee=0, vat=0, net=100
    )
    return Payout.objects.create(**about, settlement=settlement, reference="P-1", item=paid, amount=100)
