"""What cannot be read is told so, and nothing comes of it."""

import json
import time
from pathlib import Path

import pytest

from payments.core.money import MAX_AMOUNT
from payments.models import Order, Payment
from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop

SHARED = Path(__file__).parents[2].parent / "shared"
SUITE = sorted((SHARED / "samples" / "lists" / "jsontestsuite").glob("*.json"))
NAUGHTY = SHARED / "samples" / "lists" / "blns.json"
CARD = "4111 1111 1111 1111"
BODY = {"order_reference": "1", "amount": 500, "currency": "EUR", "method": "cash"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(shop: Shop) -> Api:
    """The till's key: cash asks no provider."""
    return shop.api(channel=shop.store)


@pytest.mark.skipif(not SUITE, reason="the JSON test suite is not here")
def test_every_kind_of_json(api: Api) -> None:
    answer = {path.name: api.post("/v1/payments", raw=path.read_bytes()).status_code for path in SUITE}
    twice = {"y_object_duplicated_key_and_value.json"}
    assert {name for name, status in answer.items() if name.startswith("n_") and status != 400} == set()
    assert {name for name, status in answer.items() if name.startswith("y_") and status != 422} == twice
    assert {name for name, status in answer.items() if name.startswith("i_") and status not in (400, 422)} == set()
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b" ", b"\xef\xbb\xbf{}", b'{"amount": NaN}', b'{"amount": Infinity}', b'{"amount": -Infinity}',
        b'{"amount": 1e999}', b'{"amount": 1, "amount": 2}', b'{"vat": [{"net": 1, "net": 1}]}', b'{"a": "\\ud800"}',
        b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b'"\xff"', '{"a": 1}'.encode("utf-16"), b"{}{}",
        b'{"amount": ' + b"9" * 5_000 + b"}",
    ],
    ids=lambda raw: repr(raw[:20]),
)  # fmt: skip
def test_what_is_no_json(api: Api, raw: bytes) -> None:
    refusal(api.post("/v1/payments", raw=raw), 400, "malformed_json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_does_not_call_itself_json(api: Api, content_type: str) -> None:
    refusal(api.post("/v1/payments", BODY, content_type=content_type), 415, "unsupported_media_type")


def test_a_charset_is_no_reason_to_refuse(api: Api) -> None:
    assert api.post("/v1/payments", BODY, content_type="application/json; charset=utf-8").status_code == 201


@pytest.mark.parametrize("size", [1_000_001, 20_000_000])
def test_a_body_that_is_too_large(api: Api, size: int) -> None:
    refusal(api.post("/v1/payments", raw=b" " * size), 413, "body_too_large")


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"1", b"true"])
def test_json_that_is_no_object(api: Api, raw: bytes) -> None:
    assert faults(api.post("/v1/payments", raw=raw)) == {None: "invalid_type"}


@pytest.mark.parametrize(
    "amount",
    [12.5, 500.0, "500", True, False, None, [], {}, 0, -1, MAX_AMOUNT + 1, 2**63, 2**64, 10**30, "1e3", ""],
    ids=repr,
)
def test_an_amount_is_whole_minor_units(api: Api, amount: object) -> None:
    [code] = [code for param, code in faults(api.post("/v1/payments", BODY | {"amount": amount})).items()]
    assert code in ("invalid_type", "out_of_range", "required")
    assert not Payment.objects.exists()


@pytest.mark.parametrize("currency", ["eur", "EURO", "XXX", "XAU", "", 978, None, "E\0R", "€"])
def test_a_currency_is_one_that_a_shop_takes(api: Api, currency: object) -> None:
    assert "currency" in faults(api.post("/v1/payments", BODY | {"currency": currency}))


