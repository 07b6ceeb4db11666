"""Find an order by what the customer brings, wherever it was bought."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.core.ids import new_id
from payments.models import Payment
from payments.payloads import PAYMENT_RELATED
from payments.people.models import AuditLog, User
from payments.people.services import customers
from payments.receipts.contents import refund_number
from payments.services.link import LinkRequest, create_link
from tests.builders import BY, Shop, open_shop
from tests.counter.cast import Tablet, text


@pytest.fixture
def online(shop: Shop) -> Payment:
    """49.90 paid in the webshop."""
    made = shop.pay(4_990, method="voucher", voucher_code=shop.voucher(4_990).code)
    return Payment.objects.select_related(*PAYMENT_RELATED).get(id=made.id)


def leads_to(tablet: Tablet, **sought: str) -> str:
    """Where the first page leads by itself; "" where it shows what was found."""
    answer = tablet.opens("/counter/", **sought)
    assert answer.status_code in (200, 302), text(answer)
    return str(answer.headers.get("Location", ""))


def test_an_exact_number_opens_the_order_at_once(shop: Shop, at_counter: Tablet, online: Payment) -> None:
    page = f"/counter/orders/{online.order_id}"
    refund = shop.refund(shop.pay_cash(900).order, 100, channel=shop.store)
    of_refund = refund_number(refund, refund.parts.all())
    assert leads_to(at_counter, q=f" {online.receipt_number} ") == page
    assert leads_to(at_counter, q=online.order.reference or "") == page
    assert leads_to(at_counter, q=online.id) == page
    assert leads_to(at_counter, q=online.order_id) == page
    assert leads_to(at_counter, q=of_refund) == f"/counter/orders/{refund.order_id}"


def test_a_payment_links_own_code_leads_to_its_order(shop: Shop, at_counter: Tablet) -> None:
    link = create_link(LinkRequest(channel=shop.webshop, currency="EUR", description="Bike", amount=900), actor=BY)
    assert leads_to(at_counter, q=f"https://shop.example/pay/{link.token}") == f"/counter/orders/{link.order_id}"


def test_several_are_told_apart(shop: Shop, at_counter: Tablet) -> None:
    one, two = shop.pin(1_250), shop.pin(3_000)
    shop.pin_back(400, two)
    page = at_counter.reads("/counter/", q="4242")
    assert "2 orders" in page
    for seen in ("€12.50", "€30.00", "Maestro •4242", "Bloem Utrecht", "€4.00 given back"):
        assert seen in page
    assert leads_to(at_counter, q="4242", amount="12.50") == ""
    narrowed = at_counter.reads("/counter/", q="4242", amount="12.50")
    assert "1 order " in narrowed
    assert one.order_id in at_counter.opens("/counter/", last4="4242", amount="12,50").content.decode()


def test_an_order_number_that_is_also_a_cards_end_is_not_opened_unseen(shop: Shop, at_counter: Tablet) -> None:
    shop.pin(1_250)
    named = shop.pay(900, method="voucher", voucher_code=shop.voucher(900).code)
    named.order.reference = "4242"
    named.order.save()
    assert leads_to(at_counter, q="4242") == ""
    assert "2 orders" in at_counter.reads("/counter/", q="4242")


def test_by_amount_day_and_about_what_time(shop: Shop, at_counter: Tablet) -> None:
    noon = (timezone.now() - timedelta(days=3)).replace(hour=11, minute=0)
    then, later = shop.pin(1_250, occurred_at=noon), shop.pin(1_250, occurred_at=noon + timedelta(hours=4))
    day = noon.astimezone(shop.merchant.zone)
    found = at_counter.opens("/counter/", amount="12.50", day=f"{day:%Y-%m-%d}", at=f"{day:%H:%M}").content.decode()
    assert then.order_id in found
    assert later.order_id not in found
    both = at_counter.opens("/counter/", amount="12.50", day=f"{day:%d-%m-%Y}").content.decode()
    assert then.order_id in both
    assert later.order_id in both
    assert "Nothing found" in at_counter.reads("/counter/", amount="12.50", day=f"{timezone.now():%Y-%m-%d}")


def test_by_the_customer_and_the_look_is_written_down(
    shop: Shop, at_counter: Tablet, anna: User, online: Payment
) -> None:
    customer = customers.get_or_create(
        merchant_id=shop.merchant.id, reference="C-7", email="eva@example.com", name="Eva"
    )
    Payment.objects.filter(id=online.id).update(customer=customer)
    for known in ("eva@example.com", "C-7"):
        assert online.order_id in at_counter.opens("/counter/", q=known).content.decode()
    at_counter.reads(f"/counter/orders/{online.order_id}")
    assert AuditLog.objects.filter(action="personal_data.seen", actor=anna.id).count() == 1


def test_what_cannot_be_read_is_refused_and_never_dropped(at_counter: Tablet) -> None:
    for sought, why in (
        ({"amount": "1.250"}, "two ways"),
        ({"day": "yesterday"}, "is not a day"),
        ({"last4": "42"}, "four"),
        ({"day": "2026-11-30", "at": "noon"}, "14:30"),
        ({"at": "12:00", "amount": "5.00"}, "on which day"),
    ):
        answer = at_counter.opens("/counter/", **sought)
        assert answer.status_code == 422, sought
        assert why in text(answer), sought


def test_another_merchants_orders_are_not_there(at_counter: Tablet) -> None:
    other = open_shop("Other")
    theirs = other.pin(1_250)
    for sought in (theirs.id, theirs.order_id, theirs.receipt_number or "", "4242"):
        assert "Nothing found" in at_counter.reads("/counter/", q=sought)
    for path in ("", "/refund", "/link"):
        assert at_counter.opens(f"/counter/orders/{theirs.order_id}{path}").status_code == 404
    assert at_counter.opens(f"/counter/receipts/{theirs.id}").status_code == 404


def test_the_order_says_what_was_paid_where_and_what_went_back(shop: Shop, at_counter: Tablet, online: Payment) -> None:
    shop.pay_cash(1_000, order=online.order)
    shop.refund(online, 990)
    page = at_counter.reads(f"/counter/orders/{online.order_id}")
    for seen in (
        "Paid €59.90",
        "Given back €9.90",
        "Can go back €50.00",
        "Bloem online",
        "Bloem Utrecht",
        "Does not fit.",
        "€49.90 was paid",
        "€9.90 was given back",
    ):
        assert seen in page, seen


def test_a_payment_in_doubt_says_what_to_do(shop: Shop, at_counter: Tablet) -> None:
    payment = shop.pay_cash(1_250)
    Payment.objects.filter(id=payment.id).update(status="unknown", amount_captured=0)
    page = at_counter.reads(f"/counter/orders/{payment.order_id}")
    assert "Do not charge the card again." in page
    assert "not known whether it came through" in at_counter.reads("/counter/", amount="12.50")


@pytest.mark.parametrize(
    "path", ["orders/{}", "orders/{}/refund", "orders/{}/link", "refunds/{}", "links/{}", "receipts/{}"]
)
def test_what_there_is_not_says_so(at_counter: Tablet, path: str) -> None:
    for name in (new_id("ord"), "x", "%00"):
        answer = at_counter.opens("/counter/" + path.format(name))
        assert answer.status_code == 404
        assert "There is nothing here" in text(answer)


def test_a_number_is_found_as_people_type_it(shop: Shop, at_counter: Tablet, online: Payment) -> None:
    """In small letters, without its dash, or a part of it."""
    online.order.reference = "W218622944"
    online.order.save()
    page = f"/counter/orders/{online.order_id}"
    number = str(online.receipt_number)
    assert leads_to(at_counter, q="w218622944") == page
    assert leads_to(at_counter, q=number.replace("-", "")) == page
    for part in ("218622944", "2944"):
        assert leads_to(at_counter, q=part) == ""
        assert online.order_id in at_counter.opens("/counter/", q=part).content.decode()
    assert "Nothing found" in at_counter.reads("/counter/", q="944")  # stands within too many


def test_a_phone_order_is_found_by_what_its_link_says(shop: Shop, at_counter: Tablet) -> None:
    request = LinkRequest(channel=shop.store, currency="EUR", description="Boeket mw. Jansen", amount=3_450)
    link = create_link(request, actor=BY)
    assert "Boeket mw. Jansen" in at_counter.reads("/counter/")
    assert f"/counter/links/{link.id}" in at_counter.opens("/counter/").content.decode()


def test_what_is_nearest_to_the_time_is_found_however_much_came_later(shop: Shop, at_counter: Tablet) -> None:
    now = timezone.now().astimezone(shop.merchant.zone).replace(hour=15, minute=40, second=0)
    wanted = shop.pay_cash(7_995)
    Payment.objects.filter(id=wanted.id).update(occurred_at=now - timedelta(minutes=1))
    for minutes in range(1, 40):
        later = shop.pay_cash(500)
        Payment.objects.filter(id=later.id).update(occurred_at=now + timedelta(minutes=minutes))
    page = at_counter.opens("/counter/", day=f"{now:%Y-%m-%d}", at="15:40").content.decode()
    assert wanted.order_id in page
