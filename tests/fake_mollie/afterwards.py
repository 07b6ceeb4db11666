"""What happens at Mollie without our asking: customers pay, refunds leave, banks take back, settlements are paid."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from tests.fake_mollie.books import VAT, Books, Object, cents, decimal, money

_UNFINISHED: Final = ("open", "pending")
_CARD: Final = {"cardLabel": "Visa", "cardNumber": "1234", "cardFingerprint": "fHB3CCKx9REkz8fPplT8N4nq"}
_ACCOUNT: Final = {"consumerName": "J. Jansen", "consumerAccount": "NL91ABNA0417164300", "consumerBic": "ABNANL2A"}
_RECEIPT: Final = {
    "authorizationCode": "080668",
    "applicationIdentifier": "A0000000041010",
    "cardReadMethod": "near-field-communication",
    "cardVerificationMethod": "no-cvm-required",
}
_FAILED: Final = {"creditcard": {"failureReason": "insufficient_funds", "failureMessage": "Not enough balance."}}


def pay(books: Books, name: str, method: str | None = None) -> None:
    """The customer pays, or holds what is captured later; also long after the payment was given up."""
    with books.lock:
        payment = books.objects[name]
        if payment["status"] in ("paid", "authorized"):
            return
        payment["method"] = payment["method"] or method or "ideal"
        payment["isCancelable"] = False
        payment["details"] = {**payment.get("details", {}), **_details(payment["method"])}
        if payment["captureMode"] == "manual":
            payment |= {"status": "authorized", "authorizedAt": books.stamp(), "isCancelable": True}
            books.tell("payment.authorized", payment)
            return
        payment |= {"status": "paid", "paidAt": books.stamp()}
        _took(books, "sale", payment, payment, paymentId=name)
        books.tell("payment.paid", payment)


def _details(method: str) -> Object:
    if method == "creditcard":
        return dict(_CARD)
    if method == "pointofsale":
        return {"maskedNumber": "513650******1234", "cardLabel": "Mastercard", "receipt": dict(_RECEIPT)}
    return dict(_ACCOUNT) if method in ("ideal", "bancontact") else {}


def _took(books: Books, verb: str, obj: Object, payment: Object, **context: str) -> None:
    amount, currency = decimal(obj), obj["amount"]["currency"]
    books.moved(verb, obj, cents(amount))
    kind = "payment" if verb == "sale" else "capture"
    books.balance(kind, amount, currency, cost=payment["method"], **context)


def fail(books: Books, name: str, code: str | None = None) -> None:
    """The customer's bank refuses; on a terminal `code` says why."""
    with books.lock:
        payment = books.objects[name]
        payment |= {"status": "failed", "failedAt": books.stamp(), "isCancelable": False}
        if code is not None:
            payment["statusReason"] = {"code": code, "message": code.replace("_", " ").capitalize()}
        payment["details"] = {**payment.get("details", {}), **_FAILED.get(payment["method"] or "", {})}
        books.tell("payment.failed", payment)


def cancel(books: Books, name: str) -> None:
    """The customer goes, or an authorization is released."""
    with books.lock:
        payment = books.objects[name]
        payment |= {"status": "canceled", "canceledAt": books.stamp(), "isCancelable": False}
        books.tell("payment.canceled", payment)


def expire(books: Books, name: str) -> None:
    """Nobody paid in time, or nobody captured."""
    with books.lock:
        payment = books.objects[name]
        payment |= {"status": "expired", "expiredAt": books.stamp(), "isCancelable": False}
        books.tell("payment.expired", payment)


def expire_due(books: Books) -> None:
    """What its clock says is over."""
    with books.lock:
        for payment in books.all("tr"):
            is_due = datetime.fromisoformat(payment["expiresAt"]) < books.now()
            if payment["status"] in _UNFINISHED and is_due:
                expire(books, payment["id"])


