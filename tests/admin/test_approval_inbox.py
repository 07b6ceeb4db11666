"""All that waits for a second person in one list: whose turn it is, about what, how much, whose, and why."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import Discrepancy, Payment
from payments.people.actions import Action
from payments.people.models import Approval, Role, User
from payments.people.services import gate
from payments.services.discrepancy import open_discrepancies
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.request import request_refund
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop
from tests.people import cast

pytestmark = pytest.mark.django_db
ME, OWN, OTHERS, DECIDED = (f"people/approval/?turn={name}" for name in ("me", "own", "others", "decided"))


@pytest.fixture
def ada(shop: Shop) -> User:
    """An owner, who asks for everything here."""
    user = cast.person("ada", shop.merchant.id, role=Role.Name.OWNER)
    User.objects.filter(id=user.id).update(first_name="Ada", last_name="Bakker")
    return user


def asks_for_everything(shop: Shop, ada: User) -> Payment:
    """A refund of a customer's, a write-off of the same order, and a setting: three requests of Ada's."""
    cash = shop.pay_cash(20_000, buyer={"email": "bo@example.com", "name": "Bo Smit"})
    request_refund(shop.asks(cash.order, 12_345, channel=shop.store, reason="Wrong color."), actor=ada)
    (row,) = open_discrepancies(
        [Discrepancy(merchant=shop.merchant, kind="amount_differs", key="x", amount=-250, currency="EUR", payment=cash)]
    )
    proposed = {"action": "write_off", "note": "Never settled.", "with": [], "actor": ada.id}
    Discrepancy.objects.filter(id=row.id).update(status=Discrepancy.Status.PROPOSED, resolution=proposed)
    gate.propose(
        Action.WRITE_OFF, subject=row, by=ada, merchant_id=shop.merchant.id, payload={"note": "Never settled."}
    )
    gate.propose(
        Action.CHANGE_MONEY_RULES,
        subject=shop.store,
        by=ada,
        merchant_id=shop.merchant.id,
        payload={"changes": {"name": "New"}, "before": {"name": shop.store.name}},
    )
    return cash


def listed(browser: Browser, path: str) -> list[str]:
    """The rows of a list, as they are read."""
    page = browser.get(path)
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>") if "<td" in row]


def counts(page: str) -> dict[str, str]:
    """The tabs, with what is counted in each."""
    tabs = page.partition('class="ot-tabs"')[2].partition("</nav>")[0]
    return dict(re.findall(r">([^<>]+?) <span class=\"ot-count\">(\d+)<", tabs))


def test_each_request_is_told_in_a_line(shop: Shop, ada: User, sign_in: SignIn) -> None:
    order = asks_for_everything(shop, ada).order
    refund, write_off, setting = listed(sign_in("owner"), ME)
    for shown in ("refund", "€123.45", "Bo Smit", str(order.reference), "Wrong color.", "Ada Bakker"):
        assert shown in refund
    for shown in ("write-off", "€2.50", "Bo Smit", str(order.reference), "Never settled."):
        assert shown in write_off
    assert "change of money rules" in setting and shop.store.name in setting


def test_each_waits_under_one_tab_by_what_the_reader_may_decide(shop: Shop, ada: User, sign_in: SignIn) -> None:
    asks_for_everything(shop, ada)
    names = ("Waiting for me", "My own requests", "Waiting for others")
    seen = {
        "owner": ("3", "0", "0"),
        "auditor": ("0", "0", "3"),
        "store_manager": ("1", "0", "2"),
        "clerk": ("0", "0", "3"),
    }
    for role, expected in seen.items():
        assert counts(sign_in(role).get(ME)) == dict(zip(names, expected, strict=True)), role
    own = Browser(ada, cast.signed_in(ada))
    assert counts(own.get(ME)) == dict(zip(names, ("0", "3", "0"), strict=True))
    assert "Nothing waits for you." in own.get(ME)
    assert len(listed(own, OWN)) == 3 and not listed(own, OTHERS)


def test_one_after_the_other_until_nothing_is_left(shop: Shop, ada: User, sign_in: SignIn) -> None:
    asks_for_everything(shop, ada)
    second = sign_in("owner", language="nl")
    second.prove()
    assert "Wacht op mij" in second.get(ME)
    address = f"people/approval/{Approval.objects.earliest('requested_at').id}/change/"
    decided = []
    while address:
        assert f"/admin/{address}" in second.get(ME)
        decided.append(address)
        page = second.post(address.replace("change", "decide"), decision="reject", note="Eerst de bon.")
        following = re.search(r'data-next href="/admin/([^"]+)"', page)
        address = following[1] if following else ""
    assert len(set(decided)) == 3
    assert "Er wacht verder niets op u." in page
    assert [row.count("afgewezen") for row in listed(second, DECIDED)] == [1, 1, 1]


def test_bank_transfers_to_release_stand_beside_them_but_for_their_requester(
    shop: Shop, ada: User, sign_in: SignIn
) -> None:
    account = BankAccount(iban="NL91ABNA0417164300", name="A. Jansen")
    asked = shop.asks(shop.pin(9_753).order, 8_642, route="bank", bank_account=account)
    request_refund(asked, actor=ada)
    assert counts(sign_in("finance").get(ME))["Bank transfers to release"] == "1"
    assert "Bank transfers to release" not in counts(sign_in("clerk").get(ME))
    assert "Bank transfers to release" not in counts(Browser(ada, cast.signed_in(ada)).get(ME))


def test_it_asks_few_statements_however_many_wait(shop: Shop, ada: User, sign_in: SignIn) -> None:
    asks_for_everything(shop, ada)
    for amount in range(11_000, 11_500, 100):
        request_refund(shop.asks(shop.pay_cash(20_000).order, amount, channel=shop.store), actor=ada)
    finance = sign_in("owner")
    finance.get(ME)
    with CaptureQueriesContext(connection) as captured:
        assert len(listed(finance, ME)) == 8
    assert len(captured) <= 20, [query["sql"][:100] for query in captured]
