"""Who has no account: a manager adds them, they choose their own code at the tablet, and are somebody with limits."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden, ValidationFailed
from payments.people.models import AuditLog, Role, User
from payments.people.services import second_person
from payments.services import colleagues
from terminals.models import CounterSignIn, StaffCode
from terminals.services.counter.members import NewMember, Started, add_member, give_starter_code
from terminals.services.counter.staff_codes import withdraw
from tests.builders import Shop
from tests.counter.cast import Tablet, pair_tablet, text
from tests.people.cast import person, signed_in
from tests.responses import ClientResponse

OWN = "161803"


@pytest.fixture
def manager(shop: Shop) -> User:
    return person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)


@pytest.fixture
def fleur(shop: Shop, manager: User) -> Started:
    """She has been added, and holds her starter code."""
    return add_member(NewMember(name="Fleur de Wit", role=Role.Name.CLERK), channel=shop.store, actor=manager)


def starts(tablet: Tablet, made: Started) -> str:
    """Type the starter code; the ticket on the page that asks for one's own."""
    answer = tablet.signs_in(made.row.user, made.starter_code)
    assert "Choose your own code" in text(answer)
    assert tablet.opens("/counter/").status_code == 302  # nobody is signed in by it
    return tablet.fields(answer)["ticket"]


def chooses(tablet: Tablet, ticket: str, code: str = OWN, again: str = OWN) -> ClientResponse:
    return tablet.sends("/counter/first-code", ticket=ticket, code=code, again=again)


def test_a_manager_adds_somebody_on_the_stores_page_and_never_knows_their_code(shop: Shop, manager: User) -> None:
    browser, path = signed_in(manager), f"/admin/payments/channel/{shop.store.id}/add-staff/"
    assert "../add-staff/" in browser.get(f"/admin/payments/channel/{shop.store.id}/change/").content.decode()
    assert browser.post(path, {"name": "Fleur de Wit", "role": "owner"}).status_code == 422
    done = text(browser.post(path, {"name": "Fleur de Wit", "role": "clerk", "language": "en"}, follow=True))
    (code,) = re.findall(r"Starter code for Fleur de Wit: (\d{4} \d{4})", done)
    row = StaffCode.objects.get()
    assert "waits for its person" in text(browser.get("/admin/terminals/staffcode/"))
    tablet = pair_tablet(shop.store)
    ticket = starts(tablet, Started(row, code.replace(" ", "")))
    assert chooses(tablet, ticket).status_code == 302
    assert "Fleur" in tablet.reads("/counter/")
    tablet.sends("/counter/sign-out")
    assert tablet.signs_in(row.user, OWN).status_code == 302
    assert tablet.signs_in(row.user, code.replace(" ", "")).status_code == 401
    written = set(AuditLog.objects.filter(actor=manager.id).values_list("action", flat=True))
    assert {"staff.added", "staff_code.given"} <= written
    assert OWN not in str(list(AuditLog.objects.values_list("after", flat=True)))


def test_it_takes_a_fresh_second_factor_and_a_manager_of_this_store(shop: Shop, manager: User, anna: User) -> None:
    path = f"/admin/payments/channel/{shop.store.id}/add-staff/"
    form = {"name": "Fleur", "role": "clerk"}
    assert "second-factor" in signed_in(manager, proved=False).post(path, form)["Location"]
    assert signed_in(anna).post(path, form).status_code == 403
    manager.second_factor_at = None
    with pytest.raises(Forbidden, match="second_factor_required"):
        add_member(NewMember(name="Fleur", role=Role.Name.CLERK), channel=shop.store, actor=manager)
    anna.second_factor_at = timezone.now()
    with pytest.raises(Forbidden, match="permission_missing"):
        add_member(NewMember(name="Fleur", role=Role.Name.CLERK), channel=shop.store, actor=anna)
    assert User.objects.filter(is_staff=False).count() == 0


@pytest.mark.parametrize(
    "member",
    [
        NewMember(name="  ", role=Role.Name.CLERK),
        NewMember(name="x" * 151, role=Role.Name.CLERK),
        NewMember(name="Fleur", role=Role.Name.STORE_MANAGER),
        NewMember(name="Fleur", role=Role.Name.CLERK, language="xx"),
    ],
)
def test_who_is_nobody_that_a_counter_has_is_refused(shop: Shop, manager: User, member: NewMember) -> None:
    manager.second_factor_at = timezone.now()
    with pytest.raises(ValidationFailed):
        add_member(member, channel=shop.store, actor=manager)


