"""What is in the way of a connector, in the reader's language, beside the package's own words."""

from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

_WORDS: Final[dict[str, Any]] = {
    "account_unknown_there": _("The package does not know this account. Correct its code in the account mapping."),
    "account_unmapped": _("An account of the books has no code. Give it one in the account mapping."),
    "administration_ambiguous": _("The sign-in reaches several administrations. Name one in the settings."),
    "administration_unknown_there": _("The sign-in does not reach this administration. Correct the settings."),
    "client_refused": _("The package does not know the application. Enter its id and secret again."),
    "credentials_missing": _("There are no credentials. Enter them."),
    "credentials_refused": _("The package refuses the credentials. Enter others."),
    "currency_not_booked": _("The package books one currency. Book this day by hand, and mark it as sent."),
    "debtors_ambiguous": _("There are several accounts for debtors, or none. Name one in the settings."),
    "differs_there": _("Something else stands there under our key. Compare both, and mark it as sent if it is right."),
    "invoice_ambiguous": _("Several open invoices have this number. Pay the right one there, then mark it as sent."),
    "invoice_currency": _("The invoice is in another currency. Book its payment by hand, then mark it as sent."),
    "invoice_less_open": _("Less is open of the invoice than was paid. Book it by hand, then mark it as sent."),
    "invoice_not_open": _("No open invoice has this number. Send it again once it is there, or mark it as sent."),
    "invoices_not_supported": _("The package takes no payments of invoices."),
    "journal_ambiguous": _("There are several journals for memorial entries. Name one in the settings."),
    "journal_unknown_there": _("The package does not know this journal. Correct the settings."),
    "no_answer": _("No answer came. It is looked up before it is sent again."),
    "not_allowed": _("The package does not allow this. Check what the sign-in or the key may do."),
    "not_found_there": _("The package does not find this. Check the settings."),
    "not_reached": _("The package cannot be reached. It is tried again."),
    "not_signed_in": _("Nobody has signed in yet."),
    "outcome_unclear": _("Nobody can tell whether it arrived. Look there, then send it again or mark it as sent."),
    "rate_limited": _("The package takes no more requests for a while. It goes on by itself."),
    "refresh_refused": _("The package renews the sign-in later. It is tried again."),
    "refused": _("The package refuses it."),
    "sent_twice": _("It stands there more than once. Remove all but one there, then mark it as sent."),
    "sign_in_refused": _("The sign-in has ended. Sign in again."),
    "statement_not_findable": _("The package cannot be asked for statements."),
    "statements_not_supported": _("The package takes no statements."),
    "token_refused": _("The package refuses the sign-in. Sign in again, or enter other credentials."),
    "too_many_to_find": _("Too much stands there on this day to find it. Look there, then mark it as sent."),
}


def trouble(code: str, detail: str) -> str | SafeString:
    """One error as people read it; empty where there is none."""
    if not code:
        return ""
    words = _WORDS.get(code, code)
    return format_html("{} <q>{}</q>", words, detail) if detail else words
