"""Every page and every button is reached by clicking from home, by each role, in both languages; and reads well.

`WAYS=full` clicks on a dozen rows of each list, as every role in both languages, which takes many minutes; `make test`
clicks on a few, as each role in one of them and tied to one channel in the other.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import asyncssh
import pytest
from django.apps import apps
from django.contrib import admin
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.bank_days import bank_day_from
from payments.core.ids import ALPHABET
from payments.db.fields import AmountField
from payments.models import Chargeback, ProviderEvent
from payments.notify.models import WebhookDelivery
from payments.notify.services import endpoints
from payments.people.models import Approval, Role, SecondFactor, User
from payments.people.permissions import GRANTS
from payments.people.services import api_keys, customers
from payments.services import refund_rules
from payments.services.card_present.types import AcquirerReferences
from payments.services.link import LinkRequest, create_link
from payments.services.refunds.plan import BankAccount
from payments.services.send_link import send_link
from payments.services.transfer_batches.prepare import prepare_batch
from payments.services.transfer_batches.release import decide
from reconciliation.closing import Why
from reconciliation.models import Announcement, Connector, Export, ExportSchedule, SettlementFile
from reconciliation.services import connectors, mappings
from reconciliation.services.account_mapping import change_mapping
from reconciliation.services.bank_accounts import create_bank_account
from reconciliation.services.close_period import close, decide_override
from reconciliation.services.export_schedules import NewSchedule, create_schedule
from reconciliation.services.import_file import import_file
from reconciliation.services.make_export import make_export
from reconciliation.services.matching_rules import USUAL, change_rules
from reconciliation.services.periods import day_of
from reconciliation.services.request_export import ExportRequest, request_export
from reconciliation.services.upload import upload
from terminals.services.counter.members import NewMember, add_member
from terminals.services.counter.pair import offer
from terminals.services.counter.staff_codes import choose
from terminals.services.create import create
from tests.access.things import connector
from tests.admin.conftest import Browser, SignIn
from tests.admin.conftest import sign_in as sign_in
from tests.admin.crawler import Crawl, Page, Seen
from tests.api.client import Api
from tests.builders import BY, Shop, open_shop, report_dispute
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, card_present, settlement_csv, statement
from tests.simulator import RunningSimulator
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db(transaction=True)

FULL: Final = os.environ.get("WAYS") == "full"
ROWS, OFTEN = (12, 3) if FULL else (3, 1)
IBAN = "NL91ABNA0417164300"
SAVINGS: Final = "NL44RABO0123456789"
ROLES = ["root", *Role.Name.values]
# What a list does with the rows that are ticked.
ACTIONS = {"take", "leave", "erase", "roll", "revoke", "resend", "new_code"}


@pytest.fixture
def shop(transactional_db: None, simulator: RunningSimulator, settings: Any, tmp_path: Any) -> Shop:
    """A shop in which something of everything happened, and everything can still be done."""
    settings.MEDIA_ROOT = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.WEBHOOK_ALLOW_PRIVATE = True
    shop = open_shop(second_person_above=10_000, iban=IBAN)
    everything_happens(shop)
    return shop


@pytest.fixture
def sister(shop: Shop) -> Shop:
    """A shop of one, where who asks may decide."""
    return open_shop("Bloem Zuid", decides_alone_from=timezone.now())


def everything_happens(shop: Shop) -> None:
    """Something of everything, with which everything can still be done: with the newest rows, which stand first."""
    till = create(channel=shop.store, label="Till 1", actor=BY).terminal
    shop.terminal = replace(shop.terminal, terminal_id=till.id, label=till.label)
    endpoints.create(
        merchant_id=shop.merchant.id, test_mode=True, actor=BY, url="http://127.0.0.1:9/hook", events=["*"]
    )
    _is_paid(shop)
    _gives_back(shop)
    _asks_for_money(shop)
    _has_a_terminal(shop)
    _reconciles(shop)
    _waits_for_capture(shop)
    _closes(shop)
    _exports(shop)
    api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor=BY, label="webshop")
    WebhookDelivery.objects.update(status="failed", next_attempt_at=None, attempts=13)


def _is_paid(shop: Shop) -> None:
    shop.pay(7_891, buyer={"email": "bo@example.com"})
    shop.pay_cash(6_543, order_total=8_765)
    shop.voucher(9_876)
    disputed = shop.pin(5_432)
    soon = timezone.now() + timedelta(days=2)
    report_dispute(disputed, Chargeback.Stage.CHARGEBACK, Chargeback.Status.OPEN, respond_by=soon)


def _gives_back(shop: Shop) -> None:
    shop.pin_back(7_531)
    shop.pin_back(6_420, shop.pin(5_310))
    shop.refund(shop.pay_cash(23_456).order, 6_789, channel=shop.store, route="cash")
    account = BankAccount(iban=IBAN, name="A. Jansen")
    shop.refund(shop.pin(9_753).order, 8_642, route="bank", bank_account=account)
    _sends_transfers(shop, account)
    _has_rules(shop)
    shop.refund(shop.pay_cash(45_678).order, 34_567, channel=shop.store, route="cash")  # above what one person decides


def _has_rules(shop: Shop) -> None:
    """A limit, and a reason that something came back for."""
    refund_rules.add_rule(
        shop.merchant,
        name="Clerks up to € 500",
        kind="per_refund",
        role="clerk",
        amount=50_000,
        beyond="refuse",
        actor=BY,
    )
    refund_rules.add_reason(shop.merchant, code="too_small", english="Too small", dutch="Te klein", actor=BY)
    shop.refund(shop.pay_cash(3_254).order, 2_143, channel=shop.store, route="cash", reason="too_small")


def _sends_transfers(shop: Shop, account: BankAccount) -> None:
    """One batch for the bank that waits for a second person, and one that was released."""
    maker, second = (person(f"{name} at {shop.merchant.name}", shop.merchant.id) for name in ("makes", "agrees"))
    for amount in (4_357, 5_468):
        part = shop.refund(shop.pin(amount).order, amount, route="bank", bank_account=account).parts.get()
        today = bank_day_from(shop.merchant.business_day(timezone.now()))
        batch = prepare_batch(merchant=shop.merchant, iban=IBAN, part_ids=[part.id], execute_on=today, user=maker)
    decide(batch.id, user=second, approved=True, note="")


def _asks_for_money(shop: Shop) -> None:
    request = LinkRequest(channel=shop.webshop, description="Autumn bouquet", amount=5_975, currency="EUR")
    send_link(create_link(request, actor=BY), to="anna@example.com", language=None, actor=BY)
    apps.get_model("notify", "Mail").objects.update(status="failed", next_attempt_at=None)


def _has_a_terminal(shop: Shop) -> None:
    made = create(channel=shop.store, label="Counter 1", actor=BY)
    answer = Api().post("/v1/terminals/pair", {"pairing_code": made.pairing_code})
    device = Device(made.terminal.id, secret=answer.json()["secret"])
    device.post(sale(1, 6_161))
    device.post(sale(1, 7_272))
    offer(channel=shop.store, label="Tablet", actor=BY)
    clerk = person(f"clerk of {shop.store.name}", shop.merchant.id, role=Role.Name.CLERK, channel_id=shop.store.id)
    choose(user=clerk, channel=shop.store, code="271828")
    manager = person(f"manager of {shop.store.name}", shop.merchant.id, role=Role.Name.STORE_MANAGER)
    SecondFactor.objects.create(user=manager, name="app")
    add_member(NewMember(name="Noor de Wit", role=Role.Name.CLERK), channel=shop.store, actor=manager)


def _waits_for_capture(shop: Shop) -> None:
    anna = customers.get_or_create(merchant_id=shop.merchant.id, email="anna@example.com", name="Anna", reference="C-1")
    shop.pay(56_789, manual_capture=True, customer=anna)


def _has_colleagues(shop: Shop) -> None:
    """One who works here, one who was invited, and one whose account is closed."""
    works, _, left = (
        person(f"{name} at {shop.merchant.name}", shop.merchant.id, role=Role.Name.CLERK)
        for name in ("works", "is invited", "has left")
    )
    SecondFactor.objects.create(user=works, name="app")
    works.set_password("correct horse battery staple")
    left.is_active = False
    User.objects.bulk_update([works, left], ["password", "is_active"])


def _reconciles(shop: Shop) -> None:
    create_bank_account(merchant=shop.merchant, iban=SAVINGS, name="Savings", currency="EUR", actor=BY)
    account = shop.account("external")
    shop.pin(8_181, references=AcquirerReferences(rrn="RRN-1", authorization_code="A1", acquirer_tid="T1"))
    lines = [card_present(8_180, rrn="RRN-1", tid="T1", code="A1", fee=15), card_present(9_191, rrn="RRN-9", tid="T9")]
    _sends(shop, settlement_csv(*lines, payout="PAY-1"), provider_account=account)
    _sends(shop, statement(BankLine(17_000, "PAY-1"), BankLine(-5_050, "Rent"), opening=123_456))
    _sends(shop, "nothing;known\n")
    refused = SettlementFile.objects.get(merchant=shop.merchant, status="refused")
    Announcement.objects.create(merchant=shop.merchant, provider_account=account, reference="po_1", detail="")
    ProviderEvent.objects.create(
        merchant=shop.merchant, provider_account=account, event_id="evt_of_them", body=b'{"type": "payout"}'
    )
    assert refused.problems
    columns = {"date": "Date", "amount": "Amount", "reference": "Reference"}
    mappings.create(account=account, name="CCV", definition={"columns": columns}, actor=BY)
    connector(shop)
    _is_connected(shop)


def _is_connected(shop: Shop) -> None:
    """To a package that sends, and to one that is switched off."""
    about: dict[str, Any] = {"merchant": shop.merchant, "settings": {}, "actor": BY}
    keys = {"client_key": "k", "subscription_key": "s"}
    connectors.add(kind="snelstart", name="SnelStart", credentials=keys, **about)
    off = connectors.add(kind="eboekhouden", name="e-Boekhouden", credentials={"access_token": "t"}, **about)
    assert isinstance(off, Connector)
    connectors.switch(off, on=False, actor=BY)


def _closes(shop: Shop) -> None:
    """A day of each channel is closed, and one of the store waits; yesterday can be closed, the store's by two alone."""
    day = shop.merchant.business_day(timezone.now()) - timedelta(days=2)
    assert not isinstance(close(day_of(shop.webshop, day), actor=BY), Approval)
    because = Why(operator="Anna", reason="The till was stolen.")
    close(day_of(shop.store, day - timedelta(days=1)), actor=BY, override=because)
    approval = close(day_of(shop.store, day), actor=BY, override=because)
    assert isinstance(approval, Approval)
    decide_override(approval.subject_id, user=person(f"Wim at {shop.merchant.name}", shop.merchant.id), approved=True)


