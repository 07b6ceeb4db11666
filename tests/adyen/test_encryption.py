"""The encryption of terminal messages, against vectors of Adyen's own libraries, and every way to forge one."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from payments.core.ids import new_id
from payments.core.money import Money
from payments.providers.base import Outcome
from terminals.providers.adyen import messages
from terminals.providers.adyen.encryption import Key, NotGenuine, key_of, seal, unseal
from terminals.providers.base import Request
from tests.fake_adyen import terminals
from tests.fakes.specification import SHARED

SAMPLES = SHARED / "providers" / "adyen" / "samples"
VECTORS = SAMPLES / "nexo-crypto-vectors.json"
KEY = Key("CryptoKeyIdentifier12345", 1, terminals.PASSPHRASE)
MESSAGE = b'{"SaleToPOIResponse": {}}'


def _with(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda sealed: {**sealed, "SecurityTrailer": {**sealed["SecurityTrailer"], **changes}}


def _blob(change: Callable[[bytes], bytes]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def altered(sealed: dict[str, Any]) -> dict[str, Any]:
        return {**sealed, "NexoBlob": base64.b64encode(change(base64.b64decode(sealed["NexoBlob"]))).decode()}

    return altered


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors are not at hand")
def test_vectors_of_adyens_own_libraries() -> None:
    vectors = json.loads(VECTORS.read_text())["vectors"]
    assert len(vectors) == 2
    for vector in vectors:
        envelope = json.loads((SAMPLES / vector["file"]).read_text())
        outer = envelope.get("SaleToPOIResponse") or envelope["SaleToPOIRequest"]
        key = Key(vector["key_identifier"], vector["key_version"], vector["passphrase"])
        assert unseal(outer, key).decode() == vector["plaintext_utf8"]
        again = seal(vector["plaintext_utf8"].encode(), key, base64.b64decode(outer["SecurityTrailer"]["Nonce"]))
        assert (again["NexoBlob"], again["SecurityTrailer"]) == (outer["NexoBlob"], outer["SecurityTrailer"])


@pytest.mark.skipif(not VECTORS.exists(), reason="the samples are not at hand")
@pytest.mark.parametrize(
    ("file", "outcome"),
    [
        ("cloud-payment-sync-success.json", Outcome.SUCCEEDED),
        ("cloud-payment-sync-error.json", Outcome.UNKNOWN),
        ("nexo-payment-sync-success-storedvalue.json", Outcome.UNKNOWN),
    ],
)
def test_answers_that_adyen_has_published(file: str, outcome: Outcome) -> None:
    asked = Request(action_id=new_id("act"), amount=Money(1_00, "EUR"))
    response = json.loads((SAMPLES / file).read_text())["SaleToPOIResponse"]
    answer = messages.answered(response, asked)
    assert answer.outcome is outcome
    if outcome is Outcome.SUCCEEDED:
        assert answer.charged is not None
        assert answer.payment_reference == "8515565295894301"
        assert answer.reference == "4r7i001556529591000.8515565295894301@2019-04-29T00:00:00.000Z"


def test_what_is_sealed_is_read_by_an_implementation_of_somebody_else() -> None:
    assert unseal(terminals.seal(MESSAGE), KEY) == MESSAGE
    assert seal(MESSAGE, KEY)["NexoBlob"] != seal(MESSAGE, KEY)["NexoBlob"], "each has a nonce of its own"


@pytest.mark.parametrize(
    "forge",
    [
        lambda sealed: {"SaleToPOIResponse": {}},
        lambda sealed: {"NexoBlob": sealed["NexoBlob"]},
        lambda sealed: {"SecurityTrailer": sealed["SecurityTrailer"]},
        _with(KeyVersion=2),
        _with(KeyVersion=True),
        _with(KeyIdentifier="Another"),
        _with(AdyenCryptoVersion=0),
        _with(Nonce="AAAA"),
        _with(Nonce="not base64"),
        _with(Nonce=base64.b64encode(bytes(16)).decode()),
        _with(Hmac=""),
        _with(Hmac=base64.b64encode(bytes(32)).decode()),
        _blob(lambda blob: blob[:-1]),
        _blob(lambda blob: blob[:-16]),
        _blob(lambda blob: bytes([blob[0] ^ 1]) + blob[1:]),
        _blob(lambda blob: b""),
    ],
)
def test_every_forgery_is_one_and_the_same_error(forge: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with pytest.raises(NotGenuine) as refusal:
        unseal(forge(seal(MESSAGE, KEY)), KEY)
    assert str(refusal.value) == ""


def test_a_key_is_whole_or_absent() -> None:
    assert key_of({"api_key": "x"}) is None
    assert key_of(terminals.SECRETS) == KEY
    for missing in terminals.SECRETS:
        with pytest.raises(ValueError, match="terminal_key_identifier"):
            key_of({**terminals.SECRETS, missing: ""})
    with pytest.raises(ValueError, match="number"):
        key_of({**terminals.SECRETS, "terminal_key_version": "one"})
