"""Adyen's signatures, item by item, against vectors of its own; and what is no webhook of this account's."""

import json
from typing import Any

import pytest

from payments.providers.adyen import webhooks
from payments.providers.adyen.provider import Adyen
from payments.providers.base import Credentials, ReportType, SignatureInvalid, Stage
from tests.fake_adyen import webhooks as theirs
from tests.fakes.specification import SHARED

KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
OTHER = "9064450A8892A093D9E97EFCC9639DE31B74F3A7803135555A3C96F5A57915D6"
ITEM: dict[str, Any] = {
    "pspReference": "7914073381342284",
    "merchantReference": "TestPayment-1407325143704",
    "merchantAccountCode": "TestMerchant",
    "amount": {"currency": "EUR", "value": 1130},
    "eventCode": "AUTHORISATION",
    "success": "true",
}
VECTORS = SHARED / "vectors" / "adyen-hmac.json"
WEBHOOKS = SHARED / "providers" / "adyen" / "adyen-webhooks-v1.openapi.json"


def account(**more: str) -> Credentials:
    secrets = {"api_key": "AQE", "merchant_account": "TestMerchant", "hmac_key": KEY, **more}
    return Credentials("pac_1", "adyen", "EUR", secrets=secrets)


def check(body: bytes, credentials: Credentials | None = None) -> str:
    return Adyen().verify(body, {}, credentials or account())


def altered(*items: dict[str, Any], **changes: Any) -> bytes:
    """A signed webhook of which the last item was changed afterwards."""
    body = json.loads(theirs.body(KEY, *items))
    body["notificationItems"][-1]["NotificationRequestItem"] |= changes
    return json.dumps(body).encode()


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors are not at hand")
def test_vectors_of_adyens_own_libraries() -> None:
    vectors = [row for row in json.loads(VECTORS.read_text())["vectors"] if "item" in row]
    assert len(vectors) == 2
    for row in vectors:
        assert webhooks.signature(bytes.fromhex(row["key"]), row["item"]) == row["expected"]
        assert theirs.signature(row["key"], row["item"]) == row["expected"]


def test_an_item_is_known_by_its_reference_event_and_success() -> None:
    assert check(theirs.body(KEY, ITEM)) == "7914073381342284:AUTHORISATION:true"


def test_several_items_have_one_name_whatever_else_is_in_them() -> None:
    second = {**ITEM, "pspReference": "7914073381342285"}
    assert check(theirs.body(KEY, ITEM, second)) == check(theirs.body(KEY, {**ITEM, "reason": "x"}, second))
    assert check(theirs.body(KEY, ITEM, second)) != check(theirs.body(KEY, ITEM))


@pytest.mark.parametrize(
    "changes",
    [
        {"success": "false"},
        {"pspReference": "7914073381342285"},
        {"originalReference": "1"},
        {"merchantReference": "op_1"},
        {"amount": {"currency": "EUR", "value": 1}},
        {"eventCode": "REFUND"},
        {"additionalData": {}},
        {"additionalData": None},
        {"additionalData": {"hmacSignature": ""}},
        {"additionalData": {"hmacSignature": 7}},
    ],
)
@pytest.mark.parametrize("before", [(), (ITEM,)], ids=["alone", "after a genuine one"])
def test_every_item_has_to_be_genuine(changes: dict[str, Any], before: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(SignatureInvalid):
        check(altered(*before, ITEM, **changes))


@pytest.mark.parametrize("key", ["", "not hexadecimal", OTHER, None])
def test_another_key_or_none(key: str | None) -> None:
    with pytest.raises(SignatureInvalid):
        check(theirs.body(KEY, ITEM), account(hmac_key=key or ""))


def test_what_is_about_another_merchant_account_is_not_ours() -> None:
    with pytest.raises(SignatureInvalid, match="another merchant account"):
        check(theirs.body(KEY, ITEM), account(merchant_account="Another"))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"notificationItems": []}', b'{"notificationItems": [1]}', b"\xff"])
def test_what_has_no_items_is_no_webhook(body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        check(body)


def test_no_address_of_a_webhook_is_kept_but_the_reports_name() -> None:
    """The reason is not signed: it may lead anywhere."""
    name = "settlement_detail_report_batch_12.csv"
    item = {**ITEM, "eventCode": "REPORT_AVAILABLE", "pspReference": name, "reason": "https://evil.example/x"}
    assert webhooks.parse_webhook(theirs.body(KEY, item)).announces == name
    for other in ("../../etc/passwd", "settlement_detail_report_batch_12.csv?x=1", "payment_accounting.csv"):
        assert webhooks.parse_webhook(theirs.body(KEY, {**item, "pspReference": other})).announces == ""


def test_what_was_paid_at_a_terminal_is_told_of_by_its_action() -> None:
    item = {**ITEM, "merchantReference": "act_06h2wrz4jw001sk8vwkvfs6n0w"}
    assert webhooks.parse_webhook(theirs.body(KEY, item)).reports == ()


def _examples() -> list[tuple[str, dict[str, Any]]]:
    if not WEBHOOKS.exists():
        return []
    written = json.loads(WEBHOOKS.read_text())
    contents = {
        name.strip("/"): row["post"]["requestBody"]["content"]["application/json"]
        for name, row in (written.get("webhooks") or written["paths"]).items()
    }
    named = written["components"]["examples"]
    rows = [(name, each) for name, content in contents.items() for each in content.get("examples", {}).values()]
    return [
        (name, (named[each["$ref"].rpartition("/")[2]] if "$ref" in each else each)["value"]) for name, each in rows
    ]


@pytest.mark.parametrize(("code", "body"), _examples())
def test_every_published_example_is_read(code: str, body: dict[str, Any]) -> None:
    event = webhooks.parse_webhook(json.dumps(body).encode())
    assert event.type == code
    moves = {"CHARGEBACK": ReportType.CHARGEBACK_OPENED, "REFUND_FAILED": ReportType.REFUND}
    moves |= {"CAPTURE": ReportType.CAPTURE, "CANCELLATION": ReportType.CANCEL, "CAPTURE_FAILED": ReportType.REVERSAL}
    moves |= {"EXPIRE": ReportType.EXPIRE, "CHARGEBACK_REVERSED": ReportType.CHARGEBACK_WON}
    moves |= {"CANCEL_OR_REFUND": ReportType.CANCEL, "PREARBITRATION_LOST": ReportType.CHARGEBACK_LOST}
    if code in moves:
        assert [report.fact for report in event.reports] == [moves[code]]
    if code == "CHARGEBACK":
        assert (event.reports[0].stage, event.reports[0].respond_by is not None) == (Stage.CHARGEBACK, True)
