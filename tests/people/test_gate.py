"""The gate before sensitive actions: a password is not enough, a key is no person, a refusal is written down."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.core.errors import Forbidden, NotFound
from payments.notify.models import Mail
from payments.people.actions import RULES, Action, SecondPerson
from payments.people.actors import Caller
from payments.people.models import Approval, AuditLog, Role, User
from payments.people.scopes import SCOPES
from payments.people.services import api_keys, gate, notices
from payments.people.services.notices import Notice
from tests.people.cast import person

pytestmark = pytest.mark.django_db

MERCHANT = "mer_00000000000000000000000001"
OTHER_MERCHANT = "mer_00000000000000000000000002"
FRESH = [action for action, rule in RULES.items() if rule.fresh_factor]
KEY = Caller("key_1", MERCHANT, None, False, SCOPES)


def refused(action: Action, by: User | Caller | str, merchant_id: str | None = MERCHANT) -> str:
    with pytest.raises(Forbidden) as refusal:
        gate.check(action, by=by, merchant_id=merchant_id)
    return refusal.value.code


def test_every_action_has_its_line_in_the_table() -> None:
    assert set(RULES) == set(Approval.Action)


@pytest.mark.parametrize("action", FRESH)
def test_a_password_alone_does_nothing_sensitive(action: Action) -> None:
    phished = person("owner", MERCHANT, role=Role.Name.OWNER, proved=False)
    assert refused(action, phished) == "second_factor_required"
    phished.second_factor_at = timezone.now() - timedelta(minutes=15)
    assert refused(action, phished) == "second_factor_required"
    phished.second_factor_at = timezone.now()
    gate.check(action, by=phished, merchant_id=MERCHANT)


@pytest.mark.parametrize("action", FRESH)
def test_nor_does_a_superusers(action: Action) -> None:
    root = User.objects.create_superuser("root")
    assert refused(action, root) == "second_factor_required"


@pytest.mark.parametrize("action", list(Action))
def test_who_has_the_role_elsewhere_has_it_not_here(action: Action) -> None:
    stranger = person("stranger", OTHER_MERCHANT, role=Role.Name.OWNER)
    assert refused(action, stranger) == "permission_missing"
    assert refused(action, person("auditor", MERCHANT, role=Role.Name.AUDITOR)) == "permission_missing"
    log = AuditLog.objects.get(actor=stranger.id)
    assert (log.action, log.merchant_id) == (f"{action}.refused", MERCHANT)


@pytest.mark.parametrize("action", [action for action, rule in RULES.items() if rule.scope is None])
def test_a_stolen_key_with_every_scope_makes_no_keys_and_no_users_and_releases_nothing(action: Action) -> None:
    assert refused(action, KEY) == "person_required"


def test_a_key_reaches_no_other_merchant_and_no_other_channel() -> None:
    with pytest.raises(NotFound):
        gate.check(Action.CHANGE_SETTINGS, by=KEY, merchant_id=OTHER_MERCHANT)
    tied = Caller("key_1", MERCHANT, "chn_1", False, SCOPES)
    assert refused(Action.CHANGE_MONEY_RULES, tied) == "channel_not_allowed"
    bare = Caller("key_1", MERCHANT, None, False, ("payments:read",))
    assert refused(Action.CHANGE_MONEY_RULES, bare) == "scope_missing"


def test_an_id_has_proved_nothing() -> None:
    owner = person("owner", MERCHANT, role=Role.Name.OWNER)
    gate.check(Action.CHANGE_SETTINGS, by=owner.id, merchant_id=MERCHANT)
    assert refused(Action.CHANGE_SETTINGS, person("elsewhere", OTHER_MERCHANT).id) == "permission_missing"
    assert refused(Action.CHANGE_MONEY_RULES, owner.id) == "second_factor_required"
    key = api_keys.create(merchant_id=MERCHANT, test_mode=True, scopes=["all"], actor="command").key
    assert refused(Action.RELEASE_TRANSFER, key.id) == "person_required"
    gate.check(Action.CHANGE_MONEY_RULES, by="command", merchant_id=MERCHANT)


def test_about_the_installation_only_superusers_do_anything() -> None:
    owner = person("owner", MERCHANT, role=Role.Name.OWNER)
    assert refused(Action.TAKE_SECOND_FACTOR, owner, None) == "permission_missing"


@pytest.mark.parametrize("live", [False, True])
def test_when_another_person_has_to_agree(live: bool) -> None:
    class Merchant:
        id, test_mode, second_person_above, decides_alone_from = MERCHANT, not live, 5_000, None

    owner = person("owner", MERCHANT, role=Role.Name.OWNER)
    for action, rule in RULES.items():
        low, high = (gate.waits(action, by=owner, merchant=Merchant(), amount=amount) for amount in (5_000, -5_001))
        expected = {
            SecondPerson.NEVER: (False, False),
            SecondPerson.LIVE: (live, live),
            SecondPerson.ABOVE_LIMIT: (False, True),
            SecondPerson.ALWAYS: (True, True),
        }
        assert (low, high) == expected[rule.second_person], action


def test_nobody_makes_or_rolls_a_key_in_ones_name_unseen() -> None:
    ada, bob = (person(name, MERCHANT, role=Role.Name.OWNER) for name in ("ada", "bob"))
    User.objects.filter(id=ada.id).update(email="ada@example.com", language="nl")
    User.objects.filter(id=bob.id).update(email="bob@example.com")
    new = api_keys.create(merchant_id=MERCHANT, test_mode=False, scopes=["all"], actor=ada, label="Till")
    assert "Till" in Mail.objects.get(to="ada@example.com").text
    assert new.text not in Mail.objects.get().text

    api_keys.roll(key_id=new.key.id, merchant_id=MERCHANT, actor=bob)
    assert Mail.objects.filter(to="ada@example.com").count() == 2
    mail = Mail.objects.filter(to="ada@example.com").latest("id")
    assert (mail.subject, "bob" in mail.text) == ("Een API-sleutel is vervangen", True)
    assert Mail.objects.get(to="bob@example.com").subject == "An API key was rolled"


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("notice", list(Notice))
def test_every_notice_reads_in_both_languages(notice: Notice, language: str) -> None:
    ada = User.objects.create_user("ada", email="ada@example.com", language=language)
    notices.send([ada], notice, about=ada, merchant_id=None, by="command", what="<ada & co>")
    mail = Mail.objects.get()
    assert "<ada & co>" in mail.text
    assert "%(" not in mail.subject + mail.text
    assert ("Door: command" if language == "nl" else "By: command") in mail.text
