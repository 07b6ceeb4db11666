"""Whatever a form let through, the service that makes the row asks whether this person may, there, now."""

import datetime as dt
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.files.base import ContentFile

from payments.core.errors import Forbidden, Invalid
from payments.core.money import Money
from payments.models import Discrepancy
from payments.notify.services import endpoints
from payments.people.actors import Actor, name_of
from payments.people.models import AuditLog, Role, User
from payments.people.services import api_keys
from payments.services import create_setup, link, update_setup
from payments.services.refunds.request import request_refund
from reconciliation.closing import Scope, Why
from reconciliation.models import Connector, FileMapping
from reconciliation.services import connector_outbox, connectors, mappings
from reconciliation.services.account_mapping import change_mapping, default_mapping
from reconciliation.services.assign import assign
from reconciliation.services.bank_accounts import create_bank_account
from reconciliation.services.close_period import close
from reconciliation.services.export_schedules import NewSchedule, create_schedule, end_schedule
from reconciliation.services.periods import day_of
from reconciliation.services.reopen_period import reopen
from reconciliation.services.request_export import ExportRequest, request_export
from reconciliation.services.resolve import Resolution, resolve
from reconciliation.services.undo import undo
from reconciliation.services.upload import upload
from terminals.services.create import create as create_terminal
from terminals.services.revoke import revoke
from terminals.services.unpair import unpair
from tests.builders import Shop, open_shop
from tests.people.cast import person

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 1, 31)
BY = "tests"

Attempt = Callable[[Shop, Actor], Any]  # at the gate with the person and their session, elsewhere with their id
# What the gate calls these in the audit log; the others are called there as they are here.
AT_THE_GATE = {
    "channel.created": "change_settings",
    "merchant.changed": "change_settings",
    "channel.changed": "change_settings",
    "provider_account.created": "add_provider_account",
    "provider_account.changed": "change_provider_account",
    "refund.requested": "refund",
    "discrepancy.resolved": "accept",
    "discrepancy.undone": "undo_resolution",
    "day.closed": "close_period",
    "day.reopened": "reopen_period",
    "connector.added": "add_connector",
    "connector.access_changed": "change_connector",
}


def wants_link(shop: Shop) -> link.LinkRequest:
    return link.LinkRequest(channel=shop.webshop, currency="EUR", description="Tulips", amount=Money(500, "EUR").amount)


def a_mapping(shop: Shop, who: str = "tests") -> FileMapping:
    columns = {"date": "Date", "amount": "Amount", "reference": "Reference"}
    return mappings.create(account=shop.account("external"), name="CCV", definition={"columns": columns}, actor=who)


def a_connector(shop: Shop, who: Actor = "tests") -> Connector:
    made = connectors.add(
        merchant=shop.merchant,
        kind="moneybird",
        name="Books",
        settings={"administration": "1"},
        credentials={"token": "t"},
        actor=who,
    )
    assert isinstance(made, Connector)
    return made


def an_account(shop: Shop) -> str:
    shop.pin(300)
    return f"receivable:{shop.account('external').id}"


def a_schedule(shop: Shop) -> NewSchedule:
    return NewSchedule(
        merchant=shop.merchant, every="day", delivery="folder", email="", kind="journal_csv", profile="", account=""
    )


def a_discrepancy(shop: Shop) -> str:
    shop.pin_back(300)  # of nothing that is known
    return Discrepancy.objects.filter(merchant=shop.merchant).values_list("id", flat=True)[0]


def an_accepted_discrepancy(shop: Shop) -> str:
    found = a_discrepancy(shop)
    resolve(
        merchant=shop.merchant,
        discrepancy_id=found,
        resolution=Resolution(action="accept", note="Seen."),
        actor="tests",
    )
    return found


def a_closed_day(shop: Shop) -> Scope:
    scope = day_of(shop.store, date(2026, 1, 2))
    close(scope, actor="tests")
    return scope


def a_terminal(shop: Shop) -> str:
    return create_terminal(channel=shop.store, label="Till", actor="tests").terminal.id


