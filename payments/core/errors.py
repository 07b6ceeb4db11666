"""Everything Onetill refuses, as one tree.

    OnetillError
    ├── Invalid               422  the request cannot be understood or allowed; `param` names the place
    │   ├── ValidationFailed  422  several faults at once, each with its own `param`
    │   └── Malformed         400  not even readable
    ├── Unauthenticated       401  who is asking is not known
    ├── Forbidden             403  known, but not allowed
    ├── NotFound              404  no such object for this merchant
    ├── Conflict              409  the object's state does not allow it now; may say when to ask again
    ├── TooLarge              413
    └── TooMany               429  with `retry_after` seconds

A provider's decline is a result, not an error; so is its silence (`payments.providers.base.Outcome`).
"""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: where, a stable code, and what to do."""

    param: str | None
    code: str
    detail: str


class OnetillError(Exception):
    """A refusal that says what to do. `members` are further members of the problem+json answer."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, code: str, detail: str, *, param: str | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.param = param
        self.members = members


class Invalid(OnetillError):
    """The request cannot be understood or allowed."""

    status = 422
    title = "Invalid request"


class ValidationFailed(Invalid):
    """Several faults at once. A single card-number fault gives the whole its code."""

    def __init__(self, faults: list[Fault]) -> None:
        only = faults[0] if len(faults) == 1 else None
        code = "card_number_refused" if only and only.code == "card_number_refused" else "validation_failed"
        detail = only.detail if only else f"{len(faults)} fields need to be corrected; see errors."
        super().__init__(code, detail, param=only.param if only else None)
        self.faults = faults


def wrong(param: str, code: str, detail: str) -> ValidationFailed:
    """The refusal of one field that a service finds wrong, in the form of a body's."""
    return ValidationFailed([Fault(param, code, detail)])


class Malformed(OnetillError):
    """The request cannot even be read."""

    status = 400
    title = "Malformed request"


class Unauthenticated(OnetillError):
    """Who is asking is not known."""

    status = 401
    title = "Not authenticated"


class Forbidden(OnetillError):
    """Known, but not allowed."""

    status = 403
    title = "Not allowed"


class NotFound(OnetillError):
    """No such object for this merchant."""

    status = 404
    title = "Not found"

    def __init__(self, detail: str = "There is no such object. Check the id and the key's merchant.") -> None:
        super().__init__("not_found", detail)

    @classmethod
    def of(cls, kind: str) -> "NotFound":
        """The refusal that names what was not found, as `payment` or `webhook endpoint`."""
        return cls(f"There is no such {kind}. Check the id and the key's merchant.")


class Conflict(OnetillError):
    """The object's state does not allow it now; `retry_after` seconds where waiting alone may help."""

    status = 409
    title = "Conflict"

    def __init__(
        self, code: str, detail: str, *, param: str | None = None, retry_after: int | None = None, **members: Any
    ) -> None:
        super().__init__(code, detail, param=param, **members)
        self.retry_after = retry_after


class TooLarge(OnetillError):
    """The body or batch is larger than allowed."""

    status = 413
    title = "Too large"


class TooMany(OnetillError):
    """Too many requests; try again after `retry_after` seconds."""

    status = 429
    title = "Too many requests"

    def __init__(self, code: str, detail: str, *, retry_after: int) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after
