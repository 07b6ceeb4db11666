"""Who is asking: an API key as a bearer token (RFC 6750)."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from payments.core.errors import Unauthenticated
from payments.people.actors import Caller
from payments.people.services.api_keys import verify


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer ot_test_…`, and nothing else."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller]:
        """The holder of the key.

        Raises:
            Unauthenticated: `authentication_required` without a key, `invalid_api_key` with a wrong one.
        """
        caller = verify(bearer(request.headers))
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def bearer(headers: Mapping[str, str]) -> str:
    """The text of the API key that a request carries.

    Raises:
        Unauthenticated: it carries none.
    """
    kind, _, key = headers.get("Authorization", "").partition(" ")
    if not kind:
        raise Unauthenticated("authentication_required", "Send an API key: Authorization: Bearer ot_…")
    if kind.lower() != "bearer" or not key.strip():
        raise Unauthenticated("invalid_api_key", "Send the API key as: Authorization: Bearer ot_…")
    return key.strip()


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key, `ot_test_…` or `ot_live_…`."}
