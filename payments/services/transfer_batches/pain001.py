"""A batch as the bank takes it: ISO 20022 `pain.001.001.09`, one debtor account, SEPA credit transfers in euros.

Every text is within SEPA's character set and length already (`payments.services.transfer`); here nothing is cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from xml.sax.saxutils import escape

from payments.core.money import Money

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One credit transfer: `amount` in minor units of the batch's currency."""

    end_to_end_id: str
    amount: int
    iban: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """What the debtor asks of the bank; `id` names it in the bank's statement, too, where all is one debit."""

    id: str
    made_at: datetime
    debtor: str
    iban: str
    currency: str
    execute_on: date
    transfers: Sequence[Transfer]


def write(order: PaymentOrder) -> str:
    """Return the file's text; the same order gives the same text."""
    return "".join(_document(order))


def _document(order: PaymentOrder) -> Iterator[str]:
    sums = _element("NbOfTxs", str(len(order.transfers))) + _element("CtrlSum", _total(order))
    made_at = order.made_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    yield f'{_DECLARATION}<Document xmlns="{NAMESPACE}"><CstmrCdtTrfInitn>'
    yield f"<GrpHdr>{_element('MsgId', order.id)}{_element('CreDtTm', made_at)}{sums}"
    yield f"<InitgPty>{_element('Nm', order.debtor)}</InitgPty></GrpHdr>"
    # Booked as one debit where the bank does so: the merchant's account shows the batch, not each customer.
    yield f"<PmtInf>{_element('PmtInfId', order.id)}<PmtMtd>TRF</PmtMtd><BtchBookg>true</BtchBookg>{sums}"
    yield "<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>"
    yield f"<ReqdExctnDt>{_element('Dt', order.execute_on.isoformat())}</ReqdExctnDt>"
    yield f"<Dbtr>{_element('Nm', order.debtor)}</Dbtr>{_account('DbtrAcct', order.iban)}"
    # SEPA knows a bank by the IBAN; the schema wants an agent all the same.
    yield "<DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt><ChrgBr>SLEV</ChrgBr>"
    for transfer in order.transfers:
        yield from _transfer(transfer, order.currency)
    yield "</PmtInf></CstmrCdtTrfInitn></Document>\n"


def _transfer(transfer: Transfer, currency: str) -> Iterator[str]:
    amount = Money(transfer.amount, currency).to_decimal()
    yield f"<CdtTrfTxInf><PmtId>{_element('EndToEndId', transfer.end_to_end_id)}</PmtId>"
    yield f'<Amt><InstdAmt Ccy="{currency}">{amount}</InstdAmt></Amt>'
    yield f"<Cdtr>{_element('Nm', transfer.name)}</Cdtr>{_account('CdtrAcct', transfer.iban)}"
    yield f"<RmtInf>{_element('Ustrd', transfer.text)}</RmtInf></CdtTrfTxInf>"


def _total(order: PaymentOrder) -> str:
    return str(Money(sum(transfer.amount for transfer in order.transfers), order.currency).to_decimal())


def _account(name: str, iban: str) -> str:
    return f"<{name}><Id>{_element('IBAN', iban)}</Id></{name}>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"
