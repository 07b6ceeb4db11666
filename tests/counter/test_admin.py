"""The counter in the admin: a tablet is paired from the store's page, and people choose their codes themselves."""

import re

import pytest

from payments.people.models import AuditLog, Role, User
from terminals.models import CounterBrowser, StaffCode
from tests.builders import Shop
from tests.counter.cast import CODE, Tablet, staff, text
from tests.people.cast import person, signed_in


@pytest.fixture
def manager(shop: Shop) -> User:
    return person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id)


def test_a_tablet_is_paired_from_the_stores_own_page(shop: Shop, manager: User) -> None:
    browser = signed_in(manager)
    page = browser.get(f"/admin/payments/channel/{shop.store.id}/change/").content.decode()
    (add,) = re.findall(r'href="(/admin/terminals/counterbrowser/add/[^"]*)"', page)
    form = browser.get(add).content.decode()
    assert f'value="{shop.store.id}" selected' in form
    made = browser.post(add, {"channel": shop.store.id, "label": "Tablet 1"})
    (code,) = re.findall(r'<code id="code">(\w+)</code>', made.content.decode())
    assert "<svg" in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    tablet = Tablet(shop.store, type(browser)())
    assert tablet.sends("/counter/pair", code=code)["Location"] == "/counter/sign-in"
    listed = text(browser.get("/admin/terminals/counterbrowser/"))
    assert "Tablet 1" in listed
    assert "paired" in listed


def test_a_lost_tablet_is_unpaired_by_a_button(shop: Shop, manager: User, at_counter: Tablet) -> None:
    browser, row = signed_in(manager), at_counter.row
    page = text(browser.get(f"/admin/terminals/counterbrowser/{row.id}/change/"))
    assert "Anna" in page  # who signed in there
    browser.post(f"/admin/terminals/counterbrowser/{row.id}/unpair/")
    assert at_counter.opens("/counter/")["Location"] == "/counter/pair"
    again = browser.post(f"/admin/terminals/counterbrowser/{row.id}/unpair/")
    assert "It has been unpaired already." in text(again)


def test_a_clerk_pairs_and_unpairs_nothing(shop: Shop, anna: User, at_counter: Tablet) -> None:
    browser = signed_in(anna)
    page = browser.get(f"/admin/payments/channel/{shop.store.id}/change/").content.decode()
    assert "counterbrowser/add" not in page
    assert browser.get("/admin/terminals/counterbrowser/add/").status_code == 403
    assert browser.post(f"/admin/terminals/counterbrowser/{at_counter.row.id}/unpair/").status_code == 403
    assert CounterBrowser.objects.get().is_paired


def test_a_person_chooses_their_own_code_with_a_fresh_second_factor(shop: Shop, tablet: Tablet) -> None:
    ben = person("ben", shop.merchant.id, role=Role.Name.CLERK, channel_id=shop.store.id)
    form = {"channel": shop.store.id, "code": "161803", "again": "161803"}
    ben.language = "nl"
    ben.save()
    assert "Zes tot tien cijfers die alleen u kent." in text(signed_in(ben).get("/admin/terminals/staffcode/add/"))
    ben.language = "en"
    ben.save()
    stale = signed_in(ben, proved=False).post("/admin/terminals/staffcode/add/", form)
    assert "second-factor" in stale["Location"]
    browser = signed_in(ben)
    for wrong, why in (
        ({"again": "161804"}, "The two codes differ."),
        ({"code": "123456", "again": "123456"}, "nobody tries first"),
        ({"code": "12", "again": "12"}, "six to ten digits"),
        ({"channel": shop.webshop.id}, "Select a valid choice"),
    ):
        answer = browser.post("/admin/terminals/staffcode/add/", {**form, **wrong}, follow=True)
        assert why in text(answer), wrong
    assert not StaffCode.objects.filter(user=ben).exists()
    done = browser.post("/admin/terminals/staffcode/add/", form, follow=True)
    assert "Your code for Bloem Utrecht is chosen." in text(done)
    assert "161803" not in done.content.decode()
    assert tablet.signs_in(ben, "161803").status_code == 302
    assert "161803" not in str(list(AuditLog.objects.values_list("after", flat=True)))


def test_a_code_is_taken_away_by_its_person_or_their_manager_and_by_no_colleague(
    shop: Shop, manager: User, anna: User, tablet: Tablet
) -> None:
    ben = staff("ben", shop.store)
    rows = {row.user_id: row.id for row in StaffCode.objects.all()}
    colleague = signed_in(ben).post(f"/admin/terminals/staffcode/{rows[anna.id]}/remove/")
    assert colleague.status_code == 403
    signed_in(manager).post(f"/admin/terminals/staffcode/{rows[anna.id]}/remove/")
    assert tablet.signs_in(anna, CODE).status_code == 401
    signed_in(ben).post(f"/admin/terminals/staffcode/{rows[ben.id]}/remove/")
    assert StaffCode.objects.count() == 0