def _exports(shop: Shop) -> None:
    """One that is ready, one that failed, one that is being made, and one on a schedule."""
    today = timezone.localdate()
    ready, failed, _ = (
        request_export(ExportRequest(merchant=shop.merchant, kind=kind, first=today, last=today), actor=BY)
        for kind in ("journal_csv", "xaf32", "xaf40")
    )
    make_export(ready.id)
    receivable = f"receivable:{shop.account('external').id}"
    change_mapping(shop.merchant, receivable, values={"code": ""}, actor=BY)
    make_export(failed.id)
    failed.refresh_from_db()
    assert failed.problems
    stricter = [replace(one, enabled=one.enabled and one.rule != "order") for one in USUAL]
    change_rules(shop.account("external"), stricter, actor=BY)
    statement: dict[str, Any] = {"kind": "camt053", "profile": "", "account": receivable, "every": "day"}
    by_mail = NewSchedule(merchant=shop.merchant, **statement, delivery="mail", email="a@example.com")
    create_schedule(by_mail, actor=BY)
    # As if its server had answered when it was entered, and then no more.
    put = create_schedule(by_mail, actor=BY)
    host_key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    server = {"host": "sftp.example.com", "port": 22, "user": "books", "host_key": host_key}
    ExportSchedule.objects.filter(id=put.id).update(delivery="sftp", email="", sign_in='{"password": "x"}', **server)
    Export.objects.filter(id=ready.id).update(schedule=put, delivery_error="sftp_unreachable", delivery_due_at=None)


