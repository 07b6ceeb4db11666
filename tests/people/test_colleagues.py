"""Colleagues: invited, given roles and recovered by clicking from Home; never beyond one's own, never oneself."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from payments import mail
from payments.admin.setup.user_actions import MEANS
from payments.core.errors import Conflict, Forbidden, Invalid
from payments.models import Order
from payments.notify.models import Mail
from payments.people.models import Approval, AuditLog, OneTimeLink, Role, SecondFactor, SignIn, User
from payments.people.permissions import GRANTS, LOOKING, May, within
from payments.people.services import approvals, second_factors
from payments.services import colleagues, create_setup
from tests.builders import Shop, open_shop
from tests.people.cast import person, shown, signed_in
from tests.people.test_second_factor import key_on

pytestmark = pytest.mark.django_db

PASSWORD = "twelve tulips in a vase"
OWNER, FINANCE, MANAGER, CLERK, AUDITOR = (
    Role.Name.OWNER,
    Role.Name.FINANCE,
    Role.Name.STORE_MANAGER,
    Role.Name.CLERK,
    Role.Name.AUDITOR,
)


@pytest.fixture(autouse=True)
def _own_counts(settings: Settings, request: pytest.FixtureRequest) -> None:
    settings.REDIS_PREFIX += f"{request.node.name}:"


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.fixture
def owner(shop: Shop) -> User:
    return person("olga@shop.example", shop.merchant.id, role=OWNER)


def clicked(client: Client, words: str, start: str = "/admin/") -> str:
    """The address behind a link with these words on a page."""
    text = client.get(start).content.decode()
    for address, inner in re.findall(r'<a\b[^>]*?href="([^"]+)"[^>]*>(.*?)</a>', text, re.DOTALL):
        if words in unescape(re.sub(r"<[^>]+>", "", inner)):
            return absolute(start, unescape(address))
    raise AssertionError((words, text[:3000]))


def absolute(start: str, address: str) -> str:
    from urllib.parse import urljoin

    return urljoin(start, address)


def letter_to(address: str) -> str:
    """Where the link in the last letter to somebody leads."""
    sealed = Mail.objects.filter(to=address, sealed__isnull=False).latest("id").sealed
    assert sealed is not None
    return "/admin/" + sealed.partition("/admin/")[2].split()[0]


def joins(address: str, **more: str) -> Client:
    """Somebody opens the link in their letter, chooses a password and scans."""
    client, path = Client(), letter_to(address)
    key = key_on(client.get(path).content.decode())
    form = {"password": PASSWORD, "password_again": PASSWORD, "code": shown(key), **more}
    assert client.post(path, form).status_code == 200
    return client


def test_an_owner_invites_a_clerk_by_clicking_from_home_and_the_clerk_joins(owner: User, shop: Shop) -> None:
    client = signed_in(owner)
    merchant = clicked(client, shop.merchant.name, clicked(client, "Merchants"))
    invite = clicked(client, "Invite a colleague", merchant)
    form = client.get(invite).content.decode()
    assert not re.search(r"<option[^>]*selected[^>]*value=\"[^\"]", form)
    given = {"email": "carl@shop.example", "name": "Carl de Vries", "role": "clerk"}
    assert client.post(invite, given).status_code == 422  # where is not assumed to be everywhere
    answer = client.post(invite, {**given, "place": f"{shop.merchant.id}/{shop.store.id}"}, follow=True)
    assert "carl@shop.example is invited" in answer.content.decode()

    carl = joins("carl@shop.example")
    role = Role.objects.get(user__username="carl@shop.example")
    assert (role.role, role.channel_id, role.merchant_id) == ("clerk", shop.store.id, shop.merchant.id)
    assert carl.get("/admin/").status_code == 200
    assert "carl@shop.example" in client.get(clicked(client, "People")).content.decode()
    assert AuditLog.objects.filter(action="one_time_link.used", actor=owner.id).exists()


def test_the_letter_that_is_kept_does_not_open_the_account(owner: User, shop: Shop) -> None:
    colleagues.invite(address="carl@shop.example", merchant_id=shop.merchant.id, channel_id=None, role=CLERK, by=owner)
    with connection.cursor() as cursor:
        cursor.execute("SELECT m::text, l::text FROM notify_mail m, people_onetimelink l")
        [stored] = cursor.fetchall()
    token = letter_to("carl@shop.example").split("/")[-2]
    assert not any(token in row for row in stored)
    row = Mail.objects.get(to="carl@shop.example")
    root = signed_in(User.objects.create_superuser("root"))
    assert root.get(f"/admin/notify/mail/{row.id}/change/").status_code == 404
    mail.send_due()
    row.refresh_from_db()
    assert (row.status, row.sealed) == ("succeeded", None)


def test_links_are_for_one_address_and_end(owner: User, shop: Shop) -> None:
    new = colleagues.invite(
        address="carl@shop.example", merchant_id=shop.merchant.id, channel_id=None, role=CLERK, by=owner
    )
    path, client = letter_to("carl@shop.example"), Client()
    for change, back in (
        ({"email": "other@shop.example"}, {"email": "carl@shop.example"}),
        ({"is_active": False}, {"is_active": True}),
    ):
        User.objects.filter(pk=new.link.user_id).update(**change)
        assert client.get(path).status_code == 404
        User.objects.filter(pk=new.link.user_id).update(**back)
    assert client.get(path).status_code == 200
    colleagues.invite_again(new.link.user, merchant_id=shop.merchant.id, by=owner)
    assert client.get(path).status_code == 404
    OneTimeLink.objects.update(expires_at="2026-01-01T00:00:00Z")
    assert client.get(letter_to("carl@shop.example")).status_code == 404
    with pytest.raises(Conflict, match="user_exists"):
        colleagues.invite(
            address="Carl@shop.example", merchant_id=shop.merchant.id, channel_id=None, role=CLERK, by=owner
        )


def give(by: User, user: User, role: Role.Name, shop: Shop, channel_id: str | None = None) -> None:
    colleagues.give_role(user, merchant_id=shop.merchant.id, channel_id=channel_id, role=role, by=by)


@pytest.mark.parametrize("role", [FINANCE, MANAGER, CLERK, AUDITOR])
def test_only_owners_give_roles(role: Role.Name, shop: Shop) -> None:
    with pytest.raises(Forbidden, match="permission_missing"):
        give(person("giver", shop.merchant.id, role=role), person("taker", shop.merchant.id, role=AUDITOR), CLERK, shop)


def test_who_may_not_take_a_role_is_refused_and_it_stays_in_the_audit_log(owner: User, shop: Shop) -> None:
    clerk = person("clerk", shop.merchant.id, role=CLERK)
    with pytest.raises(Forbidden, match="permission_missing"):
        colleagues.take_role(owner, role_id=owner.roles.get().pk, by=clerk)
    assert AuditLog.objects.filter(actor=clerk.id, action__endswith=".refused").count() == 1
    assert owner.roles.count() == 1


def test_nobody_gives_beyond_their_own_nor_to_themselves(owner: User, shop: Shop) -> None:
    store_owner = person("store", shop.merchant.id, role=OWNER, channel_id=shop.store.id)
    taker = person("taker", shop.merchant.id, role=AUDITOR)
    elsewhere = open_shop("Elders")
    with pytest.raises(Forbidden, match="permission_missing"):
        give(store_owner, taker, OWNER, shop)
    with pytest.raises(Forbidden, match="permission_missing"):
        give(owner, taker, CLERK, elsewhere)
    with pytest.raises(Invalid, match="channel_not_found"):
        give(owner, taker, CLERK, shop, elsewhere.store.id)
    for action in (
        lambda: give(owner, owner, FINANCE, shop),
        lambda: colleagues.take_role(owner, role_id=owner.roles.get().pk, by=owner),
        lambda: colleagues.set_open(owner, is_open=False, merchant_id=shop.merchant.id, by=owner),
        lambda: colleagues.ask_recovery(owner, merchant_id=shop.merchant.id, by=owner),
    ):
        with pytest.raises(Forbidden, match="own_roles"):
            action()
    assert taker.roles.count() == 1


def test_who_has_more_than_the_owner_is_not_the_owners_to_close_or_recover(owner: User, shop: Shop) -> None:
    elsewhere = open_shop("Elders")
    both = person("both", shop.merchant.id, role=CLERK)
    both.email = "both@shop.example"
    both.save()
    Role.objects.create(user=both, merchant_id=elsewhere.merchant.id, role=OWNER)
    root = User.objects.create_superuser("root", "root@shop.example")
    Role.objects.create(user=root, merchant_id=shop.merchant.id, role=CLERK)
    for user in (both, root):
        for action in (
            lambda user=user: colleagues.set_open(user, is_open=False, merchant_id=shop.merchant.id, by=owner),
            lambda user=user: colleagues.ask_recovery(user, merchant_id=shop.merchant.id, by=owner),
            lambda user=user: colleagues.invite_again(user, merchant_id=shop.merchant.id, by=owner),
        ):
            with pytest.raises(Forbidden, match="not_managed"):
                action()


def test_it_takes_a_fresh_factor(owner: User, shop: Shop) -> None:
    client = signed_in(owner, proved=False)
    answer = client.get(f"/admin/payments/merchant/{shop.merchant.id}/invite/")
    assert answer.headers["location"].startswith("/admin/second-factor/")
    owner.second_factor_at = None
    with pytest.raises(Forbidden, match="second_factor_required"):
        give(owner, person("taker", shop.merchant.id, role=AUDITOR), CLERK, shop)


def test_a_changed_role_ends_sign_ins_and_is_told(owner: User, shop: Shop) -> None:
    finance = person("fenna", shop.merchant.id)
    finance.email = "fenna@shop.example"
    finance.save()
    client, page = signed_in(finance), f"/admin/people/user/{finance.id}/"
    assert client.get("/admin/").status_code == 200
    browser = signed_in(owner)
    browser.post(f"{page}give-role/", {"role": "clerk", "place": f"{shop.merchant.id}/every"})
    assert client.get("/admin/").status_code == 302
    assert {row.role for row in finance.roles.all()} == {"finance", "clerk"}
    browser.post(f"{page}take-role/", {"role": str(finance.roles.get(role="finance").pk)})
    assert {row.role for row in finance.roles.all()} == {"clerk"}
    assert Mail.objects.filter(to="fenna@shop.example", subject="Your roles were changed").count() == 2
    text = browser.get(f"{page}change/").content.decode()
    assert "role changed" in text


def test_an_owner_signs_a_colleague_out_and_closes_the_account(owner: User, shop: Shop) -> None:
    finance = person("fenna", shop.merchant.id)
    client, page, browser = signed_in(finance), f"/admin/people/user/{finance.id}/", signed_in(owner)
    browser.post(f"{page}end-sign-ins/")
    assert client.get("/admin/").status_code == 302
    assert SignIn.objects.get(user=finance).ended_because == "by_manager"
    client = signed_in(finance)
    browser.post(f"{page}close/")
    assert client.get("/admin/").status_code == 302
    assert not User.objects.get(pk=finance.pk).is_active
    browser.post(f"{page}open/")
    assert User.objects.get(pk=finance.pk).is_active


def test_owners_of_another_merchant_are_nowhere_near(owner: User, shop: Shop) -> None:
    stranger = signed_in(person("stranger", open_shop("Elders").merchant.id, role=OWNER))
    page = f"/admin/people/user/{owner.id}/"
    assert owner.username not in stranger.get("/admin/people/user/").content.decode()
    for name in ("change", "give-role", "close", "recover", "end-sign-ins"):
        assert stranger.post(f"{page}{name}/", {}).status_code in (403, 404), name
    clerk = signed_in(person("clerk", shop.merchant.id, role=CLERK))
    assert clerk.get("/admin/people/user/").status_code == 403


def recoverable(shop: Shop) -> User:
    user = person("fenna@shop.example", shop.merchant.id)
    user.email = user.username
    user.set_password(PASSWORD)
    user.save()
    SecondFactor.objects.create(user=user, name="app")
    return user


def test_a_lost_device_is_recovered_by_two_others_and_by_nobody_alone(owner: User, shop: Shop) -> None:
    fenna, second = recoverable(shop), person("otto", shop.merchant.id, role=OWNER)
    old, browser = signed_in(fenna), signed_in(owner)
    answer = browser.post(f"/admin/people/user/{fenna.id}/recover/", follow=True).content.decode()
    assert "A second person has to agree" in answer
    assert not OneTimeLink.objects.exists()
    assert SecondFactor.objects.filter(user=fenna).exists()
    assert Mail.objects.filter(to=fenna.email, subject="Removal of your second factor was requested").exists()

    approval = Approval.objects.get()
    with pytest.raises(Forbidden, match="own_request"):
        approvals.settle(approval_id=approval.id, user=owner, approved=True, note="")
    fenna.second_factor_at = owner.second_factor_at
    with pytest.raises(Forbidden, match="own_roles"):
        approvals.settle(approval_id=approval.id, user=fenna, approved=True, note="")
    signed_in(second).post(f"/admin/people/approval/{approval.id}/decide/", {"decision": "approve"})

    assert old.get("/admin/").status_code == 302
    link = letter_to(fenna.email).split("/")[-2]
    for page in (f"/admin/people/user/{fenna.id}/change/", "/admin/people/approval/", "/admin/notify/mail/"):
        assert link not in browser.get(page).content.decode()
    joins(fenna.email)
    assert SecondFactor.objects.filter(user=fenna).count() == 1
    behind = AuditLog.objects.filter(action="one_time_link.used", object_id=fenna.id).values_list("actor", flat=True)
    assert set(behind) == {owner.id, second.id}


def test_who_had_a_colleague_recovered_is_no_independent_colleague_of_theirs(owner: User, shop: Shop) -> None:
    fenna, second = recoverable(shop), person("otto", shop.merchant.id, role=OWNER)
    colleagues.ask_recovery(fenna, merchant_id=shop.merchant.id, by=owner)
    approvals.settle(approval_id=Approval.objects.get().id, user=second, approved=True, note="")
    joins(fenna.email)
    waiting = approvals.request(
        subject=shop.merchant,
        action=Approval.Action.WRITE_OFF,
        merchant_id=shop.merchant.id,
        channel_id=None,
        requested_by=owner.id,
    )
    fenna = User.objects.get(pk=fenna.pk)
    fenna.second_factor_at = owner.second_factor_at
    with pytest.raises(Forbidden, match="not_independent"):
        approvals.decide(subject_id=waiting.subject_id, action="write_off", user=fenna, approved=True, note="")


def test_a_role_with_a_channel_of_another_merchant_opens_neither(shop: Shop) -> None:
    elsewhere = open_shop("Elders")
    theirs = elsewhere.pay_cash(1_000).order
    crooked = person("crooked", shop.merchant.id, role=CLERK, channel_id=elsewhere.store.id)
    seen = Order.objects.filter(within(crooked, May.SEE, channel="payments__channel_id"))
    assert theirs not in seen


def test_a_live_merchant_ends_the_demos_factors(shop: Shop) -> None:
    root = User.objects.create_superuser("demo")
    SecondFactor.objects.create(user=root, name="demo", demo=True)
    client = signed_in(root)
    create_setup.create_merchant(name="Echt", mode="live", actor="command")
    assert not second_factors.has_one(root)
    assert client.get("/admin/").status_code == 302


def command(name: str, *arguments: str) -> dict[str, Any]:
    import io
    import json

    from django.core.management import call_command

    out = io.StringIO()
    call_command(name, *arguments, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_the_first_person_joins_by_the_link_that_a_command_prints(shop: Shop) -> None:
    printed = command("invite", "--superuser", "--email", "first@shop.example", "--name", "Anna First")
    assert printed["link"].split("/admin/")[1] == letter_to("first@shop.example").split("/admin/")[1]
    assert joins("first@shop.example").get("/admin/").status_code == 200
    user = User.objects.get(username="first@shop.example")
    assert (user.is_superuser, user.first_name, user.last_name) == (True, "Anna", "First")

    recovered = command("recover_person", "first@shop.example")
    assert Client().get("/admin/" + recovered["link"].split("/admin/")[1]).status_code == 200
    command("invite", "--merchant", shop.merchant.id, "--role", "finance", "--email", "fenna@shop.example")
    assert Role.objects.get(user__username="fenna@shop.example").role == "finance"


def test_django_s_own_command_prints_a_link_too(capsys: pytest.CaptureFixture[str]) -> None:
    from django.core.management import call_command

    call_command("createsuperuser", "--noinput", "--username", "root", "--email", "root@shop.example")
    assert "/admin/join/" in capsys.readouterr().out


def test_roles_are_offered_with_the_least_rights_first_and_each_says_what_it_may() -> None:
    offered = [role.value for role in colleagues.LEAST_FIRST]
    assert offered == [*("service", "clerk", "store_manager", "finance", "controller", "developer", "auditor"), "owner"]
    assert set(MEANS) == set(GRANTS) == set(Role.Name)


def test_who_may_move_money_or_make_a_key_signs_in_with_a_second_factor() -> None:
    looks = {name for name in Role.Name if GRANTS[name] <= LOOKING}
    assert looks == {Role.Name.AUDITOR}


def test_what_the_added_roles_may_do() -> None:
    service, controller, developer = (
        GRANTS[name] for name in (Role.Name.SERVICE, Role.Name.CONTROLLER, Role.Name.DEVELOPER)
    )
    assert May.SERVE in service
    assert May.REFUND not in service | controller | developer
    assert {May.APPROVE_CORRECTIONS, May.RESOLVE, May.SEE_BOOKS} <= controller
    assert not {May.MANAGE_SETTINGS, May.MANAGE_USERS, May.MANAGE_KEYS} & controller
    assert developer == {May.SEE, May.MANAGE_KEYS, May.MANAGE_WEBHOOKS}
