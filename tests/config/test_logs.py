"""A log tells what happened and to whose request, in one form for machines and one for people, and no secret."""

import json
import logging
import os
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from config.observability import redaction
from config.observability.logging import JsonFormatter, ScrubbedFormatter, configuration, current_request_id, is_json
from payments.models import Operation
from payments.providers.base import Outcome, Result
from payments.services import provider_call_log
from tests.builders import open_shop

SECRETS = (
    "4111 1111 1111 1111",
    "ot_live_AbCdEf0123456789",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "sk_test_51Habcdefgh",
    "jan.jansen+till@mail.shop.example",
    "NL91 ABNA 0417 1643 00",
    "hunter22",
    "gAAAAABmZ3JvdW5kIGZsb29yIG9mIHRoZSBob3VzZQ==wxyzwxyzwxyz",
)
TELLTALE = f"""paid with {SECRETS[0]} by {SECRETS[4]} from {SECRETS[5]} under {SECRETS[1]}: token={SECRETS[2]},
{{"secret_key": "{SECRETS[3]}", "password": "{SECRETS[6]}"}} {SECRETS[7]}
postgresql://owner:{SECRETS[6]}@db.example/onetill Authorization: Bearer {SECRETS[1]}"""


@pytest.fixture(params=["json", "text"])
def lines(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What a handler of either form would print."""
    formatter = JsonFormatter() if request.param == "json" else ScrubbedFormatter("{message}", style="{")
    printed: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            printed.append(formatter.format(record))

    handler = Handler()
    logging.getLogger("tests.logs").addHandler(handler)
    yield printed
    logging.getLogger("tests.logs").removeHandler(handler)


def test_no_secret_comes_through_text_arguments_or_traceback(lines: list[str]) -> None:
    logger = logging.getLogger("tests.logs")
    logger.error("%s", TELLTALE)
    try:
        raise RuntimeError(TELLTALE)
    except RuntimeError:
        logger.exception("failed on %s", {"card": SECRETS[0]})
    assert len(lines) == 2
    assert not [secret for secret in SECRETS if secret in "".join(lines)]
    assert "RuntimeError" in lines[1]


def test_this_installations_own_secrets_are_hidden_wherever_they_stand(lines: list[str]) -> None:
    ours = (settings.SECRET_KEY, settings.ENCRYPTION_KEYS[0], settings.HASH_KEY)
    logging.getLogger("tests.logs").error("what is %s, and <%s> %s?", *ours)
    assert not [secret for secret in ours if secret in lines[0]]


@pytest.mark.parametrize(
    "text",
    [
        "task payments.submit ended well",
        "provider simulator, sale: unknown (no_answer)",
        "realtime@8000 ready",
        "op_06h1n4msg0004zs5cqxp1e6h84 of pac_06h1n4msg0004zs5cqxp1e6h84",
        "2026-11-27T01:15:46.941+00:00 took 12.5 ms",
        "tokens, passwords and secrets are kept apart",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redaction.scrub(text) == text


def test_a_json_line_is_one_object_whatever_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    token = current_request_id.set("till-7-0001")
    record = logging.LogRecord("config.requests", logging.INFO, __file__, 1, 'a "b"\n\u2028%s', ("c",), None)
    record.route, record.status, record.unheard_of = "v1/payments", 201, "left out"
    line = JsonFormatter().format(record)
    current_request_id.reset(token)
    assert "\n" not in line
    line_fields = json.loads(line)
    assert line_fields.pop("time").endswith("+00:00")
    assert line_fields == {
        "level": "info", "logger": "config.requests", "request_id": "till-7-0001", "message": 'a "b"\n\u2028c',
        "route": "v1/payments", "status": 201,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("requested", "terminal", "json_"), [("", True, False), ("", False, True), ("text", False, False)]
)
def test_lines_are_for_whoever_looks_on(
    monkeypatch: pytest.MonkeyPatch, requested: str, terminal: bool, json_: bool
) -> None:
    monkeypatch.setenv("LOG_FORMAT", requested)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert is_json() is json_
    assert configuration()["handlers"]["console"]["formatter"] == ("json" if json_ else "text")


def test_another_form_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match="LOG_FORMAT must be json or text"):
        configuration()


@pytest.mark.django_db
def test_a_request_is_told_by_its_route_and_not_by_its_address(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "config.requests"):
        client.get("/pay/secret-token-of-a-link")
        client.get("/health/live")
    [record] = [record for record in caplog.records if record.name == "config.requests"]
    record_fields = vars(record)
    assert (record_fields["method"], record_fields["route"], record_fields["status"]) == ("GET", "pay/<str:token>", 404)
    assert "secret-token" not in record.getMessage()


@pytest.mark.django_db
def test_a_call_to_a_provider_is_told_with_its_operation(caplog: pytest.LogCaptureFixture) -> None:
    operation = Operation.objects.select_related("provider_account").get(payment=open_shop().pin(1000))
    with caplog.at_level("INFO", "payments.services.provider_call_log"):
        provider_call_log.note(
            operation, "refund", Result(Outcome.DECLINED, code="expired_card", detail="of jan@x.nl"), began=0
        )
    [record] = caplog.records
    assert record.getMessage() == "provider external, refund: declined (expired_card)"
    record_fields = vars(record)
    assert (record_fields["operation"], record_fields["outcome"], record_fields["verb"]) == (
        operation.id,
        "declined",
        "refund",
    )


def test_what_cannot_be_written_is_not_printed_as_it_came(capfd: pytest.CaptureFixture[str]) -> None:
    with open(os.devnull, "w") as gone:
        handler = logging.StreamHandler(gone)
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    try:
        logger.warning("paid with %s", SECRETS[0])
    finally:
        logger.removeHandler(handler)
    assert "4111" not in "".join(capfd.readouterr())