def test_a_starter_code_works_once_for_a_day_and_at_the_browser_where_it_was_typed(
    shop: Shop, tablet: Tablet, fleur: Started
) -> None:
    ticket = starts(tablet, fleur)
    assert "is used, or too old" in text(chooses(pair_tablet(shop.store), ticket))
    assert chooses(tablet, "made up").status_code == 401
    assert "nobody tries first" in text(chooses(tablet, ticket, "123456", "123456"))
    assert "The two codes differ" in text(chooses(tablet, ticket, OWN, "161804"))
    second = starts(pair_tablet(shop.store), fleur)
    assert second != ticket
    assert chooses(tablet, ticket).status_code == 302
    assert "is used, or too old" in text(chooses(tablet, ticket, "314159", "314159"))
    assert tablet.signs_in(fleur.row.user, OWN).status_code == 302


def test_a_starter_code_ends(tablet: Tablet, fleur: Started) -> None:
    ticket = starts(tablet, fleur)
    StaffCode.objects.filter(id=fleur.row.id).update(starter_expires_at=timezone.now() - timedelta(seconds=1))
    assert "is used, or too old" in text(chooses(tablet, ticket))
    assert tablet.signs_in(fleur.row.user, fleur.starter_code).status_code == 401


def test_guessing_a_starter_code_is_slowed_and_locks(tablet: Tablet, fleur: Started) -> None:
    answers = [tablet.signs_in(fleur.row.user, f"3141592{digit}").status_code for digit in range(7)]
    assert answers == [401] * 5 + [429] * 2
    StaffCode.objects.update(failures=StaffCode.MOST_FAILURES)
    fresh = pair_tablet(fleur.row.channel)
    locked = fresh.signs_in(fleur.row.user, fleur.starter_code)
    assert locked.status_code == 403
    assert "Ask your manager for a starter code" in text(locked)


def test_who_forgot_their_code_gets_another_starter_code_and_is_signed_out(
    shop: Shop, tablet: Tablet, manager: User, fleur: Started
) -> None:
    chooses(tablet, starts(tablet, fleur))
    browser = signed_in(manager)
    done = text(browser.post(f"/admin/terminals/staffcode/{fleur.row.id}/starter-code/", follow=True))
    (code,) = re.findall(r"(\d{4} \d{4})", done)
    assert tablet.opens("/counter/").status_code == 302
    assert tablet.signs_in(fleur.row.user, OWN).status_code == 401
    assert (
        chooses(tablet, starts(tablet, Started(fleur.row, code.replace(" ", ""))), "314159", "314159").status_code
        == 302
    )
    assert "Fleur" in tablet.reads("/counter/")


def test_nobody_makes_a_code_for_who_has_an_account(shop: Shop, manager: User, anna: User) -> None:
    row, page = StaffCode.objects.get(user=anna), f"/admin/terminals/staffcode/{StaffCode.objects.get().id}/"
    assert "starter-code" not in signed_in(manager).get(f"{page}change/").content.decode()
    with pytest.raises(Conflict, match="staff_code_own"):
        give_starter_code(row, actor=manager)


def test_who_leaves_is_closed_with_the_last_code(tablet: Tablet, manager: User, fleur: Started) -> None:
    chooses(tablet, starts(tablet, fleur))
    withdraw(StaffCode.objects.get(id=fleur.row.id), actor=manager.id)
    assert tablet.opens("/counter/").status_code == 302
    assert not User.objects.get(id=fleur.row.user_id).is_active
    assert AuditLog.objects.filter(action="user.closed", object_id=fleur.row.user_id, actor=manager.id).exists()
    assert CounterSignIn.objects.get().ended_because == "code"


def test_who_gave_the_starter_code_is_no_second_person_to_what_they_request(
    shop: Shop, manager: User, fleur: Started
) -> None:
    other = person("other", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)
    assert second_person.behind(fleur.row.user_id) == sorted({fleur.row.user_id, manager.id})
    give_starter_code(fleur.row, actor=other)
    assert set(second_person.behind(fleur.row.user_id)) == {fleur.row.user_id, manager.id, other.id}
    assert second_person.behind(other.id) == [other.id]


def test_they_are_nobody_in_the_admin(shop: Shop, fleur: Started) -> None:
    owner = person("owner", shop.merchant.id, role=Role.Name.OWNER)
    user = User.objects.get(id=fleur.row.user_id)
    browser = Client()
    browser.force_login(user)
    assert browser.get("/admin/").status_code == 302
    with pytest.raises(Conflict, match="email_missing"):
        colleagues.invite_again(user, merchant_id=shop.merchant.id, by=owner)
    with pytest.raises(Conflict, match="email_missing"):
        colleagues.ask_recovery(user, merchant_id=shop.merchant.id, by=owner)
    colleagues.give_role(user, merchant_id=shop.merchant.id, channel_id=None, role=Role.Name.SERVICE, by=owner)
    assert not AuditLog.objects.filter(action="one_time_link.issued").exists()
