"""Terminals of the fake: nexo messages over its cloud or to the terminal itself, plain or encrypted.

A terminal remembers the last answers, takes one payment at a time, and does what its customer does: `tap`, `refuse`,
`give_up`, or nothing until somebody acts. Its own memory survives a power failure; what it was just at does not.
"""

import base64
import hashlib
import hmac
import json
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.fake_adyen.books import Books, Change, Object, Payment
from tests.fake_adyen.traps import Trap
from tests.fakes.json_api import Call

if TYPE_CHECKING:
    from tests.fake_adyen.server import FakeAdyen

KEY: Final = {"KeyIdentifier": "CryptoKeyIdentifier12345", "KeyVersion": 1}
PASSPHRASE: Final = "p@ssw0rd123456"
SECRETS: Final = {
    "terminal_key_identifier": "CryptoKeyIdentifier12345",
    "terminal_key_version": "1",
    "terminal_key_passphrase": PASSPHRASE,
}
_CARD: Final = {
    "CardData": {
        "PaymentBrand": "mc",
        "MaskedPan": "541333 **** 4321",
        "EntryMode": ["Contactless"],
        "PaymentAccountRef": "V0010013019",
    },
    "PaymentInstrumentType": "Card",
}
_WAIT: Final = 5.0  # seconds that a message to the terminal itself waits for its customer


@dataclass
class FakeTerminal:
    """One terminal: what it is at, and what it remembers."""

    device: str
    books: Books
    card: str = ""  # what its customer does, when there is one
    is_encrypted: bool = False
    is_online: bool = True
    current: Object | None = None
    answers: dict[str, Object] = field(default_factory=dict)  # by ServiceID
    done: threading.Condition = field(default_factory=threading.Condition)

    def act(self, what: str) -> None:
        """Its customer does something."""
        with self.done:
            request = self.current
            if request is None:
                return
            service, amounts = request["MessageHeader"]["ServiceID"], _amounts(request)
            if what == "tap":
                self.answers[service] = _paid(self, request, amounts)
            else:
                condition = {"refuse": "Refusal", "give_up": "Cancel", "abort": "Aborted"}[what]
                self.answers[service] = {"PaymentResponse": failure(condition)}
            self.current = None
            self.done.notify_all()

    def lose_power(self) -> None:
        """What it was at is gone, and nothing was charged."""
        with self.done:
            self.current = None
            self.done.notify_all()


def failure(condition: str) -> Object:
    """A failure as public fixtures have it: without data of sale and terminal."""
    return {"Response": {"Result": "Failure", "ErrorCondition": condition}}


def cloud(fake: "FakeAdyen", call: Call, *, waits: bool) -> Any:
    """A message over the cloud: handed on at once (`async`), or answered (`sync`)."""
    terminal = call.account.terminals.get(call.names["device"])
    if terminal is None:
        raise fake.refusal(404, "10_404", "Unknown device")
    header = call.body["SaleToPOIRequest"]["MessageHeader"]
    if not terminal.is_online or fake.traps.springs(Trap.TERMINAL_OFFLINE):
        if waits:
            return _enveloped(header, {f"{header['MessageCategory']}Response": failure("UnreachableHost")})
        return _rejected(header)
    answer = take(fake, terminal, call.body["SaleToPOIRequest"])
    return answer if waits else "ok"


def local(fake: "FakeAdyen", call: Call) -> Any:
    """A message to the terminal itself, which takes no plain ones, and answers when its customer is done."""
    header = call.body["SaleToPOIRequest"]["MessageHeader"]
    terminal = call.account.terminals[header["POIID"]]
    if "NexoBlob" not in call.body["SaleToPOIRequest"]:
        raise fake.refusal(400, "", "This terminal takes encrypted messages only")
    return take(fake, terminal, call.body["SaleToPOIRequest"], waits=True)


def take(fake: "FakeAdyen", terminal: FakeTerminal, envelope: Object, *, waits: bool = False) -> Any:
    """What a terminal does with a message, and answers."""
    plain = _unsealed(envelope) if "NexoBlob" in envelope else envelope
    header, kind = plain["MessageHeader"], plain["MessageHeader"]["MessageCategory"]
    problems = fake.specification.problems(f"NEXO {kind}", plain[f"{kind}Request"])
    if problems:
        body: Object = {f"{kind}Response": failure("MessageFormat")}
    elif kind == "TransactionStatus":
        body = _status(terminal, plain["TransactionStatusRequest"])
    elif kind == "Abort":
        return _abort(fake, terminal)
    elif kind == "GetTotals":
        body = _totals(terminal)
    elif kind == "Reversal":
        body = terminal.answers.setdefault(header["ServiceID"], _reversal(fake, terminal, plain["ReversalRequest"]))
    else:
        body = _payment(fake, terminal, plain, waits=waits)
    sealed = terminal.is_encrypted and not fake.traps.springs(Trap.PLAIN_ANSWER)
    return _enveloped(header, body, sealed=sealed)


