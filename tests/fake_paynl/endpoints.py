"""What the two APIs do, with what Pay.nl refuses."""

import time
from typing import Any, Final

from tests.fake_paynl import afterwards
from tests.fake_paynl.books import Books, Object, now, set_status
from tests.fake_paynl.traps import Trap
from tests.fakes.json_api import Call

OPEN: Final = frozenset({20, 25, 50, 80, 85, 90, 98})
REFUNDABLE: Final = frozenset({100, 97, -82})


def public(order: Object) -> Object:
    """An order as it is shown."""
    return {name: value for name, value in order.items() if not name.startswith("_")}


def create(fake: Any, call: Call) -> Object:
    books: Books = call.account
    if call.body["serviceId"] != books.service_id:
        raise fake.refusal(403, "PAY-1403", "Access denied")
    terminal = ((call.body.get("paymentMethod") or {}).get("input") or {}).get("terminalCode")
    if terminal is not None:
        _claim_terminal(fake, books, terminal, call.body["paymentMethod"]["id"])
    order = books.add(call.body)
    if terminal is not None:
        set_status(order, 50)
        books.terminals[terminal]["_busy"] = order["orderId"]
        afterwards.present(fake, books, order, terminal)
    if fake.traps.springs(Trap.EXCHANGE_BEFORE_ANSWER):
        afterwards.pay(books, order["orderId"])
        time.sleep(fake.early)
        shown = public(order)
        return {**shown, "status": {"code": 20, "action": "PENDING"}}  # the answer was written before
    return public(order)


def _claim_terminal(fake: Any, books: Books, code: str, method: int) -> None:
    terminal = books.terminals.get(code)
    if terminal is None:
        raise fake.refusal(422, "PAY-1422", "paymentMethod.input.terminalCode: unknown terminal")
    if terminal["connectionStatus"] != "ONLINE" or fake.traps.springs(Trap.TERMINAL_OFFLINE):
        raise fake.refusal(422, "PAY-9205", "Terminal is offline")
    if terminal.get("_busy") or fake.traps.springs(Trap.TERMINAL_BUSY):
        raise fake.refusal(422, "PAY-9206", "Terminal is in use")
    if method == 2351 and "REFUND" not in terminal["paymentTypes"]:
        raise fake.refusal(422, "PAY-9207", "Terminal has no refunds")


def status(fake: Any, call: Call) -> Object:
    return public(_order(fake, call))


def capture(fake: Any, call: Call) -> Object:
    books: Books = call.account
    order = _order(fake, call)
    with books.lock:
        taken, held = order["capturedAmount"]["value"], order["amount"]["value"]
        if order["status"]["code"] not in (95, 97) or not 0 < call.body["amount"] <= held - taken:
            raise fake.refusal(422, "PAY-1422", "Order can not be captured")
        order["capturedAmount"]["value"] = taken + call.body["amount"]
        set_status(order, 100 if order["capturedAmount"]["value"] == held else 97)
        order["completedAt"] = now()
        books.moved("capture", order, call.body["amount"], call.body["amount"], order["orderId"])
    books.exchange(order)
    return public(order)


def void(fake: Any, call: Call) -> Object:
    order = _order(fake, call)
    if order["status"]["code"] != 95:
        raise fake.refusal(422, "PAY-406", "Only an authorized order can be voided")
    set_status(order, -90)
    call.account.exchange(order)
    return public(order)


def abort(fake: Any, call: Call) -> Object:
    """Stop an order; a card that was read already pays it all the same."""
    books: Books = call.account
    order = _order(fake, call)
    if order["status"]["code"] not in OPEN:
        raise fake.refusal(422, "PAY-406", "Only a pending order can be aborted")
    if fake.traps.springs(Trap.ABORT_CROSSES_TAP):
        answer = {**public(order), "status": {"code": -90, "action": "CANCEL"}}
        afterwards.pay(books, order["orderId"])
        return answer
    with books.lock:
        set_status(order, -90)
    afterwards.free(books, order)
    books.exchange(order)
    return public(order)


def approve(fake: Any, call: Call) -> Object:
    return _decide(fake, call, 100)


def decline(fake: Any, call: Call) -> Object:
    return _decide(fake, call, -64)


