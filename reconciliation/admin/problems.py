"""Why a file is refused, in the user's language: a text by the problem's code, with the reader's English detail."""

from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

LANGUAGE_OF_DETAIL: Final = "en"  # the readers of files write it
_WORDS: Final[dict[str, Any]] = {
    "account_ambiguous": _("Its lines are about several provider accounts. Send one file per provider account."),
    "account_unmapped": _(
        "An account has no code in the accountant's software. Enter it under “Accounts at the accountant”."
    ),
    "books_differ": _("The books and what was written do not agree. Have the books audited."),
    "entry_unbalanced": _("An entry does not come to nothing. Have the books audited."),
    "export_failed": _(
        "Making it was cut short several times. Ask for it again, and if that fails ask whoever runs this server."
    ),
    "exported_before": _("Some of these days were exported before. Import one of the two, not both."),
    "vat_number_missing": _("The merchant has no VAT number; the audit file says so. Enter it in the settings."),
    "account_unknown": _(
        "It is about an account that is not known here. Enter its IBAN as a bank account, or name the provider account."
    ),
    "archive_encrypted": _("The ZIP file is encrypted. Unpack it and send what is in it."),
    "archive_invalid": _("The file is damaged and cannot be unpacked. Fetch it again where it came from."),
    "archive_nested": _("The ZIP file holds another, or an Excel workbook. Unpack it and send what is in it."),
    "archive_too_large": _("The file holds more than is taken at once. Send it in parts."),
    "balance_missing": _("An opening or closing balance is missing."),
    "character_invalid": _("It has a control character that no such file has."),
    "currency_differs": _("A line is in another currency than its file."),
    "currency_unknown": _("It names a currency that is not known."),
    "date_implausible": _("A day lies outside of any trade. Correct it where the file was made."),
    "encoding_invalid": _("It cannot be told in which encoding its letters are. Save it as UTF-8."),
    "field_too_long": _("It has too long a field."),
    "file_left_out": _("A file of the archive was not read: it is no settlement and no bank statement."),
    "file_not_masked": _(
        "It could not be looked through for card numbers, and was not stored. Split it and send the parts."
    ),
    "file_truncated": _("It ends too early. Fetch it again where it came from."),
    "format_not_recognized": _("It is in no format that is known here."),
    "formats_mixed": _("It holds files of several formats. Send them separately."),
    "header_invalid": _("Its beginning is not as it must be."),
    "import_failed": _(
        "The import was cut short several times. Send it again; if that fails too, ask whoever runs this installation."
    ),
    "line_too_long": _("It has too long a line."),
    "date_ambiguous": _("Its dates can be read in two ways. Export a period with a day after the 12th of a month."),
    "mapping_ambiguous": _("Several mappings fit this file. Choose one as its format."),
    "movement_known": _("Movements in it were imported before. Export the days after those of the earlier file."),
    "net_differs": _("A net amount is not gross less fees."),
    "payout_known": _("Another settlement announced this payout. One payout pays one settlement."),
    "record_invalid": _("A record is not as it must be."),
    "settlement_known": _("This settlement was imported before. One settlement is booked once."),
    "statement_known": _("This statement was imported before. One statement is booked once."),
    "sums_differ": _("Its sums are not those of its lines."),
    "workbook_empty": _("The Excel workbook has no rows in any sheet."),
    "workbook_invalid": _("The Excel workbook cannot be read. Save it as CSV and send that."),
    "workbook_old": _("This is an old Excel file, or one with a password. Save it as CSV or as .xlsx without one."),
    "workbook_protected": _("The Excel workbook is protected by a password. Save it without one, and send it again."),
    "workbook_too_large": _("The Excel workbook is too large to be read at once. Save it as CSV and send that."),
    "xml_forbidden": _("The XML has a document type, which no bank's file has."),
    "xml_invalid": _("The XML is damaged. Fetch it again from the bank."),
}

# What the readers always say in the same words is translated whole.
_SENTENCES: Final[dict[str, Any]] = {
    "This is an Excel sheet. Save it as CSV, or make a mapping for it under Settings.": _(
        "This is an Excel sheet. Save it as CSV, or make a mapping for it under Settings."
    ),
}


def problem(code: str, detail: str) -> str | SafeString:
    """Return the detail if the user reads its language, else the code's text with the detail below it."""
    if detail in _SENTENCES:
        return str(_SENTENCES[detail])
    words = _WORDS.get(code)
    if words is None or get_language() == LANGUAGE_OF_DETAIL:
        return detail
    return format_html('{}<br><span class="ot-quiet" lang="{}">{}</span>', words, LANGUAGE_OF_DETAIL, detail)