def _payment(fake: "FakeAdyen", terminal: FakeTerminal, plain: Object, *, waits: bool) -> Object:
    service = plain["MessageHeader"]["ServiceID"]
    with terminal.done:
        if service in terminal.answers:  # a ServiceID is taken once in 48 hours
            return {"PaymentResponse": failure("NotAllowed")}
        if terminal.current is not None or fake.traps.springs(Trap.TERMINAL_BUSY):
            terminal.answers[service] = {"PaymentResponse": failure("Busy")}
            return terminal.answers[service]
        terminal.current = plain
        if fake.traps.springs(Trap.POWER_LOST):
            terminal.lose_power()
            raise ConnectionAbortedError
        if terminal.card:
            terminal.act(terminal.card)
        until = time.monotonic() + _WAIT
        while waits and terminal.current is plain and time.monotonic() < until:
            terminal.done.wait(0.1)
        return terminal.answers.get(service, {"PaymentResponse": failure("InProgress")})


def _status(terminal: FakeTerminal, asked: Object) -> Object:
    reference = asked["MessageReference"]
    service = reference["ServiceID"]
    if terminal.current is not None and terminal.current["MessageHeader"]["ServiceID"] == service:
        return {"TransactionStatusResponse": failure("InProgress")}
    if service not in terminal.answers:
        return {"TransactionStatusResponse": failure("NotFound")}
    return {
        "TransactionStatusResponse": {
            "Response": {"Result": "Success"},
            "MessageReference": reference,
            "RepeatedMessageResponse": {"RepeatedResponseMessageBody": terminal.answers[service]},
        }
    }


def _abort(fake: "FakeAdyen", terminal: FakeTerminal) -> str:
    """Says "ok" and no more; a card that was there first is charged all the same."""
    if fake.traps.springs(Trap.ABORT_CROSSES_TAP):
        terminal.act("tap")
    elif not fake.traps.springs(Trap.ABORT_IGNORED):
        terminal.act("abort")
    return "ok"


def _reversal(fake: "FakeAdyen", terminal: FakeTerminal, asked: Object) -> Object:
    """Received: the webhook tells what came of it."""
    books = terminal.books
    name = asked["OriginalPOITransaction"]["POITransactionID"]["TransactionID"].rpartition(".")[2]
    payment = books.payments.get(name)
    if payment is None:
        return {"ReversalResponse": failure("NotFound")}
    amount = round(asked["ReversedAmount"] * 100)
    reference = asked["SaleData"]["SaleTransactionID"]["TransactionID"]
    change = Change(books.psp_reference(), "reversal", payment, amount, reference)
    books.changes[change.name] = change
    return {"ReversalResponse": {"Response": {"Result": "Success"}}}


def carry_out_reversal(books: Books, *, success: bool = True, action: str = "refund") -> None:
    """What a terminal's reversal came to is told by CANCEL_OR_REFUND."""
    change = [row for row in books.changes.values() if row.verb == "reversal"][-1]
    if success:
        books.moved("refund", change.amount, -change.amount, change.name, change.payment.name, change.reference)
    books.tell(
        "CANCEL_OR_REFUND",
        change.name,
        change.amount,
        payment=change.payment,
        success=success,
        reference=change.reference,
        reason="" if success else "Not possible",
        additional={"modification.action": action},
    )


