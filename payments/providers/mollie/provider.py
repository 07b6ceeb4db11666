"""Mollie as Onetill sees it: five verbs, each under the operation's own idempotency key, which lives an hour.

How an operation is found whose answer never came: a capture or refund among those of its payment, a charge among the
payments made since its operation (whose id tells the moment), by the operation that their metadata names. What is not
there was never made. Nothing but the key protects what is sent twice, so that nothing old enough for its key to be gone
is sent again before it was looked for (`Capabilities.keys_live`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import ClassVar, Final

from payments.core.ids import made_at
from payments.providers.base import (
    Capabilities,
    Credential,
    Credentials,
    Outcome,
    ProviderReport,
    ProviderRequest,
    Result,
    Verb,
    WebhookEvent,
    held_back,
)
from payments.providers.mollie import requests, translate, webhooks
from payments.providers.mollie.client import (
    API_KEY,
    IN_TEST_MODE,
    TOKEN,
    NoSuccess,
    ask,
    listed,
    unusable_key,
    unusable_token,
)
from payments.providers.payload import Payload, text

_CHARGES: Final = frozenset({Verb.SALE, Verb.AUTHORIZE})
_LISTS: Final = {Verb.CAPTURE: "captures", Verb.REFUND: "refunds"}
_READ: Final = {Verb.CAPTURE: translate.captured, Verb.REFUND: translate.refunded}
# Ten minutes less than Mollie's hour: what is sent at the last moment still finds its key.
KEYS_LIVE: Final = timedelta(minutes=50)
_STILL_RUNNING: Final = timedelta(minutes=2)  # longer than Mollie works on any request
_SLACK: Final = timedelta(minutes=1)  # between its clock and ours
_METHODS: Final = frozenset(requests.METHODS)
# Which list of all payments holds what an event may be about without naming its payment.
_OF_ALL: Final = {"re": "refunds", "chb": "chargebacks"}


class Mollie:
    """Cards, iDEAL, Bancontact, PayPal and bank transfers, all on Mollie's page."""

    code: ClassVar[str] = "mollie"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods=_METHODS,
        refund_methods=_METHODS,
        redirect_methods=_METHODS,
        manual_capture_methods=frozenset({"card"}),
        partial_capture=True,
        multiple_captures=False,
        refund_arrival=timedelta(days=3),
        refund_window=timedelta(days=365),
        credentials=(
            Credential(API_KEY),
            Credential("webhook_secret", required=False),
            Credential(TOKEN, required=False),
            Credential(IN_TEST_MODE, required=False, secret=False),
        ),
        currencies={method: frozenset({"EUR"}) for method in ("ideal", "bancontact", "bank_transfer")},
        keys_live=KEYS_LIVE,
        drives_terminals=True,
        refunds_terminal_sales=True,
    )

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Send the request once; a request that is certain to be refused is not sent."""
        unsent = held_back(unusable_key(credentials), _refused(call))
        if unsent is not None:
            return unsent
        try:
            return _carry_out(call, credentials)
        except NoSuccess as error:
            if call.verb is Verb.REFUND and translate.is_duplicate_refund(error):
                return _of_duplicate(call, credentials, error)
            return translate.from_no_success(error, call.verb)

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Find what became of a call, by reading."""
        unusable = unusable_key(credentials)
        if unusable is not None:
            # Not NOT_SENT as in `execute`: the key may have been right when the call was made.
            return Result(Outcome.UNKNOWN, code=unusable[0], detail=unusable[1])
        try:
            return _found(call, credentials)
        except NoSuccess as error:
            result = translate.from_no_success(error, call.verb)
            return Result(Outcome.UNKNOWN, code=result.code, detail=result.detail)

    def look_up(self, reference: str, credentials: Credentials) -> Sequence[ProviderReport] | None:
        """Read a payment with all that was done to it; `reference` may be that of a refund or chargeback, too."""
        if unusable_key(credentials) is not None:
            return None
        try:
            name = _payment_of(reference, credentials)
            if name is None:
                return ()
            everything = {"embed": "captures,refunds,chargebacks"}
            return webhooks.reports(ask(credentials, "GET", f"payments/{name}", params=everything))
        except NoSuccess as error:
            # Of another account, or of nobody: a hint that means nothing here.
            return () if error.status == 404 else None

    def try_connection(self, credentials: Credentials) -> Result:
        """Read what the profile takes, and with the organization's token one settlement."""
        unusable = unusable_key(credentials)
        if unusable is not None:
            return Result(Outcome.DECLINED, code=unusable[0], detail=unusable[1])
        try:
            ask(credentials, "GET", "methods")
            unusable = unusable_token(credentials)
            if unusable is not None and credentials.secrets.get(TOKEN):
                return Result(Outcome.DECLINED, code=unusable[0], detail=unusable[1])
            if unusable is None:
                ask(credentials, "GET", "settlements", params={"limit": 1}, credential=TOKEN)
        except NoSuccess as error:
            result = translate.from_no_success(error, Verb.SALE)
            outcome = Outcome.DECLINED if error.status in (401, 403) else Outcome.UNKNOWN
            return Result(outcome, code=result.code, detail=result.detail)
        return Result(Outcome.SUCCEEDED)

    def verify(self, body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
        """Check `X-Mollie-Signature` with the account's `webhook_secret`, unless it is an unsigned hint."""
        return webhooks.verify(body, headers, credentials.secrets.get("webhook_secret"))

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        """Read one webhook: which payment is to be looked up."""
        return webhooks.parse_webhook(body)

    def limits(self, method: str, currency: str) -> tuple[int | None, int | None]:
        """Mollie's bounds depend on the account: it refuses what lies outside of them."""
        return None, None

    def new_secrets(self) -> Mapping[str, str]:
        """Mollie makes its own: they come with the account's credentials."""
        return {}


def _refused(call: ProviderRequest) -> tuple[str, str] | None:
    """Code and detail of what Mollie would refuse for certain."""
    if call.verb in _CHARGES:
        if call.return_url is None:
            return "return_url_required", "Give return_url: the customer comes back there from Mollie's page."
        if call.method is not None and call.method not in _METHODS:
            return "not_supported", f"Mollie takes no {call.method} here."
        return None
    if call.payment_reference is None:
        return "payment_unknown_to_provider", f"Mollie never named this payment, so there is nothing to {call.verb}."
    return None


def _carry_out(call: ProviderRequest, credentials: Credentials) -> Result:
    if call.verb is Verb.CANCEL:
        return _cancel(call, credentials)
    if call.verb in _CHARGES:
        path, body = "payments", requests.payment(call)
        return translate.charged(ask(credentials, "POST", path, body=body, key=call.operation_id), call.verb)
    path, body = f"payments/{call.payment_reference}/{_LISTS[call.verb]}", requests.change(call)
    return _READ[call.verb](ask(credentials, "POST", path, body=body, key=call.operation_id))


def _cancel(call: ProviderRequest, credentials: Credentials) -> Result:
    """Cancel what can be canceled, release what is held; what came of it is read, for it may cross the customer."""
    path = f"payments/{call.payment_reference}"
    payment = ask(credentials, "GET", path)
    held = text(payment, "status") == "authorized"
    known = translate.canceled(payment)
    if known.outcome is not Outcome.NOT_SENT:
        return known
    try:
        if payment.get("isCancelable") is True:
            return translate.canceled(ask(credentials, "DELETE", path))
        if not held:
            return translate.not_cancelable(payment)
        ask(credentials, "POST", f"{path}/release-authorization", body={}, key=call.operation_id)
        return translate.canceled(ask(credentials, "GET", path), asked=True)
    except NoSuccess as error:
        if error.status != 422:
            raise
    # Refused, for it was paid meanwhile or can be canceled at the device alone.
    after = ask(credentials, "GET", path)
    known = translate.canceled(after)
    return known if known.outcome is not Outcome.NOT_SENT else translate.not_cancelable(after)


def _of_duplicate(call: ProviderRequest, credentials: Credentials, error: NoSuccess) -> Result:
    """Whose the refund is that Mollie calls a duplicate: this one, another of ours, or somebody else's.

    A second return of an equal amount waits until the hour is over. What bears no operation of ours was made at the
    dashboard, maybe for this very return: a person decides.
    """
    try:
        rows = list(_of_payment(call, credentials))
    except NoSuccess:
        return Result(Outcome.UNKNOWN, code="duplicate_refund", detail=error.detail)
    ours = next((row for row in rows if translate.is_ours(row, call)), None)
    if ours is not None:
        return translate.refunded(ours)
    equal = [row for row in rows if translate.refunded(row).amount == call.amount and _is_recent(row)]
    if equal and all(translate.operation_of(row) for row in equal):
        detail = "An equal refund of this payment was made within the hour. This one is made when the hour is over."
        return Result(Outcome.NOT_SENT, code="duplicate_refund", detail=detail)
    detail = "Somebody gave back the same amount at Mollie within the hour. Look there before it is given back twice."
    return Result(Outcome.DECLINED, code="duplicate_refund", detail=detail)


def _is_recent(refund: Payload) -> bool:
    made = translate.moment(refund, "createdAt")
    ended = translate.refunded(refund).outcome is Outcome.DECLINED
    return not ended and (made is None or datetime.now(UTC) - made < timedelta(hours=2))


def _found(call: ProviderRequest, credentials: Credentials) -> Result:
    if call.verb in _CHARGES:
        return _found_charge(call, credentials)
    if call.payment_reference is None:
        return Result(Outcome.NOT_SENT, code="not_received", detail="Mollie never named this payment.")
    if call.verb is Verb.CANCEL:
        payment = ask(credentials, "GET", f"payments/{call.payment_reference}")
        return translate.canceled(payment, asked=call.operation_reference is not None)
    return _found_change(call, credentials)


def _found_charge(call: ProviderRequest, credentials: Credentials) -> Result:
    name = call.operation_reference or call.payment_reference
    if name is not None:
        return translate.charged(ask(credentials, "GET", f"payments/{name}"), call.verb)
    # Our ids tell when they were made: what Mollie made for this one is no older.
    since = made_at(call.operation_id) - _SLACK
    newest = takewhile(lambda row: _made(row) >= since, listed(credentials, "payments", "payments"))
    ours = _first(newest, call)
    if ours is not None:
        return translate.charged(ours, call.verb)
    # Should it come in late after all, it is a payment whose page nobody was sent to.
    return Result(Outcome.NOT_SENT, code="not_received", detail="Mollie never received this payment.")


def _found_change(call: ProviderRequest, credentials: Credentials) -> Result:
    """A capture or refund: by its name that is certain, else among those of its payment."""
    if call.operation_reference is not None:
        path = f"payments/{call.payment_reference}/{_LISTS[call.verb]}/{call.operation_reference}"
        return _READ[call.verb](ask(credentials, "GET", path))
    ours = _first(_of_payment(call, credentials), call)
    if ours is not None:
        return _READ[call.verb](ours)
    if datetime.now(UTC) - (call.sent_at or made_at(call.operation_id)) < _STILL_RUNNING:
        return Result(Outcome.UNKNOWN, code="not_found_yet", detail="Mollie may still be working on it.")
    return Result(Outcome.NOT_SENT, code="not_received", detail=f"Mollie has no such {call.verb}.")


def _of_payment(call: ProviderRequest, credentials: Credentials) -> Iterable[Payload]:
    name = _LISTS[call.verb]
    return listed(credentials, f"payments/{call.payment_reference}/{name}", name)


def _first(rows: Iterable[Payload], call: ProviderRequest) -> Payload | None:
    return next((row for row in rows if translate.is_ours(row, call)), None)


def _made(payment: Payload) -> datetime:
    # What does not tell its moment must not end the search.
    return translate.moment(payment, "createdAt") or datetime.max.replace(tzinfo=UTC)


def _payment_of(reference: str, credentials: Credentials) -> str | None:
    """The payment of a refund or chargeback whose event named none."""
    if reference.startswith("tr_"):
        return reference
    name = _OF_ALL.get(reference.partition("_")[0])
    if name is None:
        return None
    page = listed(credentials, name, name, start=reference)
    found = next(iter(page), {})
    return text(found, "paymentId") if text(found, "id") == reference else None