def carry_out_capture(books: Books, name: str) -> None:
    """What was held is taken; what was not asked for is released."""
    with books.lock:
        capture = books.objects[name]
        payment = books.objects[capture["paymentId"]]
        capture["status"] = "succeeded"
        payment |= {"status": "paid", "paidAt": books.stamp(), "isCancelable": False}
        _took(books, "capture", capture, payment, paymentId=payment["id"], captureId=name)
        books.tell("capture.succeeded", capture)


def fail_capture(books: Books, name: str) -> None:
    """The bank does not give what it held."""
    with books.lock:
        capture = books.objects[name]
        capture["status"] = "failed"
        books.tell("capture.failed", capture)


def refunds_leave(books: Books) -> None:
    """Two hours are over, and there is enough balance: all that waits is given back."""
    with books.lock:
        for refund in reversed(books.all("re")):
            if refund["status"] in ("queued", "pending", "processing"):
                refund["status"] = "refunded"
                books.moved("refund", refund, -cents(decimal(refund)))
                books.tell("refund.refunded", refund)


def refund_comes_back(books: Books, name: str) -> None:
    """The customer's bank could not place it: it fails, maybe after it was done."""
    with books.lock:
        refund = books.objects[name]
        was_done = refund["status"] == "refunded"
        refund["status"] = "failed"
        currency = refund["amount"]["currency"]
        books.balance("returned-refund", decimal(refund), currency, paymentId=refund["paymentId"], refundId=name)
        if was_done:
            books.moved("refund_failed", refund, cents(decimal(refund)))
        books.tell("refund.failed", refund)


def cancel_refund(books: Books, name: str) -> None:
    """Somebody stops it before it leaves."""
    with books.lock:
        refund = books.objects[name]
        refund["status"] = "canceled"
        currency = refund["amount"]["currency"]
        books.balance("returned-refund", decimal(refund), currency, paymentId=refund["paymentId"], refundId=name)
        books.tell("refund.canceled", refund)


def refund_at_dashboard(books: Books, name: str, amount: str) -> Object:
    """Somebody gives back at Mollie's own pages."""
    with books.lock:
        payment = books.objects[name]
        currency = payment["amount"]["currency"]
        refund = books.add(
            "re",
            paymentId=name,
            amount={"currency": currency, "value": amount},
            description="Refund",
            metadata=None,
            status="pending",
        )
        books.balance("refund", -decimal(refund), currency, cost="refund", paymentId=name, refundId=refund["id"])
        return refund


def charge_back(books: Books, name: str, amount: str) -> Object:
    """The customer's bank takes back."""
    with books.lock:
        payment = books.objects[name]
        currency = payment["amount"]["currency"]
        chargeback = books.add(
            "chb",
            paymentId=name,
            amount={"currency": currency, "value": amount},
            settlementAmount={"currency": currency, "value": f"-{amount}"},
            reason={"code": "AC01", "description": "Account identifier incorrect (i.e. invalid IBAN)"},
            reversedAt=None,
        )
        books.moved("chargeback", chargeback, -cents(decimal(chargeback)))
        books.balance("chargeback", -decimal(chargeback), currency, paymentId=name, chargebackId=chargeback["id"])
        books.tell("chargeback.received", chargeback)
        return chargeback


def reverse_chargeback(books: Books, name: str) -> None:
    """The bank gives back what it took."""
    with books.lock:
        chargeback = books.objects[name]
        chargeback["reversedAt"] = books.stamp()
        currency = chargeback["amount"]["currency"]
        books.moved("chargeback_reversed", chargeback, cents(decimal(chargeback)))
        books.balance(
            "chargeback-reversal", decimal(chargeback), currency, paymentId=chargeback["paymentId"], chargebackId=name
        )
        books.tell("chargeback.reversed", chargeback)


def correct_balance(books: Books, kind: str, amount: str) -> Object:
    """Mollie holds a reserve, corrects, or compensates an invoice."""
    with books.lock:
        return books.balance(kind, Decimal(amount), "EUR")


def terminal(books: Books, status: str = "active") -> Object:
    """A device in a store."""
    with books.lock:
        return books.add(
            "term",
            status=status,
            brand="PAX",
            model="A920",
            serialNumber="1234567890",
            currency="EUR",
            description="Counter",
            profileId=f"pfl_{books.name}",
            updatedAt=books.stamp(),
        )


