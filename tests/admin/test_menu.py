"""The sidebar is the reader's: their pages, what waits for them, and whether the money is real."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import Merchant, Payment
from payments.people.models import Approval, Role, User
from payments.people.services.approvals import undecided_for
from payments.queries import open_work
from tests.admin.conftest import SignIn
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db

GROUP = re.compile(r"<h2[^>]*>\s*([^<]+?)\s*<")
ITEM = re.compile(r'<span>([^<]+)</span>\s*(?:<span class="ot-waits">(\d+)<)?')


def menu(page: str) -> tuple[list[str], dict[str, str]]:
    """The titles of the groups, and each page's number of what waits there."""
    bar = page[page.index('id="nav-sidebar-apps"') :]
    bar = bar[: bar.index("</aside>")] if "</aside>" in bar else bar
    return GROUP.findall(bar), dict(ITEM.findall(bar))


def test_a_clerk_finds_the_pages_of_a_clerk(shop: Shop, sign_in: SignIn) -> None:
    groups, pages = menu(sign_in("clerk").get(""))
    assert {"Orders", "Payments", "Refunds", "Customers", "Terminals"} <= set(pages)
    absent = {
        "Discrepancies",
        "Numbers posted",
        "Conflicts",
        "Events",
        "Merchants",
        "Audit log",
        "Journal entries",
        "Tills",
    }
    assert not absent & set(pages)
    assert "Technical" not in groups
    assert "Reconciliation" not in groups
    assert "Settings" not in groups


def test_numbers_posted_conflicts_and_raw_events_are_technical(sign_in: SignIn) -> None:
    page = sign_in("owner").get("")
    technical = page[page.index("Technical") :]
    assert [
        name for name in ("Provider events", "Numbers posted", "Conflicts", "Events") if name not in technical
    ] == []


def test_what_waits_is_counted_beside_it(shop: Shop, sign_in: SignIn) -> None:
    shop.refund(shop.pay_cash(20_000).order, 15_000)  # above the limit: waits for a second person
    Payment.objects.filter(id=shop.pin(1_000).id).update(status="unknown")
    manager, clerk = sign_in("store_manager"), sign_in("clerk")
    _, pages = menu(manager.get(""))
    assert (pages["Second person"], pages["Unknown outcomes"], pages["Discrepancies"]) == ("1", "1", "")
    assert menu(clerk.get(""))[1]["Second person"] == ""  # nothing for a clerk to decide


def test_the_count_is_what_the_list_of_requests_for_me_has(shop: Shop, sign_in: SignIn) -> None:
    shop.refund(shop.pay_cash(20_000).order, 15_000)
    for role in [*Role.Name.values, "root"]:
        user = sign_in(role).user
        wanted = undecided_for(user, merchants=[shop.merchant.id])
        assert open_work.of_person(user).approvals == len(wanted), role
    asker, other = sign_in("owner").user, sign_in("owner").user
    Approval.objects.create(
        merchant_id=shop.merchant.id,
        subject_type="discrepancy",
        subject_id="dsc_1",
        action="write_off",
        requested_by=asker.id,
        behind=[asker.id],
    )
    assert (open_work.of_person(asker).approvals, open_work.of_person(other).approvals) == (1, 2)


def test_all_that_waits_is_one_statement(shop: Shop, sign_in: SignIn) -> None:
    user = User.objects.prefetch_related("roles").get(id=sign_in("finance").user.id)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        open_work.of_person(user)
    assert len(asked) == 1


def mode(page: str) -> str:
    """What stands at the head of the page."""
    head = page[page.index('id="header-inner"') :][:4_000]
    return next((word for word in ("live and test", "live", "test") if re.search(rf">\s*{word}\s*<", head)), "")


def test_every_page_says_whether_the_money_is_real(shop: Shop, sign_in: SignIn) -> None:
    payment = shop.pin(1_000)
    finance = sign_in("finance")
    pages = (
        "",
        "payments/payment/",
        f"payments/payment/{payment.id}/change/",
        f"payments/order/{payment.order_id}/refund/",
    )
    assert {mode(finance.get(path)) for path in pages} == {"test"}


def test_who_has_a_test_merchant_and_a_live_one_sees_which_a_page_is_of(shop: Shop, sign_in: SignIn) -> None:
    live = open_shop()
    Merchant.objects.filter(id=live.merchant.id).update(mode="live")
    finance = sign_in("finance")
    Role.objects.create(user=finance.user, merchant_id=live.merchant.id, role="finance")
    theirs, real = shop.pin(1_000), live.pin(1_000)
    assert mode(finance.get("payments/payment/")) == "live and test"
    assert mode(finance.get(f"payments/payment/{theirs.id}/change/")) == "test"
    assert mode(finance.get(f"payments/payment/{real.id}/change/")) == "live"
    assert mode(finance.get("", merchant=live.merchant.id)) == "live"
