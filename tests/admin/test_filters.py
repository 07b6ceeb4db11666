"""A filter is understood as people write it, in either language, or it is an error: never left out."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from payments.admin.base.access import ScopedAdmin
from payments.admin.base.filters import TextFilter
from payments.models import Merchant, Payment
from payments.notify.models import Event, Mail
from payments.services import create_setup
from payments.text.form_fields import AmountField, read_day
from reconciliation.admin.account_mapping import AccountMappingAdmin
from reconciliation.admin.matching_rules import MatchingRuleAdmin
from tests.admin.conftest import Browser, SignIn
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db

LISTS = sorted(
    f"{model._meta.app_label}/{model._meta.model_name}/"
    for model, page in admin.site._registry.items()
    # These have one page, and no list.
    if isinstance(page, ScopedAdmin) and not isinstance(page, AccountMappingAdmin | MatchingRuleAdmin)
)

WRONG: list[dict[str, Any]] = [
    {"business_day_from": "31-02-2026"},
    {"business_day_from": "yesterday"},
    {"business_day_to": "29-11-26"},
    {"business_day_from": "2026-11-29", "business_day_to": "2026-11-28"},
    {"amount_from": "twelve"},
    {"amount_to": "1.250"},
    {"amount_from": "12.345,678"},
    {"amount_from": "9" * 40},
    {"amount_from": "20", "amount_to": "10"},
    {"status__exact": "lost-in-space"},
    {"channel__id__exact": "chn_of_nobody"},
    {"provisional__exact": "perhaps"},
    {"open_discrepancies": "maybe"},
    {"business_day_period": "someday"},
    {"business_day_period": "today", "business_day_from": "2026-11-29"},
    {"amount_from": "EUR 10", "amount_to": "USD 20"},
    {"brand": "diner card"},
    {"terminal": "trm_of_nobody"},
    {"customer": "x\x01y"},
    {"sort": "nonsense"},
    {"sort": "where"},
    {"o": "1"},
    {"colour": "red"},
    {"amount": "1000"},
    {"order__customer__email": "a@example.com"},
    {"status__exact": ["captured", "declined"]},
    {"q": "nul\0"},
]


def listed(browser: Browser, path: str, **filters: Any) -> Any:
    """The list, as its page was made from it."""
    answer = browser.client.get(f"/admin/{path}", filters)
    assert answer.status_code == 200, (path, filters, answer.status_code)
    return answer.context["cl"]


def refused(browser: Browser, path: str, **filters: Any) -> str:
    """What a list says against a filter; it lists nothing and adds nothing up."""
    page: str = refusal(browser, path, **filters).content.decode()
    return page


def refuses(browser: Browser, path: str, **filters: Any) -> Any:
    """The list that says it."""
    return refusal(browser, path, **filters).context["cl"]


def refusal(browser: Browser, path: str, **filters: Any) -> Any:
    answer = browser.client.get(f"/admin/{path}", filters)
    assert answer.status_code == 200, (path, filters, answer.status_code)
    page = answer.content.decode()
    assert 'id="faults"' in page, (path, filters)
    assert "ot-totals" not in page
    assert list(answer.context["cl"].result_list) == []
    return answer


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_day_is_read_in_either_language(language: str, shop: Shop, sign_in: SignIn) -> None:
    shop.pay_cash(1_000)
    Payment.objects.update(business_day="2026-11-13")
    today = shop.pay_cash(2_000)
    browser = sign_in(language=language)
    for written in ("{0:%Y-%m-%d}", "{0:%d-%m-%Y}", "{0.day}-{0.month}-{0.year}", "{0:%d.%m.%Y}"):
        day, after = written.format(date(2026, 11, 13)), written.format(date(2026, 11, 14))
        assert listed(browser, "payments/payment/", business_day_to=day).totals[0].sums["captured"] == 1_000
        rows = listed(browser, "payments/payment/", business_day_from=after, business_day_to="")
        assert [row.id for row in rows.result_list] == [today.id]


@pytest.mark.parametrize(("language", "text"), [("en", "1 Mar 2026"), ("nl", "1 mrt 2026"), ("nl", "1 maart 2026")])
def test_a_day_is_read_as_our_pages_write_it(language: str, text: str) -> None:
    with translation.override(language):
        assert read_day(text) == date(2026, 3, 1)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_what_is_not_understood_lists_nothing(language: str, shop: Shop, sign_in: SignIn) -> None:
    shop.pay_cash(1_000)
    browser = sign_in(language=language)
    for filters in WRONG:
        refused(browser, "payments/payment/", **filters)


def test_the_error_stands_at_its_filter_and_above_the_list(shop: Shop, sign_in: SignIn) -> None:
    page = refused(sign_in(language="nl"), "payments/payment/", business_day_from="29-13-2026", colour="red")
    assert page.count("“29-13-2026” is geen datum") == 2
    assert 'value="29-13-2026"' in page
    assert "geen filter “colour”" in page


def test_no_list_leaves_a_filter_out(shop: Shop, root: Browser) -> None:
    shop.pay_cash(1_000)
    for path in LISTS:
        leaves_no_filter_out(root, path)


def leaves_no_filter_out(root: Browser, path: str) -> None:
    """All at once, as a page takes 50 ms; each filter says for itself what is wrong with its own."""
    read = [name for spec in listed(root, path).filter_specs for name in spec.expected_parameters()]
    wrong = [name for name in read if not name.endswith("isnull")]
    texts = {spec.parameter_name for spec in listed(root, path).filter_specs if isinstance(spec, TextFilter)}
    values = {name: "\x07" if name in texts else "no such thing" for name in ["nonsense", "id__exact", *wrong]}
    cl = refuses(root, path, **values)
    assert {"nonsense", "id__exact"} <= {fault.split("“")[1].split("”")[0] for fault in cl.faults if "“" in fault}
    for spec in cl.filter_specs:
        shown = next(iter(spec.choices(cl)))
        assert "form" in shown, f"{path}: {spec.title} cannot say what is wrong"
        own = {name for name in spec.expected_parameters() if name in wrong}
        assert own <= set(shown["form"].errors), f"{path}: {spec.title} says nothing"
    assert listed(root, path, p="99999").page_num == 1
    assert listed(root, path, p="-3").page_num == 1


def test_beyond_the_last_page_stands_the_last_one_of_what_is_filtered(shop: Shop, root: Browser) -> None:
    shop.pay_cash(1_000)
    shop.pin(2_000)
    assert listed(root, "payments/payment/", p="7", method__exact="cash").result_count == 1


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("12", 1_200),
        ("12.50", 1_250),
        ("12,50", 1_250),
        ("12,5", 1_250),
        ("1.000,00", 100_000),
        ("1,000.00", 100_000),
        ("€ 1.234,50", 123_450),
        ("€\N{NO-BREAK SPACE}1.234,50", 123_450),
        ("€1,234.50", 123_450),
        ("EUR 1234,5", 123_450),
        ("1 234,50", 123_450),
        ("1.234.567", 123_456_700),
        ("12,-", 1_200),
    ],
)
def test_an_amount_is_read_in_either_language(text: str, minor: int, language: str) -> None:
    with translation.override(language):
        assert AmountField().clean(text) == minor


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize(
    "text", ["1.250", "1,250", "12.3456", "1,2,3", "1.00.00", "$ 12", "12 apples", "0", "-5", "1e3"]
)
def test_an_amount_that_could_be_another_is_refused(text: str, language: str) -> None:
    with translation.override(language), pytest.raises(Exception, match=r"amount|ways|bedrag|manieren"):
        AmountField().clean(text)


def test_other_currencies_have_decimals_of_their_own() -> None:
    assert AmountField(currency="JPY").clean("1.250") == 1_250
    assert AmountField(currency="KWD").clean("1.250") == 1_250
    with pytest.raises(Exception, match="two ways"):
        AmountField(currency="KWD").clean("1,250")


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_filter_reads_amounts_so_too(language: str, shop: Shop, sign_in: SignIn) -> None:
    for amount in (1_245, 1_250, 1_255):
        shop.pay_cash(amount)
    browser = sign_in(language=language)
    for text in ("12.50", "12,50", "€ 12,50"):
        assert listed(browser, "payments/payment/", amount_from=text).result_count == 2
        assert listed(browser, "payments/payment/", amount_to=text).result_count == 2
        assert listed(browser, "payments/payment/", amount_from=text, amount_to=text).totals[0].count == 1


def test_a_day_of_moments_is_the_merchants_day(shop: Shop, sign_in: SignIn) -> None:
    """Half past eleven in New York is the next day in Utrecht, and each list goes by the clock of the row's merchant."""
    elsewhere = open_shop("Bloom", timezone="America/New_York")
    rows = {}
    for one in (shop, elsewhere):
        rows[one.merchant.id] = Mail.objects.create(
            merchant_id=one.merchant.id, object_id="pay_1", to="a@example.com", subject="Receipt", text="Thanks."
        )
    Mail.objects.update(created_at=datetime(2026, 7, 1, 23, 30, tzinfo=ZoneInfo("America/New_York")))
    found = listed(sign_in(), "notify/mail/", created_at_from="2026-07-02").result_list
    assert [row.id for row in found] == [rows[shop.merchant.id].id]
    found = listed(sign_in(), "notify/mail/", created_at_to="2026-07-01").result_list
    assert [row.id for row in found] == [rows[elsewhere.merchant.id].id]