def _paid(terminal: FakeTerminal, request: Object, amounts: Object) -> Object:
    books, asked = terminal.books, request["PaymentRequest"]
    name, value = books.psp_reference(), round(amounts["RequestedAmount"] * 100)
    reference = asked["SaleData"]["SaleTransactionID"]["TransactionID"]
    is_refund = asked.get("PaymentData", {}).get("PaymentType") == "Refund"
    net = -value if is_refund else value
    payment = Payment(name, reference, amounts["Currency"], value, "mc", captured=max(net, 0), is_open=False)
    books.payments[name] = payment
    books.moved("refund" if is_refund else "sale", value, net, name, name, reference)
    code = "REFUND_WITH_DATA" if is_refund else "AUTHORISATION"
    books.tell(code, name, value, reference=reference, method="mc", currency=amounts["Currency"])
    at = books.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "PaymentResponse": {
            "Response": {"Result": "Success"},
            "SaleData": asked["SaleData"],
            "POIData": {
                "POITransactionID": {"TransactionID": f"4r7i{name}.{name}", "TimeStamp": at},
                "POIReconciliationID": "1000",
            },
            "PaymentResult": {
                "PaymentInstrumentData": _CARD,
                "AmountsResp": {"Currency": amounts["Currency"], "AuthorizedAmount": amounts["RequestedAmount"]},
                "OnlineFlag": True,
                "AuthenticationMethod": ["OnlinePIN"],
                "PaymentAcquirerData": {"MerchantID": "M1", "AcquirerPOIID": terminal.device, "ApprovalCode": "123456"},
            },
        }
    }


def _totals(terminal: FakeTerminal) -> Object:
    sales = [row for row in terminal.books.effects if row.verb == "sale"]
    row = {"TransactionType": "Debit", "TransactionCount": len(sales), "TransactionAmount": _sum(sales) / 100}
    totals = {"PaymentInstrumentType": "Card", "CardBrand": "mc", "PaymentCurrency": "EUR", "PaymentTotals": [row]}
    return {"GetTotalsResponse": {"Response": {"Result": "Success"}, "TransactionTotals": [totals]}}


def _sum(rows: list[Any]) -> int:
    return sum(row.amount for row in rows)


def _amounts(request: Object) -> Object:
    amounts: Object = request["PaymentRequest"]["PaymentTransaction"]["AmountsReq"]
    return amounts


def _enveloped(header: Object, body: Object, *, sealed: bool = False) -> Object:
    head = {**header, "MessageType": "Response"}
    plain = {"SaleToPOIResponse": {"MessageHeader": head, **body}}
    return {"SaleToPOIResponse": {"MessageHeader": head, **seal(json.dumps(plain).encode())}} if sealed else plain


def _rejected(header: Object) -> Object:
    detail = "message=Did+not+receive+a+response+from+the+POI."
    note = {"EventToNotify": "Reject", "EventDetails": detail, "TimeStamp": "2020-03-31T10:28:39.515Z"}
    head = {**header, "MessageClass": "Event", "MessageCategory": "Event", "MessageType": "Notification"}
    return {"SaleToPOIRequest": {"MessageHeader": head, "EventNotification": note}}


def seal(message: bytes, passphrase: str = PASSPHRASE) -> Object:
    """Encrypted as Adyen's documentation says, written apart from what it tests."""
    made = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), b"AdyenNexoV1Salt", 4000, dklen=80)
    nonce = os.urandom(16)
    padder = padding.PKCS7(128).padder()
    padded = padder.update(message) + padder.finalize()
    mixed = bytes(left ^ right for left, right in zip(made[64:], nonce, strict=True))
    encryptor = Cipher(algorithms.AES(made[32:64]), modes.CBC(mixed)).encryptor()
    blob = encryptor.update(padded) + encryptor.finalize()
    signature = hmac.new(made[:32], message, hashlib.sha256).digest()
    trailer = {"AdyenCryptoVersion": 1, **KEY, "Nonce": _text(nonce), "Hmac": _text(signature)}
    return {"NexoBlob": _text(blob), "SecurityTrailer": trailer}


def _unsealed(envelope: Object) -> Object:
    made = hashlib.pbkdf2_hmac("sha1", PASSPHRASE.encode(), b"AdyenNexoV1Salt", 4000, dklen=80)
    nonce = base64.b64decode(envelope["SecurityTrailer"]["Nonce"])
    mixed = bytes(left ^ right for left, right in zip(made[64:], nonce, strict=True))
    decryptor = Cipher(algorithms.AES(made[32:64]), modes.CBC(mixed)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    padded = decryptor.update(base64.b64decode(envelope["NexoBlob"])) + decryptor.finalize()
    message = unpadder.update(padded) + unpadder.finalize()
    assert hmac.new(made[:32], message, hashlib.sha256).digest() == base64.b64decode(
        envelope["SecurityTrailer"]["Hmac"]
    )
    read: Object = json.loads(message)["SaleToPOIRequest"]
    return read


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
