"""What banks put into `:86:`: code words between slashes (Dutch), numbered parts (German), or plain text."""

import re
from dataclasses import replace
from typing import Final

from reconciliation.formats.base import StatementLine

LONGEST: Final = 2000
_WORDS: Final = (
    *("TRTP", "TRCD", "IBAN", "BIC", "NAME", "REMI", "EREF", "CNTP", "ORDP", "BENM", "ISDT", "MARF", "CSID", "PREF"),
    *("RTRN", "ADDR", "ID", "PURP", "ULTC", "ULTD", "ULTB", "SVCL", "CDTRREFTP", "CDTRREF", "OCMT", "CHGS", "BO"),
    *("KREF", "SWIFT"),
)
_WORD: Final = re.compile(rf"/({'|'.join(_WORDS)})/")
_NUMBERED: Final = re.compile(r"\?([0-9]{2})")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def details(line: StatementLine, text: str) -> StatementLine:
    """Return the line with the details of its `:86:`; all of the text stays readable in `remittance`."""
    joined = text.replace("\n", "")
    if joined.startswith("/") and _WORD.search(joined):
        return _worded(line, joined)
    if re.match(r"[0-9]{3}\?", joined):
        return _numbered(line, joined)
    return replace(line, remittance=_more(line, " ".join(text.split())))


def _worded(line: StatementLine, text: str) -> StatementLine:
    marks = list(_WORD.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    fields = {mark[1]: text[mark.end() : end].strip("/ ") for mark, end in zip(marks, ends, strict=True)}
    party = fields.get("CNTP", "").split("/")
    iban = fields.get("IBAN") or (party[0] if _IBAN.fullmatch(party[0]) else "")
    name = fields.get("NAME") or (party[2] if len(party) > 2 else "")
    remittance = re.sub(r"^(USTD|STRD)/+", "", fields.get("REMI", ""))
    return replace(
        line,
        end_to_end_id=_given(fields.get("EREF")) or line.end_to_end_id,
        counterparty_iban=iban[:34] or line.counterparty_iban,
        counterparty_name=name,
        remittance=_more(line, remittance or text),
    )


def _numbered(line: StatementLine, text: str) -> StatementLine:
    parts = _NUMBERED.split(text)[1:]
    fields = dict(zip(parts[::2], parts[1::2], strict=True))
    remittance = "".join(fields.get(f"{number}", "") for number in (*range(20, 30), *range(60, 64)))
    reference = re.search(r"EREF[+:]\s?(.*?)(?=(?:KREF|MREF|CRED|SVWZ|ABWA|PURP)\+|$)", remittance)
    return replace(
        line,
        end_to_end_id=_given(reference[1]) if reference else line.end_to_end_id,
        counterparty_iban=fields.get("31", "")[:34] or line.counterparty_iban,
        counterparty_name=(fields.get("32", "") + fields.get("33", "")).strip(),
        remittance=_more(line, remittance or fields.get("00", "")),
    )


def _given(reference: str | None) -> str:
    text = (reference or "").strip()
    return "" if text == "NOTPROVIDED" else text


def _more(line: StatementLine, text: str) -> str:
    return f"{line.remittance} {text}".strip()[:LONGEST]