def settle(books: Books, reference: str | None = None, *, status: str = "paidout") -> Object:
    """Pay what was not paid yet; costs are summed up a method in four decimals, and the payout is rounded."""
    with books.lock:
        number = len(books.all("stl")) + 1
        at = books.now()
        settlement = books.add(
            "stl",
            reference=reference or f"1234567.{at:%y%m}.{number:02d}",
            status=status,
            balanceId=f"bal_{books.name}",
            settledAt=books.stamp() if status == "paidout" else None,
            amount=None,
            periods={},
        )
        revenue = sum((_put_into(settlement, row) for row in _unsettled(books)), Decimal(0))
        others = sum((_carry(settlement, row) for row in _others(books)), Decimal(0))
        costs = _costs(books)
        gross = sum((Decimal(row["amountGross"]["value"]) for row in costs), Decimal(0))
        paid = (revenue + others - gross).quantize(Decimal("0.01"), ROUND_HALF_UP)
        settlement["amount"] = money(paid, "EUR")
        settlement["periods"] = {f"{at:%Y}": {f"{at:%m}": {"revenue": [], "costs": costs, "invoiceId": "inv_1"}}}
        books.costs.clear()
        books.balance("outgoing-transfer", -paid, "EUR", transferId=f"trf_{number}", settlementId=settlement["id"])
        return settlement


def fail_payout(books: Books, name: str) -> None:
    """The bank sent it back."""
    with books.lock:
        settlement = books.objects[name]
        settlement["status"] = "failed"
        amount = decimal(settlement)
        books.balance("returned-transfer", amount, "EUR", transferId="trf_x", settlementId=name)


def _unsettled(books: Books) -> list[tuple[Object, Decimal]]:
    """What the lists of a settlement hold, with what it is worth there."""
    sales = [row for row in books.all("tr", status="paid") if row["captureMode"] != "manual"]
    taken = [*sales, *books.all("cpt", status="succeeded")]
    given = [row for row in books.all("re") if row["status"] not in ("failed", "canceled")]
    rows: list[tuple[Object, Decimal]] = [(row, decimal(row)) for row in taken]
    rows += [(row, -decimal(row)) for row in given]
    rows += [(row, -decimal(row)) for row in books.all("chb")]
    return [(row, worth) for row, worth in rows if "settlementId" not in row]


def _put_into(settlement: Object, row: tuple[Object, Decimal]) -> Decimal:
    obj, worth = row
    obj["settlementId"] = settlement["id"]
    obj["settlementAmount"] = money(worth, obj["amount"]["currency"])
    return worth


def _others(books: Books) -> list[Object]:
    """Movements of the balance that no list of a settlement holds; also what came back of something settled before."""
    listed = ("payment", "capture", "refund", "chargeback", "outgoing-transfer")
    found = []
    for row in books.all("baltr"):
        undone = row["type"] == "returned-refund"
        # One that failed before it was settled stands in no list, and neither does its refund.
        if undone and "settlementId" not in books.objects[row["context"]["refundId"]]:
            continue
        if row["type"] not in listed and "settled" not in row:
            found.append(row)
    return found


def _carry(settlement: Object, row: Object) -> Decimal:
    row["settled"] = settlement["id"]
    return decimal(row, "resultAmount")


def _costs(books: Books) -> list[dict[str, Any]]:
    rows = []
    for method in dict.fromkeys(method for method, _ in books.costs):
        each = [net for name, net in books.costs if name == method]
        net = sum(each, Decimal(0))
        vat = (net * VAT).quantize(Decimal("0.0001"))
        rows.append(
            {
                "description": method.capitalize(),
                "method": method,
                "count": len(each),
                "rate": {"fixed": None, "percentage": None},
                "amountNet": {"currency": "EUR", "value": f"{net:.4f}"},
                "amountVat": {"currency": "EUR", "value": f"{vat:.4f}"},
                "amountGross": {"currency": "EUR", "value": f"{net + vat:.4f}"},
            }
        )
    return rows