def a_key(shop: Shop) -> str:
    return api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor="tests").key.id


def an_endpoint(shop: Shop) -> str:
    made = endpoints.create(
        merchant_id=shop.merchant.id, test_mode=True, url="https://example.com/x", events=["*"], actor="tests"
    )
    return made.endpoint.id


ACTIONS: dict[str, Attempt] = {
    "discrepancy.assigned": lambda shop, who: assign(discrepancy_id=a_discrepancy(shop), to=None, actor=name_of(who)),
    "discrepancy.resolved": lambda shop, who: resolve(
        merchant=shop.merchant,
        discrepancy_id=a_discrepancy(shop),
        resolution=Resolution(action="accept", note="Seen."),
        actor=who,
    ),
    "discrepancy.undone": lambda shop, who: undo(
        merchant=shop.merchant, discrepancy_id=an_accepted_discrepancy(shop), note="", actor=who
    ),
    "terminal.created": lambda shop, who: create_terminal(channel=shop.store, label="Till", actor=name_of(who)),
    "terminal.unpaired": lambda shop, who: unpair(terminal_id=a_terminal(shop), actor=name_of(who)),
    "terminal.revoked": lambda shop, who: revoke(terminal_id=a_terminal(shop), actor=name_of(who)),
    "channel.created": lambda shop, who: create_setup.create_channel(
        merchant=shop.merchant, kind="online", name="Another", actor=who
    ),
    "provider_account.created": lambda shop, who: create_setup.create_provider_account(
        merchant=shop.merchant, provider="recorded", name="Another", currency="EUR", actor=who
    ),
    "merchant.changed": lambda shop, who: update_setup.amend_merchant(
        shop.merchant, changes={"name": "Mine"}, actor=who
    ),
    "channel.changed": lambda shop, who: update_setup.amend_channel(shop.store, changes={"name": "Mine"}, actor=who),
    "provider_account.changed": lambda shop, who: update_setup.amend_provider_account(
        shop.account("external"), changes={"name": "Mine"}, credentials={}, actor=who
    ),
    "webhook_endpoint.created": lambda shop, who: endpoints.create(
        merchant_id=shop.merchant.id, test_mode=True, url="https://example.com/x", events=["*"], actor=name_of(who)
    ),
    "webhook_endpoint.updated": lambda shop, who: endpoints.update(
        endpoint_id=an_endpoint(shop), merchant_id=shop.merchant.id, description="Mine", actor=name_of(who)
    ),
    "webhook_endpoint.deleted": lambda shop, who: endpoints.delete(
        endpoint_id=an_endpoint(shop), merchant_id=shop.merchant.id, actor=name_of(who)
    ),
    "webhook_endpoint.secret_rolled": lambda shop, who: endpoints.roll_secret(
        endpoint_id=an_endpoint(shop), merchant_id=shop.merchant.id, actor=name_of(who)
    ),
    "day.closed": lambda shop, who: close(day_of(shop.store, date(2026, 1, 2)), actor=who),
    "day.reopened": lambda shop, who: reopen(
        a_closed_day(shop), actor=who, why=Why(operator="Anna", reason="A till was forgotten.")
    ),
    "bank_account.created": lambda shop, who: create_bank_account(
        merchant=shop.merchant, iban="NL44RABO0123456789", name="Savings", currency="EUR", actor=name_of(who)
    ),
    "export.requested": lambda shop, who: request_export(
        ExportRequest(merchant=shop.merchant, kind="journal_csv", first=TODAY, last=TODAY), actor=name_of(who)
    ),
    "account_mapping.changed": lambda shop, who: change_mapping(
        shop.merchant, an_account(shop), values={"code": "1234"}, actor=name_of(who)
    ),
    "account_mapping.removed": lambda shop, who: default_mapping(shop.merchant, an_account(shop), actor=name_of(who)),
    "export_schedule.created": lambda shop, who: create_schedule(a_schedule(shop), actor=name_of(who)),
    "export_schedule.ended": lambda shop, who: end_schedule(
        create_schedule(a_schedule(shop), actor=BY), actor=name_of(who)
    ),
    "settlement_file.sent": lambda shop, who: upload(
        merchant=shop.merchant, file=ContentFile(b"x", "x.csv"), name="x.csv", actor=name_of(who)
    ),
    "file_mapping.created": lambda shop, who: a_mapping(shop, name_of(who)),
    "file_mapping.updated": lambda shop, who: mappings.update(mapping=a_mapping(shop), name="Mine", actor=name_of(who)),
    "file_mapping.deleted": lambda shop, who: mappings.delete(mapping=a_mapping(shop), actor=name_of(who)),
    "connector.added": a_connector,
    "connector.changed": lambda shop, who: connectors.change(
        a_connector(shop), changes={"name": "Mine"}, credentials={}, actor=who
    ),
    "connector.access_changed": lambda shop, who: connectors.change(
        a_connector(shop), changes={}, credentials={"token": "mine"}, actor=who
    ),
    "connector.switched_off": lambda shop, who: connectors.switch(a_connector(shop), on=False, actor=name_of(who)),
    "connector.removed": lambda shop, who: connectors.remove(a_connector(shop), actor=name_of(who)),
    "connector.sent_now": lambda shop, who: connector_outbox.send_now(a_connector(shop), actor=name_of(who)),
    "payment_link.created": lambda shop, who: link.create_link(wants_link(shop), actor=name_of(who)),
    "refund.requested": lambda shop, who: request_refund(
        shop.asks(shop.pin(500).order, 100, channel=shop.store, route="cash"), actor=who
    ),
}


