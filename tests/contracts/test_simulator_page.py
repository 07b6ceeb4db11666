"""The hosted payment page, used as a browser without scripts would."""

from typing import Any

import pytest

from payments.providers.base import Outcome, ReportType, Verb
from payments.providers.simulator.magic import Ending, magic
from payments.providers.simulator.methods import REDIRECT_METHODS
from tests.contracts.conftest import Account
from tests.contracts.stages import STAGES, call
from tests.simulator import eventually

RETURN: dict[str, Any] = {"return_url": "https://shop.example/thanks?order=1"}


def opened(account: Account, amount: int = 12_50, verb: Verb = Verb.SALE, **more: Any) -> str:
    result = account.ask(verb, amount, **({"method": "ideal"} | RETURN | more))
    assert result.outcome is Outcome.PENDING
    assert result.redirect_url
    assert result.payment_reference
    return result.redirect_url


@pytest.mark.parametrize("method", sorted(REDIRECT_METHODS))
@pytest.mark.parametrize("back", [RETURN, {}])
def test_methods_that_redirect_always_do(account: Account, method: str, back: dict[str, Any]) -> None:
    assert account.ask(Verb.SALE, 12_50, method=method, **back).redirect_url


def test_a_card_answers_at_once_unless_the_shop_has_somewhere_to_return_to(account: Account) -> None:
    assert account.ask(Verb.SALE, 12_50).redirect_url is None
    assert account.ask(Verb.SALE, 12_50, **RETURN).redirect_url
    refused = account.ask(Verb.SALE, magic(12_00, Ending.EXPIRED_CARD), **RETURN)
    assert (refused.outcome, refused.code) == (Outcome.DECLINED, "expired_card")


def test_what_was_taken_elsewhere_needs_no_customer(account: Account) -> None:
    answer = account.ask(Verb.SALE, 12_50, method="external", **RETURN)
    assert (answer.outcome, answer.redirect_url) == (Outcome.SUCCEEDED, None)


def test_approving_pays_and_sends_the_customer_back(account: Account) -> None:
    request = call(STAGES["simulator"], webhook_url=account.receiver.url, **(RETURN | {"method": "bancontact"}))
    url = account.provider.execute(request, account.credentials).redirect_url
    back = account.simulator.customer(str(url), "approve")
    assert (back.status_code, back.headers["location"]) == (303, RETURN["return_url"])
    result = account.provider.fetch(request, account.credentials)
    assert (result.outcome, result.method, result.redirect_url) == (Outcome.SUCCEEDED, "bancontact", None)
    assert result.card is not None
    assert result.card.brand == "bancontact"
    assert account.effects() == [("sale", 12_50)]
    assert account.notice_types(1) == ["sale.succeeded"]


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://shop.example/bedankt?naam=Zoë&a=b%20c#top", "https://shop.example/bedankt?naam=Zo%C3%AB&a=b%20c#top"),
        ("https://shop.example/\r\nset-cookie: a=b", "https://shop.example/%0D%0Aset-cookie:%20a=b"),
        ("myshop://paid", "myshop://paid"),
    ],
)
def test_any_return_url_survives_the_way_through_a_header(account: Account, url: str, location: str) -> None:
    back = account.simulator.customer(opened(account, return_url=url), "approve")
    assert back.headers["location"] == location
    assert "set-cookie" not in back.headers


@pytest.mark.parametrize(
    ("action", "outcome", "code"),
    [
        ("decline", Outcome.DECLINED, "do_not_honor"),
        ("cancel", Outcome.DECLINED, "canceled"),
        ("later", Outcome.PENDING, None),
    ],
)
def test_the_other_buttons_move_nothing(account: Account, action: str, outcome: Outcome, code: str | None) -> None:
    request = call(STAGES["simulator"], **(RETURN | {"method": "ideal"}))
    url = account.provider.execute(request, account.credentials).redirect_url
    assert account.simulator.customer(str(url), action).headers["location"] == RETURN["return_url"]
    result = account.provider.fetch(request, account.credentials)
    assert (result.outcome, result.code) == (outcome, code)
    assert account.effects() == []


def test_what_is_decided_stays_so(account: Account) -> None:
    url = opened(account)
    account.simulator.customer(url, "approve")
    account.simulator.customer(url, "decline")
    account.simulator.customer(url, "approve")
    assert account.effects() == [("sale", 12_50)]


def test_an_unknown_button_is_refused(account: Account) -> None:
    assert account.simulator.customer(opened(account), "steal").status_code == 422
    assert account.effects() == []


