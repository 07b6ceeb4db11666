"""Who gets to the counter: a browser that was paired by its manager, and a person with their own code."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from payments.core.errors import Conflict, Forbidden, Invalid, OnetillError, ValidationFailed
from payments.people.models import AuditLog, Role, User
from terminals.models import CounterBrowser, CounterSignIn, StaffCode
from terminals.services.counter.pair import offer, unpair
from terminals.services.counter.staff_codes import choose, withdraw
from tests.builders import BY, Shop, open_shop
from tests.counter.cast import CODE, Tablet, pair_tablet, signed_in, staff, text
from tests.people.cast import person

MINUTE = timedelta(minutes=1)


def left_alone(minutes: int) -> None:
    """Nobody touches any tablet for so long."""
    CounterSignIn.objects.update(last_seen_at=timezone.now() - minutes * MINUTE)


def test_a_browser_is_paired_once_by_the_code_from_the_admin(shop: Shop) -> None:
    code = offer(channel=shop.store, label="Tablet", actor=BY).pairing_code
    first, second = Client(), Client()
    paired = first.post("/counter/pair", {"code": f" {code[:4].lower()}-{code[4:]} "})
    assert (paired.status_code, paired["Location"]) == (302, "/counter/sign-in")
    again = second.post("/counter/pair", {"code": code}, follow=True)
    assert again.status_code == 422
    assert "wrong, used or expired" in text(again)
    assert second.get("/counter/")["Location"] == "/counter/pair"
    assert "Bloem Utrecht" in text(first.get("/counter/sign-in"))


def test_a_pairing_code_expires_and_guessers_wait(shop: Shop) -> None:
    code = offer(channel=shop.store, label="Tablet", actor=BY).pairing_code
    CounterBrowser.objects.update(pairing_expires_at=timezone.now() - MINUTE)
    guesser = Client(REMOTE_ADDR="203.0.113.9")
    statuses = [guesser.post("/counter/pair", {"code": code}, follow=True).status_code for _ in range(12)]
    assert statuses[0] == 422
    assert statuses[-1] == 429


def test_what_a_browser_keeps_is_no_use_to_who_reads_the_database(shop: Shop, tablet: Tablet, anna: User) -> None:
    tablet.signs_in(anna)
    kept = {name: tablet.browser.cookies[name] for name in ("counter_browser", "counter_sign_in")}
    stored = {
        *CounterBrowser.objects.values_list("token_hash", flat=True),
        *CounterSignIn.objects.values_list("token_hash", flat=True),
    }
    for cookie in kept.values():
        assert cookie["path"] == "/counter/"
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie.value not in stored


def test_anna_signs_in_with_her_code_and_is_written_down(tablet: Tablet, anna: User) -> None:
    assert "Anna" in tablet.reads("/counter/sign-in")
    assert tablet.opens("/counter/")["Location"] == "/counter/sign-in?next=%2Fcounter%2F"
    assert tablet.signs_in(anna)["Location"] == "/counter/"
    assert "Find an order" in tablet.reads("/counter/")
    entry = AuditLog.objects.get(action="counter.signed_in")
    assert (entry.object_id, entry.after) == (tablet.row.id, {"user": anna.id})


def test_a_wrong_code_opens_nothing_and_says_no_more_than_that(tablet: Tablet, anna: User) -> None:
    answer = tablet.signs_in(anna, "314159")
    assert answer.status_code == 401
    assert "This is not your code for this store." in text(answer)
    nobody = tablet.sends("/counter/sign-in", person="usr_nobody", code=CODE)
    assert (nobody.status_code, text(nobody).replace("usr_nobody", "")) == (401, text(answer))
    assert tablet.opens("/counter/").status_code == 302
    assert AuditLog.objects.filter(action="counter.sign_in_failed").count() == 1


def test_guessing_is_slowed_for_the_person_the_browser_and_the_store(shop: Shop, tablet: Tablet, anna: User) -> None:
    answers = [tablet.signs_in(anna, f"31415{digit}") for digit in range(7)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2
    assert int(answers[-1]["Retry-After"]) > 0
    assert tablet.signs_in(anna).status_code == 429  # the right one is not looked at either
    ben = staff("ben", shop.store)
    assert tablet.signs_in(ben).status_code == 302  # a colleague is not locked out by it
    assert pair_tablet(shop.store).signs_in(anna).status_code == 302  # nor Anna at another counter
    many = [pair_tablet(shop.store) for _ in range(9)]
    of_store = [each.signs_in(ben, "314159").status_code for each in many for _ in range(5)]
    assert 429 in of_store


def test_a_code_that_was_guessed_at_too_often_is_locked_until_its_person_chooses_another(
    shop: Shop, tablet: Tablet, anna: User
) -> None:
    StaffCode.objects.update(failures=StaffCode.MOST_FAILURES)
    answer = tablet.signs_in(anna)
    assert answer.status_code == 403
    assert "Choose another code in the admin" in text(answer)
    choose(user=anna, channel=shop.store, code="161803")
    assert tablet.signs_in(anna, "161803").status_code == 302


def test_the_next_person_takes_over_and_signing_out_ends_it(shop: Shop, at_counter: Tablet) -> None:
    first = at_counter.browser.cookies["counter_sign_in"].value
    ben = staff("ben", shop.store)
    at_counter.signs_in(ben)
    assert "Ben" in at_counter.reads("/counter/")
    at_counter.browser.cookies["counter_sign_in"] = first
    assert at_counter.opens("/counter/").status_code == 302
    at_counter.signs_in(ben)
    at_counter.sends("/counter/sign-out")
    assert at_counter.opens("/counter/").status_code == 302
    assert set(CounterSignIn.objects.values_list("ended_because", flat=True)) == {"next_person", "signed_out"}


def test_a_sign_in_ends_when_nobody_touches_the_tablet(at_counter: Tablet) -> None:
    left_alone(4)
    CounterBrowser.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    assert at_counter.opens("/counter/").status_code == 200
    seen = at_counter.row.last_seen_at
    assert seen is not None
    assert seen > timezone.now() - MINUTE  # a manager sees which tablet is in use
    left_alone(4)
    assert at_counter.opens("/counter/", unattended="").status_code == 200  # what the page asks by itself
    left_alone(5)
    assert at_counter.opens("/counter/", unattended="").status_code == 401
    assert at_counter.opens("/counter/").status_code == 302


def test_what_the_page_asks_by_itself_keeps_nobody_signed_in(at_counter: Tablet) -> None:
    left_alone(4)
    at_counter.opens("/counter/", unattended="")
    assert CounterSignIn.objects.get().last_seen_at < timezone.now() - 3 * MINUTE


def test_a_sign_in_ends_after_a_working_day(at_counter: Tablet) -> None:
    CounterSignIn.objects.update(created_at=timezone.now() - timedelta(hours=10))
    assert at_counter.opens("/counter/").status_code == 302


def test_a_lost_tablet_is_unpaired_and_ends_at_once(at_counter: Tablet) -> None:
    unpair(at_counter.row, actor=BY)
    assert at_counter.opens("/counter/")["Location"] == "/counter/pair"
    assert at_counter.sends("/counter/sign-in", person="x", code=CODE)["Location"] == "/counter/pair"
    assert CounterSignIn.objects.get().ended_because == "unpaired"
    with pytest.raises(Conflict):
        unpair(at_counter.row, actor=BY)


def test_losing_the_role_the_account_or_the_code_ends_it_at_once(shop: Shop, anna: User) -> None:
    for loses in (
        lambda: Role.objects.filter(user=anna).update(role="auditor"),
        lambda: User.objects.filter(id=anna.id).update(is_active=False),
        lambda: withdraw(StaffCode.objects.get(user=anna), actor=anna.id),
        lambda: choose(user=anna, channel=shop.store, code="161803"),
        lambda: type(shop.store).objects.filter(id=shop.store.id).update(active=False),
    ):
        tablet = signed_in(shop.store, anna)
        loses()
        assert tablet.opens("/counter/").status_code == 302
        Role.objects.filter(user=anna).update(role="clerk")
        User.objects.filter(id=anna.id).update(is_active=True)
        type(shop.store).objects.filter(id=shop.store.id).update(active=True)
        choose(user=anna, channel=shop.store, code=CODE)


def test_nobody_but_its_person_chooses_a_code_and_only_with_a_second_factor(shop: Shop, anna: User) -> None:
    anna.second_factor_at = None
    with pytest.raises(Forbidden, match="second_factor_required"):
        choose(user=anna, channel=shop.store, code="161803")
    auditor = person("auditor", shop.merchant.id, role=Role.Name.AUDITOR)
    with pytest.raises(Forbidden, match="permission_missing"):
        choose(user=auditor, channel=shop.store, code="161803")
    stranger = person("stranger", open_shop("Other").merchant.id, role=Role.Name.OWNER)
    with pytest.raises(Forbidden, match="permission_missing"):
        choose(user=stranger, channel=shop.store, code="161803")
    with pytest.raises(Forbidden, match="permission_missing"):
        withdraw(StaffCode.objects.get(user=anna), actor=stranger.id)


@pytest.mark.parametrize("code", ["", "12345", "123456", "654321", "111111", "121212", "27182x", "२७१८२८", "1" * 11])
def test_a_code_that_everybody_tries_first_is_refused(shop: Shop, anna: User, code: str) -> None:
    with pytest.raises(ValidationFailed):
        choose(user=anna, channel=shop.store, code=code)


def test_a_webshop_has_no_counter(shop: Shop, anna: User) -> None:
    with pytest.raises(Invalid, match="channel_kind"):
        offer(channel=shop.webshop, label="Tablet", actor=BY)


def test_a_code_is_good_in_its_own_store_alone(shop: Shop, anna: User) -> None:
    other = open_shop("Other")
    Role.objects.create(user=anna, merchant_id=other.merchant.id, role="clerk")
    tablet = pair_tablet(other.store)
    assert "Anna" not in tablet.reads("/counter/sign-in")
    assert tablet.signs_in(anna).status_code == 401


def test_only_managers_of_the_stores_terminals_pair_and_unpair(shop: Shop, tablet: Tablet, anna: User) -> None:
    manager = person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)
    for act in (
        lambda who: offer(channel=shop.store, label="Mine", actor=who),
        lambda who: unpair(tablet.row, actor=who),
    ):
        with pytest.raises(OnetillError, match="permission_missing"):
            act(anna.id)
    offer(channel=shop.store, label="Hers", actor=manager.id)
    unpair(CounterBrowser.objects.earliest("id"), actor=manager.id)


def test_forms_of_other_sites_do_nothing(shop: Shop, anna: User) -> None:
    tablet = pair_tablet(shop.store, csrf=True)
    assert tablet.sends("/counter/pair", code="ABCDEFGH").status_code == 403
    assert tablet.sends("/counter/sign-in", person=anna.id, code=CODE).status_code == 403
    assert tablet.sends("/counter/sign-out").status_code == 403


def test_a_counter_sign_in_opens_nothing_of_the_admin(at_counter: Tablet) -> None:
    assert at_counter.opens("/admin/").status_code == 302
    assert "sessionid" not in at_counter.browser.cookies


def test_a_typed_form_survives_signing_in_again(shop: Shop, at_counter: Tablet, anna: User) -> None:
    order = shop.pay_cash(2_500).order
    path = f"/counter/orders/{order.id}/refund"
    once = at_counter.fields(at_counter.opens(path))["once"]
    left_alone(6)
    requested = at_counter.sends(path, once=once, amount="10.00", reason="Petals fell off", iban="")
    assert requested.status_code == 401
    assert "what you typed is kept" in text(requested)
    assert "Petals" not in requested.content.decode()
    kept = at_counter.fields(requested)["kept"]
    back = at_counter.signs_in(anna, kept=kept)
    assert back.status_code == 200
    plan = at_counter.sends(path, **at_counter.fields(back))
    assert "Petals fell off" in text(plan)
    assert "€10.00" in text(plan)


def test_a_kept_form_is_nobody_elses(shop: Shop, at_counter: Tablet, anna: User) -> None:
    order = shop.pay_cash(2_500).order
    left_alone(6)
    requested = at_counter.sends(f"/counter/orders/{order.id}/refund", once="0" * 32, amount="10.00", reason="Petals")
    kept = at_counter.fields(requested)["kept"]
    wrong = at_counter.signs_in(anna, "314159", kept=kept)
    assert at_counter.fields(wrong)["kept"] == kept  # a slip of the finger loses nothing
    other = at_counter.signs_in(staff("ben", shop.store), kept=kept)
    assert (other.status_code, other["Location"]) == (302, "/counter/")
    assert at_counter.signs_in(anna, kept="made up").status_code == 302


def test_where_to_go_next_is_a_page_of_the_counter(tablet: Tablet, anna: User) -> None:
    for wanted, goes in (
        ("/counter/link", "/counter/link"),
        ("https://evil.example/", "/counter/"),
        ("/admin/", "/counter/"),
    ):
        assert tablet.signs_in(anna, next=wanted)["Location"] == goes


def test_the_language_is_the_browsers_choice_then_the_persons(tablet: Tablet, anna: User) -> None:
    assert tablet.opens("/counter/sign-in").headers["Content-Language"] == "en"
    User.objects.filter(id=anna.id).update(language="nl")
    tablet.signs_in(anna)
    assert "Zoek een bestelling" in tablet.reads("/counter/")
    tablet.sends("/counter/language", language="en")
    assert "Find an order" in tablet.reads("/counter/")
    tablet.sends("/counter/language", language="fr")
    assert "Find an order" in tablet.reads("/counter/")


def test_pages_load_nothing_from_elsewhere_and_are_kept_nowhere(at_counter: Tablet) -> None:
    for path in ("/counter/", "/counter/sign-in", "/counter/link", "/counter/orders/nothing"):
        answer = at_counter.opens(path)
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert f"connect-src 'self' {settings.STREAM_URL};" in answer["Content-Security-Policy"]
        assert answer["Cache-Control"] == "no-store"
