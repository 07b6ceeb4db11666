"""What is told of a fact is English to machines, and to each reader in a language and writing of their own."""

from datetime import date
from typing import Any

import pytest
from django.utils import translation

from payments.accounting.labels import EVENTS
from payments.admin.base.render import event
from payments.core.money import Money
from payments.ledger.models import JournalEntry
from payments.models import Discrepancy
from payments.text.messages import Translatable, message_columns, render_message
from tests.builders import open_shop

NB = "\N{NO-BREAK SPACE}"


def test_amounts_days_and_words_are_written_as_the_reader_does() -> None:
    text = "{reference} of {amount} was expected on {day} and is on no bank statement."
    kept = message_columns(text, reference="P{1}", amount=Money(125050, "EUR"), day=date(2026, 11, 27))
    assert kept["detail"] == "P{1} of 1250.50 EUR was expected on 2026-11-27 and is on no bank statement."
    with translation.override("nl"):
        assert (
            render_message(**kept)
            == f"P{{1}} van €{NB}1.250,50 werd verwacht op 27 nov 2026 en staat op geen bankafschrift."
        )
    with translation.override("en"):
        assert render_message(**kept) == "P{1} of €1,250.50 was expected on 27 Nov 2026 and is on no bank statement."


def test_a_word_among_them_is_translated() -> None:
    kept = message_columns(
        "The provider gave no answer to {verb} {id}; it is being asked.", verb=Translatable("refund"), id="op_1"
    )
    with translation.override("nl"):
        assert render_message(**kept) == "De provider gaf geen antwoord op terugbetaling op_1; het wordt nagevraagd."


@pytest.mark.parametrize("text", [None, {}])
def test_what_was_told_without_a_text_stays_as_it_is(text: Any) -> None:
    with translation.override("nl"):
        assert render_message("As it was.", text) == "As it was."


@pytest.mark.django_db
def test_in_whatever_language_it_happens_machines_are_told_english() -> None:
    shop = open_shop()
    with translation.override("nl"):
        shop.pin_back(100)
    row = Discrepancy.objects.get(kind="unlinked_refund")
    assert row.detail == "Money was given back on a card, and no sale is known for it."
    with translation.override("nl"):
        assert (
            render_message(row.detail, row.message)
            == "Er is op een kaart terugbetaald, en er is geen verkoop bij bekend."
        )


@pytest.mark.django_db
def test_every_event_of_the_books_has_a_name() -> None:
    shop = open_shop()
    shop.refund(shop.pay_cash(1_000), channel=shop.store)
    names = set(JournalEntry.objects.values_list("event", flat=True))
    assert names == {"captured", "refund_accepted", "refund_paid"}
    assert names <= EVENTS.keys()
    with translation.override("nl"):
        assert [event("captured"), event("new")] == ["Verkoop", "new"]
