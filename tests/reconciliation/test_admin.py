"""Finance works in the admin: files are sent, payouts and lines read, discrepancies resolved; money is not editable."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation

from payments.people.models import Approval, Role
from payments.services.card_present.types import DeviceOutcome
from reconciliation.admin.problems import problem
from reconciliation.models import BankAccount, BankStatementLine, Payout, Settlement, SettlementFile, SettlementLine
from reconciliation.services.import_file import import_due
from tests.people import cast
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement

MODELS = (SettlementFile, Settlement, SettlementLine, Payout, BankStatementLine)


def signed_in(shop: Shop, role: Role.Name = Role.Name.FINANCE, name: str = "fenna", *, language: str = "en") -> Client:
    user = person(name, shop.merchant.id, role=role)
    user.language = language
    user.save()
    return cast.signed_in(user)


def week(shop: Shop) -> None:
    payment = shop.sells_online(5000)
    shop.sends(settlement_csv(Line(4800, operation=payment.operations.get().id), payout="P-1"))
    shop.sends(statement(BankLine(4800, "P-1")))


def page(model: Any, name: str = "changelist", *arguments: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=arguments)


def test_every_page_shows_its_rows_and_edits_nothing(shop: Shop) -> None:
    week(shop)
    client = signed_in(shop)
    for model in MODELS:
        assert client.get(page(model)).status_code == 200
        row = model._default_manager.order_by("pk")[0]
        answer = client.get(page(model, "change", str(row.pk)))
        assert answer.status_code == 200
        assert b'name="_save"' not in answer.content
        before = model._default_manager.filter(pk=row.pk).values().get()
        client.post(page(model, "change", str(row.pk)), {"amount": 1})
        assert model._default_manager.filter(pk=row.pk).values().get() == before
        assert client.get(page(model, "add")).status_code == 403


def test_a_file_leads_to_what_it_holds(shop: Shop) -> None:
    week(shop)
    client = signed_in(shop)
    for row in SettlementFile.objects.all():
        shown = client.get(page(SettlementFile, "change", row.id)).content.decode()
        links = [unescape(link) for link in re.findall(r'href="([^"]+__exact=stl_[^"]+)"', shown)]
        assert len(links) == 3
        assert [client.get(link).status_code for link in links] == [200, 200, 200]


def test_others_see_nothing(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    week(shop)
    stranger = signed_in(open_shop("Vreemd"))
    clerk = signed_in(shop, Role.Name.CLERK, "carl")
    for model in MODELS:
        row = model._default_manager.order_by("pk")[0]
        assert stranger.get(page(model, "change", str(row.pk))).status_code == 404
        assert clerk.get(page(model)).status_code == 403


def test_a_file_is_sent_and_imported(shop: Shop) -> None:
    client = signed_in(shop)
    address = reverse("admin:reconciliation_settlementfile_upload")
    assert client.get(address).status_code == 200
    form = {"merchant": shop.merchant.id, "file": SimpleUploadedFile("day.xml", statement(BankLine(100)).encode())}
    answer = client.post(address, form)
    row = SettlementFile.objects.get()
    assert answer["Location"] == page(SettlementFile, "change", row.id)
    import_due()
    assert "camt053" in client.get(answer["Location"]).content.decode()


def test_a_bank_account_is_entered_and_its_statements_are_found_there(shop: Shop) -> None:
    client = signed_in(shop)
    address = reverse("admin:reconciliation_bankaccount_enter")
    assert client.get(address).status_code == 200
    form = {"merchant": shop.merchant.id, "name": "Sparen", "iban": "NL44 RABO 0123 4567 89", "currency": "EUR"}
    answer = client.post(address, form)
    row = BankAccount.objects.get()
    assert answer["Location"] == page(BankAccount, "change", row.id)
    shop.sends(statement(BankLine(100), iban="NL44RABO0123456789"))
    assert "NL44RABO0123456789" in click(client, client.get(answer["Location"]).content.decode(), "bankstatement/")
    assert client.post(address, form).status_code == 200  # entered already: said, and not twice
    assert BankAccount.objects.count() == 1


def test_who_may_not_resolve_may_not_send(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    address = reverse("admin:reconciliation_settlementfile_upload")
    assert signed_in(shop, Role.Name.AUDITOR).get(address).status_code == 403
    other = open_shop("Vreemd")
    form = {"merchant": other.merchant.id, "file": SimpleUploadedFile("x", b"x")}
    assert signed_in(shop, name="frank").post(address, form).status_code == 200
    assert SettlementFile.objects.count() == 0


def click(client: Client, shown: str, pattern: str) -> str:
    """Follow the first link of a page whose address fits."""
    link = next(link for link in map(unescape, re.findall(r'href="([^"]+)"', shown)) if re.search(pattern, link))
    answer = client.get(link)
    assert answer.status_code == 200, link
    return answer.content.decode()


def resolve_form(client: Client) -> tuple[str, str]:
    """The page of the first open discrepancy, come to from home as a person does, and where its form goes."""
    home = client.get("/admin/").content.decode()
    shown = click(client, click(client, home, r"/discrepancy/\?kind"), r"/discrepancy/[^/?]+/change/")
    action = re.search(r'action="([^"]+/resolve/[^"]*)"', shown)
    assert action is not None, "the page has no form"
    return shown, unescape(action[1])


def test_a_line_that_contradicts_itself_is_matched_with_one_of_its_candidates(shop: Shop) -> None:
    first, second = shop.sells_online(5000), shop.sells_online(5000)
    made = second.operations.get().provider_reference or ""
    shop.sends(settlement_csv(Line(5000, operation=first.operations.get().id, reference=made)))
    client = signed_in(shop)
    page_of_it, address = resolve_form(client)
    assert f'name="with" id="with-{second.id}" value="{second.id}"' in page_of_it
    assert ">reference, amount, day</span>" in page_of_it
    client.post(address, {"action": "match", "with": [second.id, ""], "note": "Its reference is right."})
    assert shop.disagreements("unknown_line") == []
    assert shop.balance("receivable", second.item) == 0


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "payment {} / {}; amount €50.00 / €48.00 (€2.00 less)"),
        ("nl", "betaling {} / {}; bedrag € 50,00 / € 48,00 (€ 2,00 minder)"),
    ],
)
def test_what_differs_of_a_candidate_is_told_in_words(shop: Shop, language: str, words: str) -> None:
    first, second = shop.sells_online(5000), shop.sells_online(5000)
    named, made = first.operations.get().id, second.operations.get().provider_reference or ""
    shop.sends(settlement_csv(Line(4800, operation=named, reference=made)))
    client = signed_in(shop, language=language)
    (row,) = shop.disagreements("unknown_line")
    shown = text_of(client, page(type(row), "change", row.id))
    assert words.format(second.order.reference, first.order.reference) in shown
    assert named not in shown.partition('id="candidates"')[2].partition("</table>")[0]


def test_another_merchants_payment_is_not_named(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    payment, others = shop.sells_online(5000), open_shop("Kaas").sells_online(5000)
    shop.sends(settlement_csv(Line(5000, operation=others.operations.get().id)))
    (row,) = shop.disagreements("unknown_line")
    shown = text_of(signed_in(shop), page(type(row), "change", row.id))
    assert f"payment {payment.order.reference} / one that is not ours" in shown
    assert str(others.order.reference) not in shown


@pytest.mark.parametrize(("action", "status"), [("book_fee", "resolved"), ("write_off", "proposed")])
def test_a_discrepancy_is_resolved_by_the_form_that_home_leads_to(shop: Shop, action: str, status: str) -> None:
    week(shop)
    (row,) = shop.disagreements()
    client = signed_in(shop)
    shown, address = resolve_form(client)
    assert f'value="{action}"' in shown
    client.post(address, {"action": action, "note": "Their fee."})
    row.refresh_from_db()
    assert row.status == status
    assert shop.balance("fees") == (200 if status == "resolved" else 0)


def test_what_makes_no_sense_is_said_and_changes_nothing(shop: Shop) -> None:
    week(shop)
    (row,) = shop.disagreements()
    client = signed_in(shop)
    address = reverse("admin:payments_discrepancy_resolve", args=[row.id])
    answer = client.post(address, {"action": "wait", "note": "x", "until": "2026-13-99"}, follow=True)
    assert "“2026-13-99” is not a day" in unescape(answer.content.decode())
    assert client.get(address).status_code == 405
    row.refresh_from_db()
    assert row.status == "open"


def test_an_auditor_reads_and_does_not_resolve(shop: Shop) -> None:
    week(shop)
    (row,) = shop.disagreements()
    client = signed_in(shop, Role.Name.AUDITOR)
    shown = client.get(reverse("admin:payments_discrepancy_change", args=[row.id])).content.decode()
    assert 'value="write_off"' not in shown
    client.post(reverse("admin:payments_discrepancy_resolve", args=[row.id]), {"action": "book_fee", "note": "x"})
    row.refresh_from_db()
    assert row.status == "open"


def test_a_dutch_bookkeeper_reads_dutch(shop: Shop) -> None:
    week(shop)
    dispute = Line(-4800, type="chargeback_reversal", reference="dp_1")
    shop.sends(settlement_csv(dispute), provider_account=shop.account("simulator"))
    differs, unknown = shop.disagreements()
    assert differs.detail == "Settled as 48.00 EUR; the books have 50.00 EUR."
    assert unknown.detail == "Line 3: chargeback reversal dp_1 of -48.00 EUR is about nothing we know."
    client = signed_in(shop, language="nl")
    shown = text_of(client, reverse("admin:payments_discrepancy_changelist"))
    assert "Afgerekend als € 48,00; in de boeken staat € 50,00." in shown
    assert "Regel 3: chargeback teruggedraaid dp_1 van −€ 48,00 betreft niets dat wij kennen." in shown
    assert "Settled as" not in shown
    client.post(reverse("admin:payments_discrepancy_resolve", args=[differs.id]), {"action": "accept", "note": ""})
    client.post(reverse("admin:payments_discrepancy_resolve", args=[differs.id]), {"action": "book_fee", "note": "X"})
    shown = text_of(client, reverse("admin:payments_discrepancy_change", args=[differs.id]))
    assert "geboekt als kosten van de provider · X" in shown
    assert "Dit kan niet bij dit soort verschil." in shown
    assert "Vul in waarom, in 1 tot 1000 tekens." in shown
    for name in ("Verkoop", "Afrekening", "Uitbetaling aangekondigd", "Uitbetaling ontvangen", "Verschil opgelost"):
        assert name in text_of(client, reverse("admin:ledger_journalentry_changelist")), name
    assert "chargeback teruggedraaid" in text_of(client, page(SettlementLine))


def test_why_a_file_is_refused_is_said_in_dutch_with_what_its_reader_says(shop: Shop) -> None:
    row = shop.sends("who;knows\n")
    client = signed_in(shop, language="nl")
    shown = text_of(client, page(SettlementFile, "change", row.id))
    assert "Het formaat van het bestand wordt niet herkend." in shown
    assert "Known are: simulator_csv" in shown
    assert "Het formaat" not in text_of(signed_in(shop, name="eve"), page(SettlementFile, "change", row.id))


def test_every_problem_of_a_file_has_words(shop: Shop) -> None:
    sources = [path.read_text() for path in Path("reconciliation").rglob("*.py")]
    found = {code for text in sources for code in re.findall(r'(?:Problem|Unreadable)\(\s*[^"()]+, "([a-z_]+)"', text)}
    assert len(found) > 15
    with translation.override("nl"):
        assert [code for code in sorted(found) if problem(code, "English") == "English"] == []


def text_of(client: Client, address: str) -> str:
    """What a page says, spaces aside."""
    return " ".join(unescape(client.get(address).content.decode()).replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize(("action", "status"), [("captured", "captured"), ("declined", "declined")])
def test_what_a_terminal_does_not_know_is_settled_by_its_form(shop: Shop, action: str, status: str) -> None:
    sale = shop.sells_in_store(2000, ending=DeviceOutcome.UNKNOWN)
    (row,) = shop.disagreements("outcome_unknown")
    client = signed_in(shop)
    shown = client.get(reverse("admin:payments_discrepancy_change", args=[row.id])).content.decode()
    assert f'value="{action}"' in shown
    address = reverse("admin:payments_discrepancy_resolve", args=[row.id])
    client.post(address, {"action": action, "note": "The slip of the terminal, filed."})
    sale.refresh_from_db()
    assert (sale.status, shop.disagreements()) == (status, [])


def test_a_resolution_is_undone_by_the_form_of_its_page(shop: Shop) -> None:
    week(shop)
    (row,) = shop.disagreements()
    client = signed_in(shop)
    address = reverse("admin:payments_discrepancy_change", args=[row.id])
    assert "/undo/" not in client.get(address).content.decode()
    _shown, resolving = resolve_form(client)
    client.post(resolving, {"action": "book_fee", "amount": "1,50", "note": "A part of it is their fee."})
    shown = client.get(address).content.decode()
    assert "Leave it empty for all that stands open: €&nbsp;0.50." in shown or "0.50" in shown
    client.post(resolving, {"action": "book_fee", "amount": "", "note": "The rest too."})
    shown = client.get(address).content.decode()
    undoing = re.search(r'action="([^"]+/undo/)[^"]*"', shown)
    assert undoing is not None
    assert client.get(undoing[1]).status_code == 405
    client.post(undoing[1], {"note": ""})
    assert shop.balance("fees") == 200
    shown = client.post(undoing[1], {"note": "It was ours."}, follow=True).content.decode()
    assert "Undone." in shown
    assert "It was ours." in shown
    assert shop.balance("fees") == 0
    row.refresh_from_db()
    assert row.status == "open"


def test_more_than_stands_open_is_said_in_the_readers_language(shop: Shop) -> None:
    week(shop)
    (row,) = shop.disagreements()
    client = signed_in(shop, language="nl")
    address = reverse("admin:payments_discrepancy_resolve", args=[row.id])
    answer = client.post(address, {"action": "book_fee", "amount": "2,01", "note": "x"}, follow=True)
    assert "Dit is meer dan er openstaat: € 2,00." in unescape(answer.content.decode()).replace("\xa0", " ")
    answer = client.post(address, {"action": "book_fee", "amount": "twee", "note": "x"}, follow=True)
    assert "Schrijf" in answer.content.decode() or "bedrag" in answer.content.decode()
    assert shop.balance("fees") == 0


def test_undoing_what_two_people_decided_is_a_case_for_two(shop: Shop) -> None:
    week(shop)
    (row,) = shop.disagreements()
    client, other = signed_in(shop), signed_in(shop, name="bob")
    _shown, resolving = resolve_form(client)
    client.post(resolving, {"action": "write_off", "note": "Lost."})
    approving = Approval.objects.get()
    other.post(reverse("admin:people_approval_decide", args=[approving.id]), {"decision": "approve"})
    assert shop.balance("write_offs") == 200
    shown = client.post(reverse("admin:payments_discrepancy_undo", args=[row.id]), {"note": "Found."}, follow=True)
    assert "This waits for a second person." in shown.content.decode()
    approval = Approval.objects.latest("id")
    assert reverse("admin:people_approval_change", args=[approval.id]) in shown.content.decode()
    case = other.get(reverse("admin:people_approval_change", args=[approval.id])).content.decode()
    assert "Found." in case
    assert "Resolution undone" in case
    other.post(reverse("admin:people_approval_decide", args=[approval.id]), {"decision": "approve"})
    assert shop.balance("write_offs") == 0
    row.refresh_from_db()
    assert row.status == "open"


def test_a_settlement_shows_by_what_each_line_was_matched(shop: Shop) -> None:
    week(shop)
    client = signed_in(shop)
    shown = client.get(page(Settlement, "change", str(Settlement.objects.get().pk))).content.decode()
    assert "by our own number" in shown
    assert "our number, day" in shown
    line = SettlementLine.objects.get()
    assert page(SettlementLine, "change", str(line.pk)) in shown
    shown = client.get(page(SettlementLine, "change", str(line.pk))).content.decode()
    assert "By what it was matched" in shown
    assert "48.00" in shown and "50.00" in shown


def test_several_are_resolved_in_one_way_after_one_look(shop: Shop) -> None:
    operations = [shop.sells_online(5000).operations.get().id for _ in range(3)]
    shop.sends(settlement_csv(*(Line(4800, operation=name) for name in operations)))
    rows = shop.disagreements("amount_differs")
    client = signed_in(shop)
    chosen = {"action": "settle", "_selected_action": [row.id for row in rows]}
    shown = client.post("/admin/payments/discrepancy/", chosen).content.decode()
    assert 'value="book_fee"' in shown and 'value="match"' not in shown
    assert "6.00" in shown
    assert shop.balance("fees") == 0
    sent = chosen | {"confirmed": "1", "do": "book_fee", "note": "Their fee."}
    assert "3 done." in client.post("/admin/payments/discrepancy/", sent, follow=True).content.decode()
    assert (shop.balance("fees"), shop.disagreements()) == (600, [])
    again = client.post("/admin/payments/discrepancy/", sent, follow=True).content.decode()
    assert "is not open any more" in again
    assert shop.balance("fees") == 600


def test_one_that_is_refused_stops_no_other(shop: Shop) -> None:
    operations = [shop.sells_online(5000).operations.get().id for _ in range(2)]
    shop.sends(settlement_csv(*(Line(4800, operation=name) for name in operations)))
    first, second = shop.disagreements("amount_differs")
    client = signed_in(shop)
    client.post(
        reverse("admin:payments_discrepancy_resolve", args=[first.id]), {"action": "write_off", "note": "Lost."}
    )
    sent = {"action": "settle", "_selected_action": [first.id, second.id], "confirmed": "1", "do": "write_off"}
    shown = client.post("/admin/payments/discrepancy/", sent | {"note": "Lost."}, follow=True).content.decode()
    assert "1 waits for a second person." in shown
    assert "is not open any more" in shown
    assert shop.balance("write_offs") == 0
