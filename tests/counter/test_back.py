"""Back and reload: every page that answers a form has an address of its own, and shows what came of it."""

import pytest
from django.conf import settings

from payments.models import Order, Refund
from payments.people.models import User
from payments.runtime.throttling import client
from terminals.models import TerminalAction
from tests.builders import Shop
from tests.counter.cast import CODE, Tablet, pair_tablet, staff, text
from tests.counter.test_refunds import online as online
from tests.counter.test_refunds import path_of

pytestmark = pytest.mark.django_db


def form(tablet: Tablet, path: str, **given: str) -> dict[str, str]:
    return {"once": tablet.fields(tablet.opens(path))["once"], "reason": "Too small", **given}


@pytest.fixture
def path(online: Order) -> str:
    return path_of(online)


def test_the_plan_of_a_refund_is_a_page_one_may_go_back_to(at_counter: Tablet, path: str) -> None:
    sent = at_counter.browser.post(path, form(at_counter, path, amount="10.00"))
    assert (sent.status_code, sent["Location"][:17]) == (302, "/counter/answers/")
    plan = at_counter.opens(sent["Location"])
    assert "Give back €10.00" in text(plan)
    done = at_counter.agrees(path, plan)
    assert Refund.objects.count() == 1
    back = at_counter.opens(sent["Location"])
    assert (back.status_code, back["Location"]) == (302, done["Location"]), "it is done, and Back shows what came of it"
    assert Refund.objects.count() == 1


def test_what_was_refused_can_be_reloaded(at_counter: Tablet, path: str) -> None:
    sent = at_counter.browser.post(path, form(at_counter, path, amount="999.00"))
    for _ in range(2):
        page = at_counter.opens(sent["Location"])
        assert page.status_code == 422
        assert "At most" in text(page)
        assert f'action="{path}"' in page.content.decode()
        assert page["Cache-Control"] == "no-store"


def test_it_is_shown_to_whom_it_answered_and_nobody_else(shop: Shop, at_counter: Tablet, path: str) -> None:
    sent = at_counter.browser.post(path, form(at_counter, path, amount="10.00"))
    other = pair_tablet(shop.store)
    assert other.opens(sent["Location"])["Location"] == path, "another browser is led to the form, and signs in first"
    at_counter.sends("/counter/sign-out")
    assert at_counter.opens(sent["Location"])["Location"] == path
    at_counter.signs_in(staff("ben", shop.store))
    assert at_counter.opens(sent["Location"])["Location"] == path
    assert at_counter.opens("/counter/answers/none?of=//evil.example")["Location"] == "/counter/"


def test_it_is_kept_sealed_and_not_for_long(at_counter: Tablet, path: str) -> None:
    sent = at_counter.browser.post(path, form(at_counter, path, amount="10.00"))
    token = sent["Location"].removeprefix("/counter/answers/").partition("?")[0]
    key = f"{settings.REDIS_PREFIX}counter_answer:{token}"
    assert b"10.00" not in (client().get(key) or b"")
    assert 0 < client().ttl(key) <= 900
    client().delete(key)
    assert at_counter.opens(sent["Location"])["Location"] == path


def test_a_wrong_code_at_sign_in_is_an_answer_too(tablet: Tablet, anna: User) -> None:
    given = {"person": anna.id, "code": "000000"}
    sent = tablet.browser.post("/counter/sign-in", given)
    assert sent["Location"].startswith("/counter/answers/")
    assert tablet.opens(sent["Location"]).status_code in (401, 403, 422)
    assert tablet.signs_in(anna, CODE)["Location"] == "/counter/"
    assert TerminalAction.objects.count() == 0