def test_without_a_method_the_customer_chooses(account: Account) -> None:
    request = call(STAGES["simulator"], **(RETURN | {"method": None}))
    url = str(account.provider.execute(request, account.credentials).redirect_url)
    assert account.simulator.http.get(url).text.count('type="radio"') == 7
    account.simulator.customer(url, "approve", "klarna")
    assert account.provider.fetch(request, account.credentials).method == "klarna"
    assert [row["method"] for row in account.simulator.effects(account=account.id)] == ["klarna"]


def test_only_methods_that_can_be_held_are_offered_for_an_authorization(account: Account) -> None:
    url = opened(account, verb=Verb.AUTHORIZE, method=None)
    page = account.simulator.http.get(url).text
    assert page.count('type="radio"') == 3
    assert "iDEAL" not in page
    account.simulator.customer(url, "approve", "ideal")
    assert [row["method"] for row in account.simulator.effects(account=account.id)] == ["card"]


@pytest.mark.parametrize(
    ("ending", "code"),
    [(Ending.REDIRECT_DECLINED, "declined_by_bank"), (Ending.INSUFFICIENT_FUNDS, "insufficient_funds")],
)
def test_an_ending_that_declines_does_so_after_the_customer_approved(
    account: Account, ending: Ending, code: str
) -> None:
    account.simulator.customer(opened(account, magic(12_00, ending)), "approve")
    (notice,) = account.notices(1)
    assert (notice.type, notice.reports[0].result.code) == ("sale.declined", code)
    assert account.effects() == []


def test_a_card_with_a_redirect_ending_redirects_even_without_return_url(account: Account) -> None:
    url = opened(account, magic(12_00, Ending.REDIRECT), method="card", return_url=None)
    answer = account.simulator.customer(url, "approve")
    assert account.simulator.http.get(answer.headers["location"]).text.count("Paid.") == 1
    assert account.effects() == [("sale", 12_05)]


def test_a_page_that_nobody_uses_expires(account: Account) -> None:
    request = call(STAGES["simulator"], amount=12_07, webhook_url=account.receiver.url, **RETURN)
    answer = account.provider.execute(request, account.credentials)
    (notice,) = account.notices(1)
    (report,) = notice.reports
    assert report.fact is ReportType.EXPIRE
    assert report.result.payment_reference == answer.payment_reference
    result = account.provider.fetch(request, account.credentials)
    assert (result.outcome, result.code) == (Outcome.DECLINED, "expired")
    account.simulator.customer(str(answer.redirect_url), "approve")
    assert account.effects() == []


def test_the_merchant_may_cancel_before_the_customer_pays(account: Account) -> None:
    request = call(STAGES["simulator"], **(RETURN | {"method": "ideal"}))
    answer = account.provider.execute(request, account.credentials)
    canceled = account.ask(Verb.CANCEL, 12_50, payment_reference=answer.payment_reference)
    assert canceled.outcome is Outcome.SUCCEEDED
    account.simulator.customer(str(answer.redirect_url), "approve")
    assert account.provider.fetch(request, account.credentials).code == "canceled"
    assert account.effects() == []


def test_pending_after_the_page_is_settled_later(account: Account) -> None:
    account.simulator.customer(opened(account, magic(12_00, Ending.PENDING_SUCCEEDS)), "approve")
    assert account.effects() == []
    eventually(lambda: account.effects() == [("sale", 12_10)])


def test_the_page_speaks_the_browsers_language_and_loads_nothing(account: Account) -> None:
    url = opened(account, description='<b>"Order" & more</b>')
    english = account.simulator.http.get(url, headers={"accept-language": "fr,en;q=0.8,nl;q=0.5"})
    dutch = account.simulator.http.get(url, headers={"accept-language": "nl-NL,nl;q=0.9,en;q=0.8"})
    assert all(part in english.text for part in ('lang="en"', "Pay</button>", "EUR 12.50"))
    assert all(part in dutch.text for part in ('lang="nl"', "Betalen</button>", "EUR 12,50"))
    assert "&lt;b&gt;&quot;Order&quot; &amp; more&lt;/b&gt;" in english.text
    assert not any(part in english.text for part in ("<script", "<link", "<img", "http:", "https:", "url("))
    assert english.headers["content-security-policy"].startswith("default-src 'none'")
    assert english.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("language", ["", "xx", ";;;", "nl;q=x", "*"])
def test_any_other_wish_gets_english(account: Account, language: str) -> None:
    assert 'lang="en"' in account.simulator.http.get(opened(account), headers={"accept-language": language}).text
