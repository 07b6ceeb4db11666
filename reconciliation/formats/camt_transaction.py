"""One transaction of a CAMT entry (`TxDtls`): its own amount, who it was with, and what they wrote."""

from dataclasses import replace
from typing import Final

from lxml.etree import _Element as Element

from payments.core.money import Money
from reconciliation.formats import camt_elements as at
from reconciliation.formats.base import StatementLine
from reconciliation.formats.markup import line_of

LONGEST_CODE: Final = 40


def details_of(element: Element, entry: StatementLine, amount: Money | None) -> StatementLine:
    """The entry's line with what this transaction says; `amount` None: it has none of its own, and counts nothing."""
    incoming = (amount or entry.amount).amount >= 0
    parties = ("Dbtr", "Cdtr") if incoming else ("Cdtr", "Dbtr")
    end_to_end_id = at.text(element, "Refs/EndToEndId")
    reference = at.text(element, "Refs/AcctSvcrRef")
    parent = element.getparent()
    batch = at.text(parent, "Btch/PmtInfId", "Btch/MsgId") if parent is not None else ""
    return replace(
        entry,
        line=line_of(element),
        amount=amount if amount is not None else Money(0, entry.amount.currency),
        bank_reference=reference or entry.bank_reference,
        end_to_end_id="" if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        # A part with a reference of its own still names the entry that it is part of.
        batch=batch or (entry.bank_reference if reference and reference != entry.bank_reference else ""),
        counterparty_name=at.text(element, *(path for party in parties for path in _names(party))),
        counterparty_iban=at.text(element, f"RltdPties/{parties[0]}Acct/Id/IBAN"),
        remittance=_remittance(element),
        code=_code(element, entry),
    )


def _code(element: Element, entry: StatementLine) -> str:
    """What kind of transaction it is, and of one that was returned also the bank's code for the reason."""
    parts = (at.code(element) or entry.code, at.text(element, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"))
    return " ".join(part for part in parts if part)[:LONGEST_CODE]


def _names(party: str) -> tuple[str, str]:
    return f"RltdPties/{party}/Nm", f"RltdPties/{party}/Pty/Nm"


def _remittance(element: Element) -> str:
    paths = ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/AddtlRmtInf")
    parts = [one.text.strip() for path in paths for one in at.every(element, path) if one.text]
    return (" ".join(parts) or at.text(element, "AddtlTxInf"))[: at.LONGEST_TEXT]


def own_amount(element: Element, entry: Money) -> Money | None:
    """A transaction's amount in the account's currency, signed as it says itself or else as its entry."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        found = at.first(element, path)
        if found is not None and found.get("Ccy") == entry.currency:
            indicator = at.text(element, "CdtDbtInd")
            outgoing = indicator == "DBIT" if indicator else entry.amount < 0
            return -at.money(found) if outgoing else at.money(found)
    return None