@pytest.fixture(autouse=True)
def _no_look_up(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True  # nothing is resolved here, and nothing is sent


@pytest.mark.parametrize("action", ACTIONS)
def test_another_merchants_owner_is_refused_and_it_stands_in_the_audit_log(action: str) -> None:
    shop, stranger = open_shop("Bloem"), person("stranger", open_shop("Vreemd").merchant.id, role=Role.Name.OWNER)

    with pytest.raises(Forbidden) as refused:
        ACTIONS[action](shop, stranger)

    assert refused.value.code == "permission_missing"
    noted = f"{AT_THE_GATE.get(action, action)}.refused"
    notes = AuditLog.objects.filter(action=noted, actor=stranger.id, merchant_id=shop.merchant.id)
    assert notes.count() == 1
    assert not AuditLog.objects.filter(actor=stranger.id).exclude(action=noted).exists()


@pytest.mark.parametrize("action", ACTIONS)
def test_the_merchants_own_owner_may(action: str) -> None:
    shop = open_shop("Bloem")
    ACTIONS[action](shop, person("owner", shop.merchant.id, role=Role.Name.OWNER))
    assert not AuditLog.objects.filter(action__endswith=".refused").exists()


@pytest.mark.parametrize("action", ACTIONS)
def test_whoever_has_left_may_nothing_more(action: str) -> None:
    shop = open_shop("Bloem")
    left = person("left", shop.merchant.id, role=Role.Name.OWNER)
    User.objects.filter(id=left.id).update(is_active=False)
    with pytest.raises(Forbidden):
        ACTIONS[action](shop, left)


def test_another_merchants_key_is_refused_too() -> None:
    shop, key = open_shop("Bloem"), a_key(open_shop("Vreemd"))
    with pytest.raises(Forbidden):
        ACTIONS["channel.created"](shop, key)


@pytest.mark.parametrize(
    "make",
    [
        lambda shop, account: create_terminal(
            channel=shop.store, label="Till", provider_account=account, actor="tests"
        ),
        lambda shop, account: upload(
            merchant=shop.merchant, file=ContentFile(b"x"), name="x.csv", provider_account=account, actor="tests"
        ),
    ],
)
def test_another_merchants_provider_account_is_none_of_its(make: Callable[[Shop, Any], Any]) -> None:
    shop, stranger = open_shop("Bloem"), open_shop("Vreemd")
    with pytest.raises(Invalid) as refused:
        make(shop, stranger.account("external"))
    assert refused.value.param == "provider_account"
