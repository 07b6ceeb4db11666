"""What Mollie does when it is asked: payments, captures, refunds, cancellations, and lists of them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from tests.fake_mollie import afterwards
from tests.fake_mollie.books import Books, Object, decimal, link
from tests.fake_mollie.traps import Trap
from tests.fakes.json_api import Call, Refused

if TYPE_CHECKING:
    from tests.fake_mollie.server import FakeMollie

METHODS: Final = ("ideal", "creditcard", "bancontact", "klarna", "paypal", "banktransfer", "pointofsale")
HELD: Final = frozenset({"creditcard", "klarna"})  # what can be authorized first
_EURO_ONLY: Final = frozenset({"ideal", "bancontact", "klarna"})
_LIVES: Final = {
    "ideal": timedelta(minutes=15),
    "creditcard": timedelta(minutes=30),
    "banktransfer": timedelta(days=12),
}
_HELD_FOR: Final = timedelta(days=7)
_DUPLICATE: Final = timedelta(hours=1)
_LARGEST_PAGE: Final = 250
_MOST: Final = Decimal(50_000)


class Endpoints:
    """The handlers of one fake."""

    def __init__(self, fake: "FakeMollie") -> None:
        self.fake = fake

    def create_payment(self, call: Call) -> Object:
        """A payment that waits for its customer; on a terminal it begins at once."""
        books: Books = call.account
        body = call.body
        method, currency = body.get("method"), body["amount"]["currency"]
        self._payable(method, decimal(body), currency, body)
        at = books.now()
        known: Object = {
            "amount": body["amount"],
            "description": body["description"],
            "method": method,
            "metadata": body["metadata"],
            "redirectUrl": body.get("redirectUrl"),
            "webhookUrl": body.get("webhookUrl"),
            "captureMode": body.get("captureMode", "automatic"),
            "status": "open",
            "sequenceType": "oneoff",
            "profileId": f"pfl_{books.name}",
            "isCancelable": method in ("pointofsale", "banktransfer"),
            "expiresAt": (at + _LIVES.get(method or "", timedelta(minutes=15))).replace(microsecond=0).isoformat(),
        }
        payment = books.add("tr", **known)
        if method == "pointofsale":
            self._at_the_terminal(books, payment, body["terminalId"])
        if self.fake.traps.springs(Trap.WEBHOOK_BEFORE_ANSWER):
            answer = self._shown(books, payment)
            afterwards.pay(books, payment["id"])
            self.fake.wait_for_post()
            return answer
        return self._shown(books, payment)

    def list_payments(self, call: Call) -> Object:
        """The newest first."""
        return self._listed(call, "payments", call.account.all("tr"))

    def get_payment(self, call: Call) -> Object:
        """One payment, with what was done to it where that is asked for."""
        books: Books = call.account
        payment = self._get(call, "tr")
        afterwards.expire_due(books)
        answer = self._shown(books, payment)
        wanted = _query(call).get("embed", "").split(",")
        kinds = {"captures": "cpt", "refunds": "re", "chargebacks": "chb"}
        embedded = {
            name: [self._shown(books, row) for row in books.all(kinds[name], paymentId=payment["id"])]
            for name in wanted
            if name in kinds
        }
        return answer | ({"_embedded": embedded} if embedded else {})

    def cancel_payment(self, call: Call) -> Object:
        """DELETE: only what says that it can be."""
        books: Books = call.account
        payment = self._get(call, "tr")
        if self.fake.traps.springs(Trap.CANCEL_CROSSES_TAP):
            afterwards.pay(books, payment["id"])
        if not payment["isCancelable"] or self.fake.traps.springs(Trap.NOT_CANCELABLE):
            raise self.fake.refusal(422, "", "The payment cannot be cancelled")
        afterwards.cancel(books, payment["id"])
        return self._shown(books, payment)

    def release(self, call: Call) -> Any:
        """202: asked of the bank, and not guaranteed."""
        books: Books = call.account
        payment = self._get(call, "tr")
        if payment["status"] != "authorized":
            raise self.fake.refusal(422, "", "The payment has no authorization that can be released")
        if not self.fake.traps.springs(Trap.RELEASE_IGNORED):
            afterwards.cancel(books, payment["id"])

    def create_capture(self, call: Call) -> Object:
        """Part or all of what is held; one capture a payment."""
        books: Books = call.account
        payment = self._get(call, "tr")
        afterwards.expire_due(books)
        amount = decimal(call.body)
        self._same_currency(payment, call.body)
        if payment["status"] != "authorized":
            raise self.fake.refusal(422, "", "The payment is not in a state in which it can be captured")
        if amount > decimal(payment):
            raise self.fake.refusal(422, "amount", "The amount is higher than the amount that is authorized")
        capture = self._child(books, "cpt", payment, call.body, status="pending")
        if not self.fake.traps.springs(Trap.CAPTURE_PENDING):
            afterwards.carry_out_capture(books, capture["id"])
        return self._shown(books, capture)

    def create_refund(self, call: Call) -> Object:
        """A refund, which leaves two hours later."""
        books: Books = call.account
        payment = self._get(call, "tr")
        self._refundable(books, payment, call.body)
        queued = self.fake.traps.springs(Trap.REFUND_QUEUED)
        refund = self._child(books, "re", payment, call.body, status="queued" if queued else "pending")
        books.balance(
            "refund",
            -decimal(refund),
            refund["amount"]["currency"],
            cost="refund",
            paymentId=payment["id"],
            refundId=refund["id"],
        )
        return self._shown(books, refund)

    def _refundable(self, books: Books, payment: Object, body: Object) -> None:
        """What Mollie checks before it gives back."""
        traps = self.fake.traps
        if traps.springs(Trap.REFUND_UNAVAILABLE):
            raise self.fake.refusal(
                503, "", "The payment platform for this payment method is temporarily not available"
            )
        if traps.springs(Trap.REFUND_SHORT):
            raise self.fake.refusal(422, "", "The balance is too low to refund this payment")
        self._same_currency(payment, body)
        if payment["status"] != "paid":
            raise self.fake.refusal(422, "", "The payment is not paid and cannot be refunded")
        since = books.now() - _DUPLICATE
        for row in books.all("re", paymentId=payment["id"]):
            is_equal = row["amount"] == body["amount"] and row["status"] not in ("failed", "canceled")
            if is_equal and datetime.fromisoformat(row["createdAt"]) > since:
                raise self.fake.refusal(409, "", "A duplicate refund has been detected")
        if decimal(body) > books.captured(payment) - books.refunded(payment):
            raise self.fake.refusal(422, "amount", "The amount is higher than the maximum")

    def list_of(self, prefix: str, name: str) -> Any:
        """The handler that lists what was done to one payment."""

        def listed(call: Call) -> Object:
            payment = self._get(call, "tr")
            return self._listed(call, name, call.account.all(prefix, paymentId=payment["id"]))

        return listed

    def one_of(self, prefix: str) -> Any:
        """The handler that shows one thing that was done to a payment."""

        def one(call: Call) -> Object:
            payment, name = self._get(call, "tr"), call.names["child"]
            found = call.account.objects.get(name)
            if found is None or not name.startswith(prefix + "_") or found["paymentId"] != payment["id"]:
                raise self.fake.missing(name)
            return self._shown(call.account, found)

        return one

    def cancel_refund(self, call: Call) -> None:
        """204, until it has left."""
        refund = call.account.objects.get(call.names["child"])
        if refund is None or refund["status"] not in ("queued", "pending"):
            raise self.fake.missing(call.names["child"])
        afterwards.cancel_refund(call.account, refund["id"])

    def list_refunds(self, call: Call) -> Object:
        """Of all payments."""
        return self._listed(call, "refunds", call.account.all("re"))

    def list_chargebacks(self, call: Call) -> Object:
        """Of all payments."""
        return self._listed(call, "chargebacks", call.account.all("chb"))

    def list_terminals(self, call: Call) -> Object:
        """The devices."""
        return self._listed(call, "terminals", call.account.all("term"))

    def get_terminal(self, call: Call) -> Object:
        """One device."""
        return self._shown(call.account, self._get(call, "term"))

    def list_methods(self, call: Call) -> Object:
        """What the profile takes."""
        rows = [
            {"resource": "method", "id": name, "description": name.title(), "status": "activated"} for name in METHODS
        ]
        return {"count": len(rows), "_embedded": {"methods": rows}, "_links": {}}

    def list_settlements(self, call: Call) -> Object:
        """The newest first."""
        return self._listed(call, "settlements", call.account.all("stl"))

    def get_settlement(self, call: Call) -> Object:
        """One settlement, by its id or its bank reference."""
        named = call.account.all("stl", reference=call.names["id"])
        return self._shown(call.account, named[0] if named else self._get(call, "stl"))

    def settled(self, prefix: str, name: str) -> Any:
        """The handler that lists what is in a settlement."""

        def listed(call: Call) -> Object:
            settlement = self._get(call, "stl")
            return self._listed(call, name, call.account.all(prefix, settlementId=settlement["id"]))

        return listed

    def list_balance_transactions(self, call: Call) -> Object:
        """Every movement of the balance."""
        return self._listed(call, "balance_transactions", call.account.all("baltr"))

    def _at_the_terminal(self, books: Books, payment: Object, terminal: str) -> None:
        found = books.objects.get(terminal)
        if found is None or not terminal.startswith("term_"):
            raise self.fake.refusal(422, "terminalId", "The terminal does not exist")
        if found["status"] != "active":
            raise self.fake.refusal(422, "terminalId", "The terminal is not active")
        payment["details"] = {"terminalId": terminal}
        for trap in (Trap.TERMINAL_BUSY, Trap.TERMINAL_UNREACHABLE):
            if self.fake.traps.springs(trap):
                afterwards.fail(books, payment["id"], code=trap.value)

    def _payable(self, method: str | None, amount: Decimal, currency: str, body: Object) -> None:
        """What Mollie checks before it takes a payment."""
        if method is not None and method not in METHODS:
            raise self.fake.refusal(422, "method", "The payment method is invalid")
        if method in _EURO_ONLY and currency != "EUR":
            raise self.fake.refusal(422, "amount.currency", "The currency is not supported by this payment method")
        if not Decimal(0) < amount <= _MOST:
            raise self.fake.refusal(422, "amount", "The amount is higher than the maximum")
        if method != "pointofsale" and "redirectUrl" not in body:
            raise self.fake.refusal(422, "redirectUrl", "The 'redirectUrl' field is missing")
        if body.get("captureMode") == "manual" and method not in HELD:
            raise self.fake.refusal(422, "captureMode", "The payment method does not support manual captures")
        if (method == "pointofsale") != ("terminalId" in body):
            raise self.fake.refusal(422, "terminalId", "The 'terminalId' field goes with the method pointofsale")

    def _same_currency(self, payment: Object, body: Object) -> None:
        if payment["amount"]["currency"] != body["amount"]["currency"]:
            raise self.fake.refusal(422, "amount.currency", "The amount contains an invalid currency")
        if decimal(body) <= 0:
            raise self.fake.refusal(422, "amount", "The amount is lower than the minimum")

    def _child(self, books: Books, prefix: str, payment: Object, body: Object, **known: Any) -> Object:
        return books.add(
            prefix,
            paymentId=payment["id"],
            amount=body["amount"],
            description=body.get("description", payment["description"]),
            metadata=body.get("metadata"),
            **known,
        )

    def _get(self, call: Call, prefix: str) -> Object:
        name = call.names["id"]
        found: Object | None = call.account.objects.get(name)
        if found is None or not name.startswith(prefix + "_"):
            raise self.fake.missing(name)
        return found

    def _shown(self, books: Books, obj: Object) -> Object:
        answer = books.shown(obj)
        if answer.get("metadata") is not None and self.fake.traps.springs(Trap.METADATA_AS_TEXT):
            answer["metadata"] = self.fake.as_text(answer["metadata"])
        return answer

    def _listed(self, call: Call, name: str, rows: list[Object]) -> Object:
        """One page: from the one named in `from`, which is the first of it."""
        query = _query(call)
        limit = int(query.get("limit", 50))
        if not 1 <= limit <= _LARGEST_PAGE:
            raise self._bad("limit", "The maximum number of results is 250")
        if "from" in query:
            names = [row["id"] for row in rows]
            if query["from"] not in names:
                raise self._bad("from", "The 'from' field does not name an item of this list")
            rows = rows[names.index(query["from"]) :]
        page, rest = rows[:limit], rows[limit:]
        address = f"{call.account.base}{call.asked.path}?from={rest[0]['id']}&limit={limit}" if rest else ""
        following = link(address, "application/hal+json") if rest else None
        shown = [self._shown(call.account, row) for row in page]
        return {"count": len(page), "_embedded": {name: shown}, "_links": {"previous": None, "next": following}}

    def _bad(self, field: str, message: str) -> Refused:
        return self.fake.refusal(400, field, message)


def _query(call: Call) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(call.asked.query).items()}