def _sends(shop: Shop, content: str, **more: Any) -> None:
    row = upload(merchant=shop.merchant, file=ContentFile(content.encode()), name="file", actor=BY, **more)
    import_file(row.id)


def name_of(model: Any, page: str) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"


def buttons(role: str) -> Iterator[str]:
    """The pages of all buttons that this role may press somewhere."""
    granted = GRANTS[Role.Name(role)] if role != "root" else None
    for model, page in admin.site._registry.items():
        for action in (
            page.page_actions if isinstance(page, ReadOnlyModelAdmin) and model._default_manager.exists() else ()
        ):
            if granted is None or action.needs in granted:
                yield name_of(model, action.name)


@dataclass(frozen=True)
class Colleague:
    """Somebody with a role at the whole merchant, or only in the channel to which it is `tied`."""

    role: str
    tied: str = ""

    def __str__(self) -> str:
        return f"{self.role} of the {self.tied}" if self.tied else self.role


EVERYBODY: Final = [
    *(Colleague(role) for role in ROLES),
    *(Colleague(role, tied) for tied in ("store", "webshop") for role in Role.Name.values),
]


def crowds(language: str) -> list[list[Colleague]]:
    """Who clicks in this language: everybody alone, or together those of each role that is tied in the other one."""
    if FULL:
        return [[who] for who in EVERYBODY]
    whole, tied = language == "nl", {"en": "store", "nl": "webshop"}[language]
    others = [colleague for colleague in EVERYBODY if colleague.tied == tied]
    return [[*EVERYBODY[: len(ROLES)][whole::2], *others[whole::2]]]


CROWDS: Final = [
    pytest.param(language, crowd, id=f"{language}-{crowd[0]}" if FULL else language)
    for language in ("en", "nl")
    for crowd in crowds(language)
]


