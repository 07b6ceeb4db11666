"""The hosted payment page: one form, no script, nothing loaded from elsewhere, in Dutch or English."""

from collections.abc import Sequence
from html import escape
from typing import Final

from config.sandbox.psp.sql import Row
from payments.core.money import Money
from payments.providers.base import Outcome

WORDS: Final = {
    "en": {
        "title": "Test payment",
        "note": "This is a simulated payment page. No money moves.",
        "how": "How would you like to pay?",
        "approve": "Pay",
        "decline": "Let the bank refuse",
        "cancel": "Cancel",
        "later": "Decide later",
        "succeeded": "Paid. You may close this page.",
        "declined": "Not paid.",
        "pending": "Your payment is being processed.",
    },
    "nl": {
        "title": "Testbetaling",
        "note": "Dit is een nagebootste betaalpagina. Er gaat geen geld over.",
        "how": "Hoe wilt u betalen?",
        "approve": "Betalen",
        "decline": "Laat de bank weigeren",
        "cancel": "Annuleren",
        "later": "Later beslissen",
        "succeeded": "Betaald. U kunt deze pagina sluiten.",
        "declined": "Niet betaald.",
        "pending": "Uw betaling wordt verwerkt.",
    },
}
METHOD_NAMES: Final = {
    "en": {"bank_transfer": "Bank transfer", "card": "Card", "sepa_debit": "Direct debit"},
    "nl": {"bank_transfer": "Overboeking", "card": "Kaart", "sepa_debit": "Incasso"},
}
BRANDED: Final = {"bancontact": "Bancontact", "ideal": "iDEAL", "klarna": "Klarna", "paypal": "PayPal"}
ACTIONS: Final = ("approve", "decline", "cancel", "later")
STYLE: Final = """
:root { color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; background: Canvas; color: CanvasText }
main { width: min(26rem, 100% - 2rem) }
h1 { font-size: 1.1rem; font-weight: 500; margin: 0 }
.amount { font-size: 2.4rem; font-weight: 600; margin: .2rem 0 }
.note { font-size: .85rem; opacity: .7 }
fieldset { border: 1px solid; border-radius: .6rem; margin: 1rem 0; padding: .4rem 1rem }
label { display: block; padding: .35rem 0 }
button { display: block; width: 100%; font: inherit; padding: .8rem; margin: .6rem 0; border: 1px solid;
  border-radius: .6rem; background: transparent; color: inherit; cursor: pointer }
button[value=approve] { background: #00703c; border-color: #00703c; color: #fff; font-weight: 600 }
button:focus-visible, input:focus-visible { outline: 3px solid #08f; outline-offset: 2px }
"""


def language(accept_language: str) -> str:
    """Return `nl` or `en`, whichever the browser names first."""
    accepted: list[tuple[float, str]] = []
    for part in accept_language.lower().split(","):
        tag, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=") or "1"
        try:
            accepted.append((-float(quality), tag[:2]))
        except ValueError:
            continue
    return next((tag for _, tag in sorted(accepted, key=lambda pair: pair[0]) if tag in WORDS), "en")


def form(row: Row, lang: str, offered: Sequence[str]) -> str:
    """The page of an open payment; with a choice of methods where the shop made none."""
    words = WORDS[lang]
    method = _name(row["method"], lang) if row["method"] else ""
    choice = "" if row["method"] else _choice(words["how"], offered, lang)
    buttons = "".join(f'<button name="action" value="{action}">{words[action]}</button>' for action in ACTIONS)
    body = f'{_amount(row, lang, method)}<form method="post">{choice}{buttons}</form>'
    return _document(lang, body)


def result(row: Row, lang: str) -> str:
    """The page of a payment that is decided, for a customer whom the shop wants nowhere else."""
    outcome = row["outcome"] if row["outcome"] in (Outcome.SUCCEEDED, Outcome.DECLINED) else Outcome.PENDING
    method = _name(row["method"], lang) if row["method"] else ""
    return _document(lang, f'{_amount(row, lang, method)}<p role="status">{WORDS[lang][outcome]}</p>')


def _amount(row: Row, lang: str, method: str) -> str:
    amount = str(Money(row["amount"], row["currency"]).to_decimal())
    shown = f"{row['currency']} {amount.replace('.', ',') if lang == 'nl' else amount}"
    about = " · ".join(escape(part) for part in (method, row["description"] or "") if part)
    return f'<h1>{WORDS[lang]["title"]}</h1><p class="amount">{shown}</p><p>{about}</p>'


def _choice(question: str, offered: Sequence[str], lang: str) -> str:
    radios = "".join(
        f'<label><input type="radio" name="method" value="{method}" required> {_name(method, lang)}</label>'
        for method in offered
    )
    return f"<fieldset><legend>{question}</legend>{radios}</fieldset>"


def _name(method: str, lang: str) -> str:
    return METHOD_NAMES[lang].get(method) or BRANDED[method]


def _document(lang: str, body: str) -> str:
    words = WORDS[lang]
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{words["title"]}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<style>{STYLE}</style></head><body><main>{body}<p class="note">{words["note"]}</p></main></body></html>'
    )
