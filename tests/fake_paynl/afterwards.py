"""What happens at Pay.nl without our asking: customers, cards at terminals, banks, the dashboard and the clock."""

import base64
import json
import threading
from collections.abc import Callable
from typing import Any, Final

from tests.fake_paynl.books import Books, Object, now, set_status

PIN: Final = 1927
RETOURPIN: Final = 2351
_CARD: Final = {"customerType": "card", "customerId": "************4321", "customerKey": "aefdd1bea7e6f855"}
_BANK: Final = {"customerType": "iban", "customerId": "NL91ABNA0417164300", "customerName": "A. de Vries"}


def pay(books: Books, name: str, method: int | None = None, amount: int | None = None) -> Object:
    """The customer pays: all of it, or another amount (-51). A card is held where the location is set so."""
    with books.lock:
        order = books.orders[name]
        if order["status"]["code"] in (95, 97, 100):
            return order
        kind = method or (order["_asked"].get("paymentMethod") or {}).get("id") or 10
        due = order["amount"]["value"]
        held = books.holds_cards and kind == 706
        code = 95 if held else 100 if amount in (None, due) else -51
        whom = _CARD if kind in (706, PIN, RETOURPIN) else _BANK
        order["payments"].append({"paymentMethod": {"id": kind}, "status": {"code": code}, **whom})
        order["authorizedAmount" if held else "capturedAmount"]["value"] = amount or due
        set_status(order, code)
        order["completedAt"] = now()
        if code == 100:
            credit = order["type"] == "credit"
            verb = "retourpin" if credit else "charge"
            books.moved(verb, order, due, -due if credit else due, name)
            if kind in (PIN, RETOURPIN):
                lines = ["KOPIE KAARTHOUDER", f"BEDRAG {due / 100:.2f} EUR"]
                order["receipt"] = base64.b64encode(json.dumps(lines).encode()).decode()
    free(books, order)
    books.exchange(order)
    return order


def fail(books: Books, name: str, code: int = -63) -> Object:
    """The attempt fails, runs out (-80) or is given up (-90). A later one may succeed all the same."""
    with books.lock:
        order = books.orders[name]
        set_status(order, code)
    free(books, order)
    books.exchange(order)
    return order


def review(books: Books, name: str) -> None:
    """Pay.nl wants a person to look at it (85)."""
    set_status(books.orders[name], 85)
    books.exchange(books.orders[name])


def receive_refund(books: Books, refund: str) -> None:
    """What was asked to be given back was given back."""
    _refund_moves(books, refund, "received", "refund:received")


def return_refund(books: Books, refund: str) -> None:
    """It came back, maybe days later: the account is closed."""
    order, row = _refund_moves(books, refund, "returned", "refund:storno")
    books.moved("refund_failed", order, row["amount"], row["amount"], refund)


def dashboard_refund(books: Books, name: str, amount: int) -> None:
    """Somebody presses refund in Pay.nl's own back office."""
    order = books.orders[name]
    rows = books.refunded[name]
    row = {"id": f"RF-{len(rows) + 1:04d}-{name[8:12]}-9999", "amount": amount, "state": "received", "at": 0.0}
    rows.append(row)
    books.moved("refund", order, amount, -amount, str(row["id"]))
    books.exchange({**order, "_amount": amount}, legacy="refund:received")


def charge_back(books: Books, name: str) -> None:
    """The customer's bank takes the money back."""
    order = books.orders[name]
    set_status(order, -71)
    taken = order["capturedAmount"]["value"]
    books.moved("dispute", order, taken, -taken, name)
    books.exchange(order)


def add_terminal(books: Books, code: str, *, payment_types: tuple[str, ...] = ("SALE", "REFUND")) -> Object:
    """A terminal of the sales location; `_card` is what its customer does: `tap`, `refuse`, `give_up`, or nothing.

    `lose_power` is a tap that is approved just before the terminal dies: Pay.nl learns of it when that is `restored`.
    """
    terminal: Object = {
        "code": code,
        "name": f"Terminal {code}",
        "status": "ACTIVE",
        "connectionStatus": "ONLINE",
        "paymentTypes": list(payment_types),
        "terminalBrands": [],
        "_card": "tap",
        "_seconds": 0.2,
    }
    books.terminals[code] = terminal
    return terminal


def present(fake: Any, books: Books, order: Object, code: str) -> None:
    """The customer at the terminal does something after a moment."""
    terminal = books.terminals[code]
    acts: dict[str, Callable[[], object]] = {
        "tap": lambda: pay(books, order["orderId"]),
        "refuse": lambda: fail(books, order["orderId"], -63),
        "give_up": lambda: fail(books, order["orderId"], -90),
        "lose_power": lambda: terminal.update(connectionStatus="OFFLINE", _approved=order["orderId"]),
    }
    act = acts.get(terminal["_card"])
    if act is None:
        return

    def later() -> None:
        if order["status"]["code"] == 50:
            act()

    timer = threading.Timer(terminal["_seconds"], later)
    timer.daemon = True
    timer.start()


def restore(books: Books, code: str) -> None:
    """The terminal has power again, and tells what it approved."""
    terminal = books.terminals[code]
    terminal["connectionStatus"] = "ONLINE"
    approved = terminal.pop("_approved", None)
    if approved is not None:
        pay(books, approved)


def free(books: Books, order: Object) -> None:
    """A terminal whose order has ended takes the next."""
    for terminal in books.terminals.values():
        if terminal.get("_busy") == order["orderId"]:
            terminal["_busy"] = None


def _refund_moves(books: Books, refund: str, state: str, action: str) -> tuple[Object, Object]:
    with books.lock:
        name, row = next((name, row) for name, rows in books.refunded.items() for row in rows if row["id"] == refund)
        row["state"] = state
    books.exchange({**books.orders[name], "_amount": row["amount"]}, legacy=action)
    return books.orders[name], row
