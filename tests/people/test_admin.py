"""The admin pages about people: each sees what their roles let them see, and a secret is shown once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments import audit_log
from payments.models import Refund, Voucher
from payments.people.models import ApiKey, Approval, AuditLog, Customer, Role, SignIn, User
from payments.people.services import api_keys, customers
from tests.builders import Shop, open_shop
from tests.people.cast import code, person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop(second_person_above=10_000, refund_fallback="voucher")


def browser(user: User, *, proved: bool = False) -> Client:
    return signed_in(user, proved=proved)


def page(client: Client, path: str, **data: Any) -> str:
    """A page that is there."""
    answer = client.post(path, data, follow=True) if data else client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


PAGES = [
    "people/user",
    "people/auditlog",
    "people/apikey",
    "people/approval",
    "people/customer",
    "notify/event",
    "notify/webhookendpoint",
    "notify/webhookdelivery",
]


@pytest.mark.parametrize("name", PAGES)
def test_every_list_opens_for_a_superuser(name: str, shop: Shop) -> None:
    root = browser(User.objects.create_superuser("root"))
    shop.refund(shop.pin(20_000).order, 10_001)
    api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor="system")
    assert name.split("/")[1] in page(root, f"/admin/{name}/")


def test_a_clerk_sees_no_keys_no_users_and_no_audit_log(shop: Shop) -> None:
    clerk = browser(person("clerk", shop.merchant.id, role=Role.Name.CLERK))
    for name in ("people/user", "people/apikey", "people/auditlog"):
        assert clerk.get(f"/admin/{name}/").status_code == 403
        assert clerk.get(f"/admin/{name}/add/").status_code == 403
    page(clerk, "/admin/people/approval/")


def make_key(client: Client, shop: Shop, **changes: Any) -> str:
    given = {"merchant_id": shop.merchant.id, "label": "webshop", "scopes": ["refunds:write"], **changes}
    return page(client, "/admin/people/apikey/add/", **given)


def test_a_key_is_shown_once_and_works(shop: Shop) -> None:
    owner = browser(person("owner", shop.merchant.id, role=Role.Name.OWNER), proved=True)
    page(owner, "/admin/people/apikey/add/")

    shown = re.search(r'<code id="key">(ot_test_\w+)</code>', make_key(owner, shop, channel_id=shop.webshop.id))

    assert shown is not None
    caller = api_keys.verify(shown[1])
    assert (caller.channel_id, caller.scopes) == (shop.webshop.id, ("refunds:read", "refunds:write"))
    key = ApiKey.objects.get()
    for path in ("/admin/people/apikey/", f"/admin/people/apikey/{key.id}/change/"):
        assert shown[1] not in page(owner, path)
    assert key.created_by == User.objects.get(username="owner").id


def test_a_key_is_rolled_and_revoked(shop: Shop) -> None:
    owner = browser(person("owner", shop.merchant.id, role=Role.Name.OWNER), proved=True)
    old = api_keys.create(merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], actor="system")

    rolled = page(owner, "/admin/people/apikey/", action="roll", _selected_action=old.key.id)
    assert '<code id="key">ot_test_' in rolled
    page(owner, "/admin/people/apikey/", action="revoke", _selected_action=old.key.id)
    old.key.refresh_from_db()
    assert old.key.revoked_at is not None
    refused = page(owner, "/admin/people/apikey/", action="roll", _selected_action=old.key.id)
    assert 'id="key"' not in refused
    assert "has expired or was revoked" in refused


def test_an_owner_makes_keys_of_no_other_merchant(shop: Shop) -> None:
    other = open_shop()
    owner = browser(person("owner", shop.merchant.id, role=Role.Name.OWNER), proved=True)
    theirs = api_keys.create(merchant_id=other.merchant.id, test_mode=True, scopes=["all"], actor="system")

    make_key(owner, other)
    make_key(owner, shop, channel_id=other.webshop.id)
    page(owner, "/admin/people/apikey/", action="revoke", _selected_action=theirs.key.id)

    assert ApiKey.objects.get().revoked_at is None
    assert theirs.key.id not in page(owner, "/admin/people/apikey/")
    assert owner.get(f"/admin/people/apikey/{theirs.key.id}/change/").status_code == 404


def test_a_refund_is_approved_after_the_second_factor_is_proved(shop: Shop) -> None:
    refund = shop.refund(shop.pin(20_000).order, 10_001)
    approval = Approval.objects.get()
    finance = person("finance", shop.merchant.id)
    client = browser(finance)
    decide = f"/admin/people/approval/{approval.id}/decide/"
    assert decide in page(client, f"/admin/people/approval/{approval.id}/change/")

    sent = client.post(decide, {"decision": "approve", "note": "Seen."})
    assert sent.headers["location"].startswith("/admin/second-factor/?next=")
    assert Refund.objects.get(id=refund.id).status == "requires_approval"

    client.post("/admin/second-factor/", {"code": code(finance)})
    shown = page(client, decide, decision="approve", note="Seen.")

    assert re.search(rf"shown only now: \S*{Voucher.objects.get().code_end}", shown)
    approval.refresh_from_db()
    assert (approval.decision, approval.decided_by, approval.note) == ("approved", finance, "Seen.")
    assert Refund.objects.get(id=refund.id).status == "succeeded"
    assert decide not in page(client, f"/admin/people/approval/{approval.id}/change/")


def test_a_refund_is_rejected(shop: Shop) -> None:
    refund = shop.refund(shop.pin(20_000).order, 10_001)
    finance = person("finance", shop.merchant.id)
    client = browser(finance)
    client.post("/admin/second-factor/", {"code": code(finance)})
    client.post(f"/admin/people/approval/{Approval.objects.get().id}/decide/", {"decision": "reject"})
    assert Refund.objects.get(id=refund.id).status == "canceled"


def test_an_old_proof_counts_no_longer(shop: Shop) -> None:
    shop.refund(shop.pin(20_000).order, 10_001)
    decide = f"/admin/people/approval/{Approval.objects.get().id}/decide/"
    finance = person("finance", shop.merchant.id)
    client = browser(finance)
    client.post("/admin/second-factor/", {"code": code(finance)})
    SignIn.objects.update(second_factor_at=timezone.now() - timedelta(minutes=16))
    client.post(decide, {"decision": "approve"})
    assert Approval.objects.get().decision is None


def test_other_merchants_approvals_are_not_there(shop: Shop) -> None:
    shop.refund(shop.pin(20_000).order, 10_001)
    approval = Approval.objects.get()
    stranger = browser(person("stranger", open_shop().merchant.id))
    assert approval.id not in page(stranger, "/admin/people/approval/")
    assert stranger.post(f"/admin/people/approval/{approval.id}/decide/", {"decision": "approve"}).status_code == 404
    assert stranger.get(f"/admin/people/approval/{approval.id}/decide/").status_code == 405


def test_the_audit_log_is_read_and_nothing_else(shop: Shop) -> None:
    auditor = browser(person("auditor", shop.merchant.id, role=Role.Name.AUDITOR))
    audit_log.write(actor="key_1", action="here.done", subject=shop.merchant, merchant_id=shop.merchant.id)
    audit_log.write(actor="key_1", action="there.done", subject=shop.merchant, merchant_id=open_shop().merchant.id)
    audit_log.write(actor="key_1", action="house.done", subject=shop.merchant, merchant_id=None)

    listed = page(auditor, "/admin/people/auditlog/")
    assert "here.done" in listed
    assert "there.done" not in listed
    assert "house.done" not in listed
    row = AuditLog.objects.get(action="here.done")
    assert 'name="actor"' not in page(auditor, f"/admin/people/auditlog/{row.id}/change/")
    for path in (f"{row.id}/delete/", f"{row.id}/change/", "add/"):
        assert auditor.post(f"/admin/people/auditlog/{path}", {"post": "yes", "actor": "x"}).status_code == 403


def test_the_audit_log_names_what_an_action_was_about(shop: Shop) -> None:
    """By the name that it has, and with a link where its reader may open it: nobody knows it by its id."""
    auditor = browser(person("auditor", shop.merchant.id, role=Role.Name.AUDITOR))
    channels = [shop.webshop.id, shop.store.id]
    details = {"channels": channels, "definition": {"account": shop.account("external").id, "unset": None}}
    audit_log.write(
        actor="key_1", action="here.done", subject=shop.merchant, merchant_id=shop.merchant.id, after=details
    )

    row = AuditLog.objects.get(action="here.done")
    seen = re.sub(r"<a [^>]*>|</a>", "", page(auditor, f"/admin/people/auditlog/{row.id}/change/"))
    assert f"{shop.webshop}, {shop.store}" in seen
    assert f"(unset: –, account: {shop.account('external')})" in seen
    assert not any(f">{channel}" in seen for channel in channels)


def test_finance_erases_a_customer_and_an_auditor_does_not(shop: Shop) -> None:
    customer = customers.get_or_create(merchant_id=shop.merchant.id, reference="C1", name="Ada")
    assert customer is not None
    for role in (Role.Name.AUDITOR, Role.Name.FINANCE):
        client = browser(person(role.value, shop.merchant.id, role=role))
        page(client, "/admin/people/customer/", action="erase", _selected_action=customer.id)
        erased = Customer.objects.get(id=customer.id).erased_at is not None
        assert erased == (role == Role.Name.FINANCE)