@pytest.mark.parametrize(("language", "crowd"), CROWDS)
def test_everything_is_reached_from_home(
    language: str, crowd: list[Colleague], shop: Shop, sister: Shop, sign_in: SignIn
) -> None:
    wrong: list[str] = []
    raw = minor_units()
    clients = {who: _enters(who, sign_in, language, shop, sister) for who in crowd}
    _has_colleagues(shop)
    narrowed: Counter[str] = Counter()  # what the first one sorted and filtered, the next ones need not
    for who, client in clients.items():
        # Root comes to rows by more ways than others: what can be done with a row may stand on a later one.
        rows = 1 if who.tied and not FULL else ROWS + 2 * (who.role == "root")
        crawl = Crawl(client, rows=rows, often=OFTEN, combined=FULL, narrowed=narrowed).go()
        faults = [*crawl.wrong, *(form for form in crawl.posts if form.startswith("nothing"))]
        faults += [fault for page in crawl.seen.values() for fault in unreadable(page, raw)]
        wrong += [f"{who}: {fault}" for fault in [*faults, *missed(who, crawl)]]
    assert wrong == [], "\n".join(wrong)


def missed(who: Colleague, crawl: Crawl) -> Iterator[str]:
    """What they may do and found no way to; a channel does not have something of everything."""
    if who.tied:
        return
    yield from (f"no way to {name}" for name in buttons(who.role) if name not in crawl.views)
    if who.role == "root":
        yield from (f"no way to {name}" for name in _pages() - crawl.views)
        yield from (f"no way to do {name}" for name in ACTIONS - crawl.options)
    if who.role in ("root", "owner", "finance"):
        yield from ["no way to resolve"] * ("admin:payments_discrepancy_resolve" not in crawl.posts)
        yield from ["no way to send a file"] * ("admin:reconciliation_settlementfile_upload" not in crawl.views)


def _enters(who: Colleague, sign_in: SignIn, language: str, shop: Shop, sister: Shop) -> Client:
    """Signed in; who has a role at the whole shop has it at the sister shop, too."""
    channel = {"store": shop.store.id, "webshop": shop.webshop.id}.get(who.tied)
    browser: Browser = sign_in(who.role, channel_id=channel, language=language)
    if who.tied:
        return browser.client
    Role.objects.bulk_create(
        Role(user=browser.user, merchant_id=sister.merchant.id, role=role.role) for role in browser.user.roles.all()
    )
    return browser.client


def _pages() -> set[str]:
    """The list of every model that has one, and the page of a row."""
    names = {name_of(model, "changelist") for model in admin.site._registry}
    return names | {name_of(model, "change") for model in admin.site._registry if model._default_manager.exists()}


ID = re.compile(rf"\b(?:mer|chn|usr|key|pac|trm|cus|stl|pyo)_[{ALPHABET}]{{26}}\b")
NUMBER = re.compile(r"(?<![\w.,:/€-])\d{4,}(?![\w.,:/-]*\w)")
EMPTY = {"None", "[]", "{}", "null", "True", "False"}


def unreadable(seen: Seen, raw: set[int]) -> list[str]:
    """What a page shows as the database has it: raw minor units, empty values, ids of what has a name."""
    faults, previous = [], ""
    for tags, words in seen.page.cells:
        as_it_came = {"pre", "code", "option", "title", "textarea"} & {tag.split(".")[0] for tag in tags}
        technical = any(".ot-quiet" in tag for tag in tags) or as_it_came
        if words in EMPTY:
            faults.append(f"{seen.address}: {words}")
        if not technical and previous.lower() != "id" and ID.search(words):
            faults.append(f"{seen.address}: {previous}: {words}")
        if not technical and (found := [number for number in NUMBER.findall(words) if int(number) in raw]):
            faults.append(f"{seen.address}: {previous}: raw {found}")
        previous = words
    return faults


def minor_units() -> set[int]:
    """Every amount of more than 50.00 that any row holds."""
    values: set[int] = set()
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, AmountField):
                rows = model._default_manager.exclude(**{field.name: None}).values_list(field.name, flat=True)
                values.update(abs(value) for value in rows.order_by())
    return {value for value in values if value >= 5_000}


def test_the_check_itself_finds_a_page_as_it_once_was() -> None:
    page = "<dl><dt>Amount</dt><dd>14900</dd><dt>Sequences</dt><dd>None</dd><dt>By</dt><dd>usr_06h2kb1jq400ybpbja3v6mavcc</dd></dl>"
    found = unreadable(Seen("/", "x", 200, Page(page)), {14_900})
    assert found == ["/: Amount: raw ['14900']", "/: None", "/: By: usr_06h2kb1jq400ybpbja3v6mavcc"]
