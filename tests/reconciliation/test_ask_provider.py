"""Asking the provider asks it: at its API where that tells, else by a letter with all that it can find it by."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Discrepancy, Operation
from payments.services.card_present.types import Kind
from reconciliation.models import Announcement
from reconciliation.services.overdue import raise_overdue
from tests.reconciliation.conftest import BankLine, Line, Shop, card_present, settlement_csv, statement
from tests.reconciliation.test_api import api, read
from tests.reconciliation.test_payout_references import announced
from tests.reconciliation.test_resolve import resolved, unknown_line


def question_of(shop: Shop, row: Discrepancy) -> dict[str, Any]:
    done = resolved(shop, row, "ask_provider")
    assert done.status == "open"
    answer: dict[str, Any] = done.resolution["asked"]
    return answer


def test_a_letter_names_all_that_the_provider_can_find_a_line_by(shop: Shop) -> None:
    account = shop.account("external")
    account.external_id = "MID-77"
    account.save()
    shop.reports(Kind.SALE, 900, rrn="632810000007", acquirer_tid="12345678", authorization_code="C0FFE1")
    line = card_present(1_100, rrn="632810000009", tid="12345678", code="C0FFE2")
    shop.sends(settlement_csv(line, reference="S-9"), provider_account=account)
    (row,) = shop.disagreements("unknown_line")
    letter = question_of(shop, row)
    assert (letter["how"], letter["provider_account"], letter["language"]) == ("letter", account.id, "nl")
    for expected in ("MID-77", "S-9", "632810000009", "12345678", "C0FFE2", row.id, "€ 11,00", shop.merchant.name):
        assert expected in (letter["subject"] + letter["body"]).replace("\xa0", " "), expected
    assert "Geachte" in letter["body"]


def test_abroad_it_is_written_in_english(shop: Shop) -> None:
    shop.merchant.country = "DE"
    shop.merchant.save()
    letter = question_of(shop, unknown_line(shop))
    assert (letter["language"], letter["body"].splitlines()[0]) == ("en", "Dear Sir or Madam,")
    assert "50.00" in letter["body"]


def test_a_payout_that_did_not_come_and_money_that_nobody_announced(shop: Shop) -> None:
    payout = announced(shop, "SIMPAY-2026-1", 25_000)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    letter = question_of(shop, shop.disagreements("payout_not_received")[0])
    assert payout.reference in letter["body"] and "250,00" in letter["body"]
    shop.sends(statement(BankLine(4_200, "BATCH 551", name="Simulator")))
    letter = question_of(shop, shop.disagreements("unknown_line")[-1])
    assert "BATCH 551" in letter["body"]


def test_a_sale_that_no_settlement_shows(shop: Shop) -> None:
    left_out, settled = shop.sells_online(5_000), shop.sells_online(1_000)
    shop.sends(settlement_csv(Line(1_000, operation=settled.operations.get().id)))
    raise_overdue(now=timezone.now() + timedelta(days=6))
    letter = question_of(shop, shop.disagreements("missing_in_settlement")[0])
    operation = left_out.operations.get()
    assert operation.id in letter["body"] and str(operation.provider_reference) in letter["body"]


@pytest.mark.parametrize("kind", ["payout", "sale"])
def test_where_the_provider_can_be_read_it_is_read(shop: Shop, settings: Any, kind: str) -> None:
    settings.SETTLEMENT_SOURCES = {"simulator": settings.SETTLEMENT_SOURCES["stripe"]}
    if kind == "payout":
        announced(shop, "SIMPAY-2026-1", 25_000)
        raise_overdue(now=timezone.now() + timedelta(days=9))
        answer = question_of(shop, shop.disagreements("payout_not_received")[0])
        waiting = Announcement.objects.get()
        assert (waiting.reference, waiting.due_at is not None) == ("SIMPAY-2026-1", True)
        question_of(shop, shop.disagreements("payout_not_received")[0])
        assert Announcement.objects.count() == 1
    else:
        settled = shop.sells_online(1_000)
        shop.sells_online(5_000)
        shop.sends(settlement_csv(Line(1_000, operation=settled.operations.get().id)))
        raise_overdue(now=timezone.now() + timedelta(days=6))
        answer = question_of(shop, shop.disagreements("missing_in_settlement")[0])
    assert (answer["how"], answer["body"]) == ("fetch", None)


def test_an_outcome_that_the_provider_knows_is_asked_for(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    operation = payment.operations.get()
    Operation.objects.filter(id=operation.id).update(outcome="unknown", due_at=None)
    row = Discrepancy.objects.create(
        merchant=shop.merchant, kind="outcome_unknown", key=f"outcome_unknown:{operation.id}", payment=payment
    )
    assert question_of(shop, row)["how"] == "fetch"
    operation.refresh_from_db()
    assert operation.due_at is not None or operation.outcome == "succeeded"


def test_the_api_answers_with_the_letter(shop: Shop) -> None:
    row = unknown_line(shop)
    client = api(shop)
    path = f"/v1/discrepancies/{row.id}"
    assert read(client.get(path))["asked"] is None
    body = {"action": "ask_provider", "note": "What is this?"}
    answer = read(client.post(f"{path}/resolve", body))
    assert (answer["status"], answer["asked"]["how"]) == ("open", "letter")
    assert read(client.get(path))["asked"] == answer["asked"]
