"""Signing in: both proofs, guessers slowed before anything is hashed, owners not; and sessions that end at once."""

import io
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.test.client import RequestFactory
from django.utils import timezone
from pytest_django import Settings

from payments.core.errors import TooMany
from payments.notify.models import Mail
from payments.people.models import AuditLog, Role, SecondFactor, SignIn, User
from payments.people.origin import Origin
from payments.people.services import passwords, sign_in_attempts, sign_in_throttle, sign_ins
from payments.people.services.sign_in_throttle import Bucket, account
from payments.runtime import throttling
from tests.people.cast import code, person, signed_in

pytestmark = pytest.mark.django_db

LOGIN, CODE = "/admin/login/", "/admin/login/code/"
PASSWORD = "twelve tulips in a vase"
STRANGER = "198.51.100.7"
OFFICE = "192.0.2.1"
MERCHANT = "mer_1"


@pytest.fixture(autouse=True)
def _own_counts(settings: Settings, request: pytest.FixtureRequest) -> None:
    settings.REDIS_PREFIX += f"{request.node.name}:"
    sign_in_attempts._known._found.clear()


@pytest.fixture
def ada() -> User:
    user = person("ada@shop.example", MERCHANT, role=Role.Name.OWNER)
    user.email = user.username
    user.set_password(PASSWORD)
    user.save()
    SecondFactor.objects.create(user=user, name="app")
    return user


def browser(address: str = OFFICE) -> Client:
    return Client(REMOTE_ADDR=address, headers={"user-agent": "Firefox of " + address})


def sign_in(client: Client, user: User, **more: str) -> Any:
    """Both steps, as the person takes them."""
    SecondFactor.objects.filter(user=user).update(last_step=-1)  # half a minute later, each time
    client.post(LOGIN, {"username": user.username, "password": PASSWORD, **more})
    return client.post(CODE, {"code": code(user)})


def guess(client: Client, name: str, times: int = 1) -> Any:
    for at in range(times):
        answer = client.post(LOGIN, {"username": name, "password": f"wrong guess {at}"})
    return answer


def is_in(client: Client) -> bool:
    return client.get("/admin/account/").status_code == 200


def test_a_password_and_a_code_let_in_and_stand_in_the_log(ada: User) -> None:
    client = browser()
    answer = client.post(LOGIN, {"username": ada.username, "password": PASSWORD, "next": "/admin/account/"})
    assert answer.headers["location"] == CODE
    assert not is_in(client)
    assert client.post(CODE, {"code": "000000"}).status_code == 422
    assert not is_in(client)
    SecondFactor.objects.update(throttling_failure_count=0)
    assert client.post(CODE, {"code": code(ada)}).headers["location"] == "/admin/account/"
    assert is_in(client)
    log = AuditLog.objects.get(action="sign_in.succeeded")
    assert (log.actor, log.after["address"], log.after["second_factor"]) == (ada.id, OFFICE, True)


def test_a_code_without_a_password_just_given_opens_nothing(ada: User) -> None:
    client = browser()
    assert client.post(CODE, {"code": code(ada)}).headers["location"] == LOGIN
    client.post(LOGIN, {"username": ada.username, "password": PASSWORD})
    session = client.session
    session["pending_sign_in"] |= {"until": timezone.now().isoformat()}
    session.save()
    assert client.post(CODE, {"code": code(ada)}).headers["location"] == LOGIN
    assert not is_in(client)