def test_a_filter_offers_names_of_ones_own_merchants_only(shop: Shop, sign_in: SignIn) -> None:
    open_shop("Vreemd")
    create_setup.create_merchant(name="Vreemde winkel", actor="tests")
    owner = sign_in("owner")
    for path in LISTS:
        assert "Vreemd" not in owner.get(path), path


def test_a_filter_of_one_choice_is_not_left_out(shop: Shop, sign_in: SignIn) -> None:
    other = open_shop("Vreemd")
    other.pay_cash(1_000)
    mine = shop.pay_cash(2_000)
    clerk = sign_in("clerk", channel_id=shop.store.id)
    found = listed(clerk, "payments/payment/", channel__id__exact=shop.store.id).result_list
    assert [row.id for row in found] == [mine.id]
    refused(clerk, "payments/payment/", channel__id__exact=other.store.id)


def test_no_list_looks_through_all_its_rows_for_its_filters(shop: Shop, root: Browser) -> None:
    shop.pay_cash(1_000)
    assert Event.objects.exists()
    for path in LISTS:
        with CaptureQueriesContext(connection) as captured:
            root.get(path)
        distinct = [query["sql"] for query in captured if "DISTINCT" in query["sql"] and "timezone" not in query["sql"]]
        # In which modes their merchants are is asked of the few merchants.
        distinct = [sql for sql in distinct if "modes" not in sql]
        assert distinct == [], path


def test_sales_and_home_ignore_nothing(shop: Shop, root: Browser) -> None:
    shop.pay_cash(1_000)
    today = shop.merchant.business_day(timezone.now())
    page = root.client.get("/admin/sales/", {"first": f"{today:%d-%m-%Y}", "last": f"{today:%Y-%m-%d}"})
    assert len(page.context["sections"]) == 1
    for wrong in ({"from": "2026-01-01"}, {"first": "x"}, {"by": "x"}, {"merchant": "mer_x"}):
        page = root.client.get("/admin/sales/", wrong)
        assert page.context["sections"] == [], wrong
        assert "ot-fault" in page.content.decode(), wrong
    other = open_shop("Vreemd")
    assert "Vreemd, " in root.get("", merchant=other.merchant.id)
    home = root.get("", merchant="mer_x")
    assert "ot-fault" in home
    assert f"{Merchant.objects.first()}, " not in home
