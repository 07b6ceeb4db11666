"""The addresses of a fake, and where each answer's form comes from."""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Final

_PLACE: Final = re.compile(r"\{(\w+)\}")


class Origin(StrEnum):
    """Where the form of an answer is known from. None of them is an answer that was seen live."""

    SPEC_EXAMPLE = "spec example"  # an example of the provider's own published specification
    PUBLIC_FIXTURE = "public fixture"  # a message in public code or documentation: their SDK's tests, their site
    ASSUMED = "assumed"  # nobody published one: told from prose, or from kin


def find(endpoints: Iterable[str], method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The endpoint that a request is for, as `PATCH /v1/orders/{id}/void`, and what stands in its places."""
    for endpoint in endpoints:
        wanted, pattern = _compiled(endpoint)
        found = pattern.fullmatch(path) if wanted == method else None
        if found is not None:
            return endpoint, found.groupdict()
    return None


@cache
def _compiled(endpoint: str) -> tuple[str, re.Pattern[str]]:
    method, _, path = endpoint.partition(" ")
    return method, re.compile(_PLACE.sub(r"(?P<\1>[^/]+)", path))