def _decide(fake: Any, call: Call, code: int) -> Object:
    order = _order(fake, call)
    if order["status"]["code"] != 85:
        raise fake.refusal(422, "PAY-1422", "Order is not under review")
    if code == 100:
        afterwards.pay(call.account, order["orderId"])
    else:
        set_status(order, code)
        call.account.exchange(order)
    return public(order)


def transaction(fake: Any, call: Call) -> Object:
    """A payment as the management API shows it."""
    order = _order(fake, call)
    code = order["status"]["code"]
    given = call.account.given_back(order)
    done = sum(each["amount"] for each in call.account.refunded[order["orderId"]] if each["state"] == "received")
    if done and code > 0:
        code = -81 if done >= order["capturedAmount"]["value"] else -82
    currency = order["amount"]["currency"]
    return {
        "id": f"EX-{order['orderId'][:4]}-{order['orderId'][4:8]}-{order['orderId'][8:12]}",
        "orderId": order["orderId"],
        "amount": order["amount"],
        "amountPaid": order["capturedAmount"],
        "amountRefunded": {"value": given, "currency": currency},
        "status": {"code": code, "action": "PAID", "phase": "SUCCESS"},
        "modifiedAt": order["modifiedAt"],
    }


def refund(fake: Any, call: Call) -> Object:
    books: Books = call.account
    order = _order(fake, call)
    amount = call.body["amount"]["value"]
    with books.lock:
        rows = books.refunded[order["orderId"]]
        if fake.traps.springs(Trap.REFUND_TOO_FAST) or _is_too_fast(books, rows):
            raise fake.refusal(422, "PAY-3000", "Refund too fast")
        if order["status"]["code"] == -71:
            raise fake.refusal(422, "PAY-013", "Transaction is in chargeback")
        if order["status"]["code"] not in REFUNDABLE or amount > order["capturedAmount"]["value"] - books.given_back(
            order
        ):
            raise fake.refusal(422, "PAY-3000", "Unable to complete request")
        row: Object = {"id": f"RF-{len(rows) + 1:04d}-{order['orderId'][8:12]}-0000", "amount": amount}
        row |= {"state": "asked", "at": time.monotonic()}
        rows.append(row)
        books.moved("refund", order, amount, -amount, row["id"])
    named = [] if fake.traps.springs(Trap.NO_REFUND_NAME) else [{"refund": {"id": row["id"]}, "createdAt": now()}]
    currency = order["amount"]["currency"]
    books.exchange({**order, "_amount": amount}, legacy="refund:add")
    return {
        "orderId": order["orderId"],
        "description": call.body.get("description"),
        "processDate": now(),
        "amount": order["capturedAmount"],
        "amountRefunded": {"value": books.given_back(order), "currency": currency},
        "refundedTransactions": named,
        "createdAt": now(),
    }


def _is_too_fast(books: Books, rows: list[Object]) -> bool:
    return bool(rows) and time.monotonic() - rows[-1]["at"] < books.refunds_apart.total_seconds()


def service(fake: Any, call: Call) -> Object:
    if call.asked.query != f"serviceId={call.account.service_id}":
        raise fake.refusal(404, "PAY-1404", "The requested resource is not found")
    return {"code": call.account.service_id, "name": "Webshop", "status": "ACTIVE"}


def terminals(fake: Any, call: Call) -> Object:
    rows = [public(each) for each in call.account.terminals.values()]
    return {"total": len(rows), "count": len(rows), "terminals": rows}


def clearing_lines(fake: Any, call: Call) -> Object:
    return {"total": len(call.account.clearing_lines), "clearingLines": call.account.clearing_lines}


def invoice_lines(fake: Any, call: Call) -> Object:
    rows = call.account.invoice_lines
    return {"total": len(rows), "count": len(rows), "invoiceLines": rows}


def settlements(fake: Any, call: Call) -> Object:
    if fake.traps.springs(Trap.NO_PERMISSION):
        raise fake.refusal(403, "PAY-1403", "Access denied")
    rows = call.account.settlements
    return {"total": len(rows), "count": len(rows), "pages": 1, "settlements": rows}


def _order(fake: Any, call: Call) -> Object:
    order: Object | None = call.account.find(call.names["id"])
    if order is None:
        raise fake.refusal(404, "PAY-1404", "The requested resource is not found")
    if fake.traps.springs(Trap.ORDER_GONE):
        raise fake.refusal(410, "PAY-1410", "The requested resource is no longer available")
    return order
