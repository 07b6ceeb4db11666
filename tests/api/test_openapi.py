"""Schemathesis asks every address of the OpenAPI document whatever its schemas allow, and some of what they do not."""

import os
import secrets
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Err, Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from tests.api.conftest import Shop

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
SOME = settings(
    max_examples=EXAMPLES or 2,
    deadline=None,
    derandomize=not EXAMPLES,  # a long run has a seed of its own: --hypothesis-seed
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_answer_is_a_surprise(shop: Shop, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_wsgi("/v1/openapi.json", application)
    headers = {"Authorization": f"Bearer {shop.api(channel=shop.store).key}"}
    requested = [_ask(_readable(result), mode, headers) for result in document.get_all_operations()]
    assert len(requested) > 45


def _readable(operation: Ok[Any] | Err[Any]) -> Any:
    """The operation, if its description can be read."""
    assert isinstance(operation, Ok), operation
    return operation.ok()


def _ask(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> str:
    @SOME
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        fresh = {"Idempotency-Key": secrets.token_hex(8)} if mode == GenerationMode.POSITIVE else {}
        case.call_and_validate(checks=CHECKS, headers=headers | fresh)

    ask()
    return str(operation.label)