def test_a_session_that_django_alone_signed_in_is_nobodys(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    assert not is_in(client)


def test_unknown_and_known_accounts_get_the_same_answers_in_the_same_time(ada: User) -> None:
    seconds = {}
    pages = {}
    for name in (ada.username, "nobody@shop.example"):
        took = []
        for at in range(3):
            began = time.process_time()
            answer = guess(browser(f"203.0.113.{at}"), name)
            took.append(time.process_time() - began)
        seconds[name] = sorted(took)[1]
        pages[name] = (answer.status_code, len(answer.content) - len(name))
        blocked = guess(browser("203.0.113.9"), name, 3)
        assert blocked.status_code == 429
    assert len(set(pages.values())) == 1
    assert 0.4 < seconds[ada.username] / seconds["nobody@shop.example"] < 2.5


TOKEN = "a" * 32
FORM = b"username=ada%40shop.example&password=wrong+guess&csrfmiddlewaretoken=" + TOKEN.encode()


def wrong_ones(times: int, *, cookie: str, addresses: Sequence[str] = (STRANGER,)) -> tuple[dict[str, int], float]:
    """Wrong sign-ins of strangers at the web application itself: how they were answered, and processor time."""
    from config.wsgi import application

    statuses: Counter[str] = Counter()
    request = RequestFactory(REMOTE_ADDR=STRANGER, headers={"cookie": cookie}).post(
        LOGIN, FORM, content_type="application/x-www-form-urlencoded"
    )
    began = time.process_time()
    for at in range(times):
        sent = {"wsgi.input": io.BytesIO(FORM), "CONTENT_LENGTH": str(len(FORM))}
        environ = request.environ | sent | {"REMOTE_ADDR": addresses[at % len(addresses)]}
        answer = application(environ, lambda status, headers: statuses.update([status[:3]]))
        list(answer)
    return dict(statuses), time.process_time() - began


def cost_of_a_hash() -> float:
    """Processor time of one password's hash, on this machine and now."""
    began = time.process_time()
    for _ in range(5):
        make_password("a long enough password")
    return (time.process_time() - began) / 5


ONE_STRANGER, BOTNET = (STRANGER,), tuple(f"10.{at >> 8}.{at & 255}.9" for at in range(10_000))


@pytest.mark.parametrize("addresses", [ONE_STRANGER, BOTNET], ids=["from one address", "from as many addresses"])
@pytest.mark.django_db(transaction=True)  # the application itself closes connections between requests
def test_ten_thousand_wrong_sign_ins_cost_less_than_a_second_and_the_owner_still_gets_in(
    ada: User, addresses: Sequence[str]
) -> None:
    known, office = browser(), browser()
    sign_in(known, ada)
    known.post("/admin/logout/")
    guess(browser("203.0.113.5"), "nobody")  # what is loaded once is no cost of a guess

    statuses, spent = wrong_ones(10_000, cookie=f"csrftoken={TOKEN}", addresses=addresses)

    assert statuses == {"422": 5, "429": 9_995}
    # Before any password is hashed: all of them cost no more than some fifty hashes do. (By itself: 0.4 s.)
    assert spent < 50 * cost_of_a_hash(), f"{spent:.2f} s of processor time"
    assert sign_in(office, ada).status_code == 302
    assert is_in(office)
    assert sign_in(known, ada).status_code == 302
    assert guess(browser("198.51.100.8"), ada.username).status_code == 429
    assert AuditLog.objects.filter(action__startswith="sign_in.").count() < 20


def test_a_guessers_name_that_no_account_can_have_is_a_wrong_one(ada: User) -> None:
    """Neither sent by a page of ours nor readable by the database."""
    stranger = Client(enforce_csrf_checks=True, REMOTE_ADDR=STRANGER)
    assert stranger.post(LOGIN, {"username": "ada\x00", "password": "wrong"}).status_code == 403


def test_an_address_is_known_from_the_first_sign_in_on(ada: User) -> None:
    """Though it was just remembered that the account had none there."""
    guess(browser(STRANGER), ada.username, 6)
    assert sign_in_attempts.buckets(ada.username, Origin(OFFICE, ""))[0].name.startswith("account:")
    sign_in_attempts._known.forget(ada.username, OFFICE)
    SignIn.objects.create(user=ada, address=OFFICE, browser="a test")
    assert sign_in_attempts.buckets(ada.username.upper(), Origin(OFFICE, ""))[0].name.startswith("known:")


@pytest.mark.django_db(transaction=True)  # the application itself closes connections between requests
def test_guesses_that_come_from_no_page_of_ours_count_too(ada: User) -> None:
    statuses, _spent = wrong_ones(30, cookie="")
    assert statuses == {"403": 5, "429": 25}


def test_a_thousand_from_as_many_addresses_try_five_passwords(ada: User) -> None:
    tried = refused = 0
    for at in range(1_000):
        try:
            sign_in_attempts.check(name=ada.username, password="wrong", origin=Origin(f"10.1.{at >> 8}.{at & 255}", ""))
            tried += 1
        except TooMany:
            refused += 1
    assert (tried, refused) == (5, 995)
    assert AuditLog.objects.count() <= 7


def test_a_device_that_is_known_is_let_in_beside_a_guesser_at_its_own_address(ada: User) -> None:
    client = browser()
    sign_in(client, ada)
    client.post("/admin/logout/")
    guess(browser(OFFICE), ada.username, 15)
    assert sign_in(browser(OFFICE), ada).status_code == 302
    assert not is_in(browser(OFFICE))
    assert sign_in(client, ada).status_code == 302
    assert is_in(client)


def test_a_forged_device_is_none(ada: User) -> None:
    client = browser(STRANGER)
    client.cookies["device"] = "forged:1:2"
    assert guess(client, ada.username, 7).status_code == 429


def test_all_processes_count_together(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket("shared", 2)
    assert [sign_in_throttle.attempt([bucket]) for _ in range(2)] == [None, None]
    another_process = sign_in_throttle._Memory()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sign_in_throttle, "_memory", another_process)
        block = sign_in_throttle.attempt([bucket])
    assert block is not None
    assert block.begins
    assert sign_in_throttle.blocked([bucket]) == 0  # this one has not heard of it
    block = sign_in_throttle.attempt([bucket])
    assert block is not None
    assert not block.begins


def test_each_further_block_is_longer(ada: User) -> None:
    waits = []
    for _ in range(6):
        sign_in_throttle._memory._until.clear()
        throttling.client().delete(f"{sign_in_throttle._key(Bucket('again', 0))}:wait")
        block = sign_in_throttle.attempt([Bucket("again", 0)])
        assert block is not None
        waits.append(block.seconds)
    assert waits == [60, 120, 240, 480, 900, 900]


def test_without_redis_each_process_counts_by_itself(ada: User, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"
    throttling.client.cache_clear()
    try:
        answers = [sign_in_throttle.attempt([Bucket("alone", 3)]) for _ in range(5)]
    finally:
        throttling.client.cache_clear()
    assert [answer is None for answer in answers] == [True, True, True, False, False]


def test_failures_stand_in_the_log_with_their_address_and_cannot_flood_it(ada: User) -> None:
    guess(browser(STRANGER), ada.username)
    failed = AuditLog.objects.get(action="sign_in.failed")
    assert (failed.object_id, failed.after["address"]) == (ada.id, STRANGER)
    guess(browser("198.51.100.9"), "my secret password typed in the wrong field")
    assert "secret" not in str(list(AuditLog.objects.values()))

    for at in range(300):
        sign_in_attempts.note("sign_in.failed", ada, Origin(f"198.51.100.{at % 250}", ""))
    assert AuditLog.objects.filter(action="sign_in.failed").count() == 100
    assert AuditLog.objects.filter(action="sign_in.failures_unlisted").count() == 1


def test_idle_for_twelve_hours_and_a_day_at_most(ada: User, settings: Settings) -> None:
    for change in (
        {"last_seen_at": timezone.now() - timedelta(hours=12, minutes=1)},
        {"created_at": timezone.now() - timedelta(hours=24, minutes=1)},
    ):
        client = signed_in(ada)
        assert is_in(client)
        SignIn.objects.update(**change)
        assert not is_in(client)
    settings.SESSION_IDLE_MINUTES = 30
    client = signed_in(ada)
    SignIn.objects.update(last_seen_at=timezone.now() - timedelta(minutes=29))
    assert is_in(client)
    SignIn.objects.update(last_seen_at=timezone.now() - timedelta(minutes=31))
    assert not is_in(client)


def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(ada: User) -> None:
    client = signed_in(ada)
    earlier = timezone.now() - timedelta(minutes=14)
    SignIn.objects.update(last_seen_at=earlier)
    assert client.get("/admin/live/").status_code == 200
    assert SignIn.objects.get().last_seen_at == earlier
    client.get("/admin/account/")
    assert SignIn.objects.get().last_seen_at > earlier


def test_ones_sign_ins_are_listed_and_ended(ada: User) -> None:
    here, there = browser(), browser(STRANGER)
    sign_in(here, ada)
    sign_in(there, ada)
    listed = here.get("/admin/account/").content.decode()
    assert "Firefox of " + STRANGER in listed
    assert "this browser" in listed
    assert Mail.objects.filter(to=ada.email, subject="You signed in from a new address").count() == 1

    other = SignIn.objects.get(address=STRANGER)
    stranger = signed_in(person("bob", MERCHANT))
    stranger.post("/admin/account/end/", {"sign_in": other.id})
    assert is_in(there)
    here.post("/admin/account/end/", {"sign_in": other.id})
    assert not is_in(there)
    third = signed_in(ada)
    here.post("/admin/account/end/")
    assert is_in(here)
    assert not is_in(third)


def test_a_changed_password_ends_every_other_sign_in_and_is_told(ada: User) -> None:
    here, there = signed_in(ada), signed_in(ada)
    form = {"password": "another sentence of words", "password_again": "another sentence of words"}
    assert here.post("/admin/password_change/", {**form, "old_password": "wrong"}).status_code == 422
    assert here.post("/admin/password_change/", {**form, "old_password": PASSWORD}).status_code == 302
    assert is_in(here)
    assert not is_in(there)
    assert Mail.objects.filter(to=ada.email, subject="Your password was changed").exists()


def test_a_guesser_in_a_stolen_session_is_slowed_at_the_password_too(ada: User) -> None:
    client = signed_in(ada)
    form = {"password": "another sentence of words", "password_again": "another sentence of words"}
    answers = [client.post("/admin/password_change/", {**form, "old_password": f"no {at}"}) for at in range(12)]
    assert answers[-1].status_code == 429


def test_signing_out_ends_it_for_good(ada: User) -> None:
    client = browser()
    sign_in(client, ada)
    stolen = client.cookies["sessionid"].value
    client.post("/admin/logout/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not is_in(thief)
    assert SignIn.objects.get().ended_because == "signed_out"


def test_after_a_restore_nobody_is_signed_in(ada: User) -> None:
    client = signed_in(ada)
    assert sign_ins.end_all(SignIn.Ended.RESTORED) == 1
    assert not is_in(client)


def test_what_was_typed_survives_signing_in_again_for_its_writer_alone(ada: User) -> None:
    client = browser()
    sign_in(client, ada)
    SignIn.objects.update(last_seen_at=timezone.now() - timedelta(hours=13))
    typed = {"reason": "Broken stem.", "password": "not kept", "lines": ["1", "2"]}
    assert client.post("/admin/payments/payment/pay_1/refund/?from=list", typed).status_code == 302
    assert "Broken" not in str(dict(client.session))

    assert sign_in(client, ada).headers["location"] == "/admin/kept-form/"
    offered = client.get("/admin/kept-form/").content.decode()
    assert 'action="/admin/payments/payment/pay_1/refund/?from=list"' in offered
    assert 'name="reason" value="Broken stem."' in offered
    assert offered.count('name="lines"') == 2
    assert "not kept" not in offered
    assert client.get("/admin/kept-form/").status_code == 302

    SignIn.objects.update(last_seen_at=timezone.now() - timedelta(hours=13))
    client.post("/admin/payments/payment/pay_1/refund/", typed)
    other = person("bob", MERCHANT)
    other.set_password(PASSWORD)
    other.save()
    SecondFactor.objects.create(user=other, name="app")
    sign_in(client, other)
    assert "Broken" not in client.get("/admin/kept-form/", follow=True).content.decode()


def test_a_forgotten_password_is_set_by_letter_and_factor_and_says_nothing_of_who_exists(ada: User) -> None:
    client = browser(STRANGER)
    answers = {
        client.post("/admin/login/forgot/", {"email": name}).status_code for name in (ada.email, "no@body.example")
    }
    assert answers == {302}
    letter = Mail.objects.get(subject="A new password for Onetill")
    assert "/admin/join/" not in letter.text
    assert letter.sealed is not None
    path = "/admin/" + letter.sealed.partition("/admin/")[2].split()[0]
    form = {"password": "another sentence of words", "password_again": "another sentence of words"}
    assert client.post(path, {**form, "code": "000000"}).status_code in (200, 422)
    assert client.get(path).status_code == 200
    assert client.post(path, {**form, "code": "000000"}).status_code == 422
    assert User.objects.get(pk=ada.pk).check_password(PASSWORD)
    SecondFactor.objects.update(throttling_failure_count=0)
    assert client.post(path, {**form, "code": code(ada)}).status_code == 302
    assert is_in(client)
    assert client.get(path).status_code == 404


def test_passwords_of_before_are_hashed_anew(ada: User) -> None:
    from django.contrib.auth.hashers import make_password

    User.objects.update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    assert sign_in_attempts.check(name=ada.username, password=PASSWORD, origin=Origin(OFFICE, ""))
    assert User.objects.get(pk=ada.pk).password.startswith("argon2$argon2id$")
    passwords.change(ada, "another sentence of words", actor=ada.pk)
    assert account(ada.username) == account(ada.username.upper())