@pytest.mark.parametrize(
    "field",
    [
        {"order_reference": CARD}, {"description": f"paid with {CARD}!"}, {"method": CARD}, {"return_url": CARD},
        {"voucher_code": CARD}, {"channel": CARD}, {"customer": {"name": CARD}}, {"metadata": {"a": CARD}},
        {"metadata": {CARD: "a"}}, {"metadata": {"iban": CARD}}, {"vat": [{"rate": CARD}]}, {"colour": [{"x": CARD}]},
        {CARD: 1}, {"acknowledge_unknown": {"operator": CARD.replace(" ", "-"), "reason": "x"}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_card_number_is_refused_and_never_echoed(api: Api, field: dict[str, object]) -> None:
    answer = api.post("/v1/payments", BODY | field)
    assert "card_number_refused" in faults(answer).values()
    for echo in (CARD, CARD.replace(" ", ""), CARD.replace(" ", "-")):
        assert echo.encode() not in answer.content
    assert not Order.objects.exists()


def test_a_card_number_alone_gives_the_whole_its_code(api: Api) -> None:
    members = refusal(api.post("/v1/payments", BODY | {"description": CARD}), 422, "card_number_refused")
    assert members["errors"] == [{"param": "description", "code": "card_number_refused", "detail": members["detail"]}]


def test_a_field_name_with_a_card_number_is_redacted(api: Api) -> None:
    answer = api.post("/v1/payments", BODY | {CARD: "x", "metadata": {CARD: "y"}})
    assert faults(answer) == {"[redacted]": "card_number_refused", "metadata.[redacted]": "card_number_refused"}


def test_a_megabyte_that_is_made_to_take_long(api: Api) -> None:
    began = time.monotonic()
    digits = BODY | {"description": "4000 0000 " * 90_000}
    assert faults(api.post("/v1/payments", digits)) == {"description": "card_number_refused"}  # unread, so unsure
    names = {f"{at}": at for at in range(60_000)}
    assert len(faults(api.post("/v1/payments", names))) <= 500
    assert time.monotonic() - began < 30


def test_a_card_number_in_an_address_is_not_echoed(api: Api) -> None:
    for answer in (api.get("/v1/payments", order_reference=CARD), api.get(f"/v1/payments/{CARD}")):
        assert answer.status_code in (404, 422)
        assert CARD.encode() not in answer.content


@pytest.mark.skipif(not NAUGHTY.exists(), reason="the naughty strings are not here")
@pytest.mark.parametrize("name", ["limit", "amount", "order_reference", "color"])
def test_a_card_number_in_a_parameter_is_refused_whatever_it_should_be(api: Api, name: str) -> None:
    answer = api.get("/v1/payments", **{name: CARD.replace(" ", "")})
    assert faults(answer) == {name: "card_number_refused"}


def test_naughty_strings_are_stored_as_they_came_or_refused(api: Api) -> None:
    texts = json.loads(NAUGHTY.read_text())
    for start in range(0, len(texts), 50):
        metadata = {f"k{at}": text for at, text in enumerate(texts[start : start + 50])}
        answer = api.post("/v1/payments", BODY | {"metadata": metadata})
        if answer.status_code == 422:
            refused = {param.removeprefix("metadata.") for param in faults(answer) if param}
            metadata = {name: text for name, text in metadata.items() if name not in refused}
            answer = api.post("/v1/payments", BODY | {"metadata": metadata})
        assert (answer.status_code, answer.json().get("metadata")) == (201, metadata)


@pytest.mark.skipif(not NAUGHTY.exists(), reason="the naughty strings are not here")
def test_naughty_references_are_found_again_or_refused(api: Api) -> None:
    for text in json.loads(NAUGHTY.read_text())[::6]:
        answer = api.post("/v1/payments", BODY | {"order_reference": text, "description": text})
        if answer.status_code == 201:
            shown = answer.json()
            assert (shown["order"]["reference"], shown["description"]) == (text, text)
            assert shown["id"] in {row["id"] for row in api.get("/v1/payments", order_reference=text).json()["data"]}
        else:
            assert set(faults(answer)) <= {"order_reference", "description"}, text


@pytest.mark.parametrize(
    ("metadata", "place"),
    [
        ({str(at): "x" for at in range(51)}, "metadata"), ({"k" * 41: "x"}, "metadata"), ({"": "x"}, "metadata"),
        ({"k": "x" * 501}, "metadata.k"), ({"k": 1}, "metadata.k"), ({"k": None}, "metadata.k"), ([], "metadata"),
        ({"k": {"l": "m"}}, "metadata.k"), ({"k": "a\0b"}, "metadata.k"), ({"a": "b", "k": 1, "l": 2}, "metadata.l"),
    ],
)  # fmt: skip
def test_metadata_is_few_short_strings(api: Api, metadata: object, place: str) -> None:
    assert place in faults(api.post("/v1/payments", BODY | {"metadata": metadata}))


def test_a_fault_that_only_a_service_can_see_is_told_at_its_place_too(api: Api) -> None:
    answer = api.post("/v1/payments", BODY | {"method": "card", "received": 5000})
    assert faults(answer) == {"received": "not_together"}


def test_metadata_of_the_greatest_size(api: Api) -> None:
    metadata = {f"{at:040}": "x" * 500 for at in range(50)}
    assert api.post("/v1/payments", BODY | {"metadata": metadata}).json()["metadata"] == metadata
