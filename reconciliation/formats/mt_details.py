"""What banks put into `:86:`: code words between slashes (Dutch), numbered parts (German), or plain text."""

import re
from collections.abc import Mapping, Sequence
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
_PARTIES: Final = frozenset({"ORDP", "BENM", "ULTD", "ULTC", "ULTB", "CNTP"})
_COUNTERPARTIES: Final = ("ORDP", "BENM", "")  # who paid, who was paid, or a name that stands alone
_NUMBERED: Final = re.compile(r"[0-9]{3}([?<>^~])[0-9]{2}")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def details(line: StatementLine, texts: Sequence[str]) -> StatementLine:
    """Return the line with the details of its `:86:` (or of several); the text stays readable in `remittance`."""
    text = "\n".join(texts)
    joined = text.replace("\n", "")
    if joined.startswith("/") and _WORD.search(joined):
        return _worded(line, joined)
    numbered = _NUMBERED.match(joined)
    if numbered:
        return _numbered(line, joined, numbered[1])
    return replace(line, remittance=_more(line, " ".join(text.split())))


def _worded(line: StatementLine, text: str) -> StatementLine:
    fields = _fields(text)
    party = fields.get(("CNTP", "CNTP"), "").split("/")
    iban = _of_counterparty(fields, "IBAN") or (party[0] if _IBAN.fullmatch(party[0]) else "")
    name = _of_counterparty(fields, "NAME") or (party[2] if len(party) > 2 else "")
    remittance = re.sub(r"^(USTD|STRD)/+", "", _first(fields, "REMI"))
    return replace(
        line,
        end_to_end_id=_given(_first(fields, "EREF")) or line.end_to_end_id,
        counterparty_iban=iban[:34] or line.counterparty_iban,
        counterparty_name=name,
        remittance=_more(line, " ".join(filter(None, (remittance, _first(fields, "CDTRREF")))) or text),
    )


def _fields(text: str) -> dict[tuple[str, str], str]:
    """What each code word says, of the party named before it ("" if none); the first counts."""
    marks = list(_WORD.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    fields: dict[tuple[str, str], str] = {}
    party = ""
    for mark, end in zip(marks, ends, strict=True):
        word = mark[1]
        party = word if word in _PARTIES else party if word in ("NAME", "IBAN", "BIC", "ADDR", "ID") else ""
        fields.setdefault((party, word), text[mark.end() : end].strip("/ "))
    return fields


def _of_counterparty(fields: Mapping[tuple[str, str], str], word: str) -> str:
    return next((fields[party, word] for party in _COUNTERPARTIES if fields.get((party, word))), "")


def _first(fields: Mapping[tuple[str, str], str], word: str) -> str:
    return next((text for (_, named), text in fields.items() if named == word), "")


def _numbered(line: StatementLine, text: str, mark: str) -> StatementLine:
    parts = re.split(rf"{re.escape(mark)}([0-9]{{2}})", text)[1:]
    fields = dict(zip(parts[::2], parts[1::2], strict=True))
    remittance = "".join(fields.get(f"{number}", "") for number in (*range(20, 30), *range(60, 64)))
    reference = re.search(r"EREF[+:]\s?(.*?)(?=(?:KREF|MREF|CRED|SVWZ|ABWA|PURP)\+|$)", remittance)
    iban = next((fields[part] for part in ("31", "38") if _IBAN.fullmatch(fields.get(part, ""))), fields.get("31", ""))
    return replace(
        line,
        end_to_end_id=_given(reference[1]) if reference else line.end_to_end_id,
        counterparty_iban=iban[:34] or line.counterparty_iban,
        counterparty_name=(fields.get("32", "") + fields.get("33", "")).strip(),
        remittance=_more(line, remittance or fields.get("00", "")),
    )


def _given(reference: str | None) -> str:
    text = (reference or "").strip()
    return "" if text == "NOTPROVIDED" else text


def _more(line: StatementLine, text: str) -> str:
    return f"{line.remittance} {text}".strip()[:LONGEST]
