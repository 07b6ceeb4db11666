"""What a request says is converted in one go, and what does not fit is explained part by part: the two agree."""

import string
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

import config.urls  # noqa: F401  (loads every view, and so every input)
from payments.core.errors import Fault
from payments.core.input_faults import UNEXPLAINED, InvalidValue, described
from payments.core.input_types import Amount, Email, Instant, Metadata, chosen, some_of, text
from payments.core.inputs import Input, Together, convert

WORDS: Final = [
    *("EUR", "card", "auto", "online", "manual", "email", "nl", "accept", "proportional", "single", "*", "21", "5.5"),
    *("2026-11-22", "2026-11-22T09:30:00Z", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-01:00", "a@b.nl"),
    *("https://shop.example", "sale", "approved", "1234", "A0", "act_" + "0" * 26, "", " ", "\u2003", "x" * 70),
]
NAMES: Final = st.sampled_from(["payment", "amount", "email", "rate", "net", "tax", "iban", "name", "last4", "brand"])
SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 5, 1250, 10**12, 10**30])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(string.printable, max_size=5)
)
VALUES: Final = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)


def inputs(base: type[Input] = Input) -> Iterator[type[Input]]:
    """Every form of input that any view reads, and every part of one."""
    for form in base.__subclasses__():
        if form.__module__.partition(".")[0] != "tests":
            yield form
        yield from inputs(form)


FORMS: Final = sorted(set(inputs()), key=lambda form: f"{form.__module__}.{form.__name__}")


def find(kind: type, value: Any) -> Any:
    """An object for some ids, and none for others; there are no tables here."""
    if not isinstance(value, str) or len(value) > 4:
        raise InvalidValue(Fault(None, "not_found", "There is no such object."))
    made: object = object.__new__(kind)
    return made


def test_every_form_of_the_api_and_of_devices_is_one() -> None:
    names = {form.__name__ for form in FORMS}
    assert {"PaymentInput", "RefundInput", "PaymentsQuery", "ResolveInput", "TerminalInput", "Transaction"} <= names
    assert len(FORMS) > 40


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_whatever_is_refused_is_explained(form: type[Input]) -> None:
    names = [field.encode_name for field in described(form).fields]
    given_names = st.sampled_from([*names, "strange"]) if names else st.just("strange")

    @settings(max_examples=20)
    @given(data=st.dictionaries(given_names, VALUES, max_size=6) | VALUES)
    def read(data: Any) -> None:
        found = convert(form, data, at="transactions[3]", hook=find)
        if isinstance(found, list):
            assert found
            assert all((fault.code, fault.detail) != UNEXPLAINED for fault in found), data
            assert all((fault.param or "").startswith("transactions[3]") for fault in found)

    read()


class Part(Input, kw_only=True):
    """A part of the form below."""

    rules = (Together(("least", "most")),)

    name: Annotated[str, text(5)]
    least: Amount | None = None
    most: Amount | None = None


class Form(Input, kw_only=True):
    """A form of the tests'."""

    part: Part | None = None
    parts: Annotated[list[Part], Meta(min_length=1, max_length=2)] | None = None
    limit: Amount | UnsetType | None = UNSET
    at: Instant | None = None
    to: Email | None = None
    words: Annotated[str, some_of(["a", "b"])] | None = None
    metadata: Metadata | None = None


class Ware:
    """No type of msgspec's."""


class Odd(Input, kw_only=True):
    """An input of types that no form has: whoever adds one is told so at the first request, not by a wrong answer."""

    ware: Ware | None = None
    share: Decimal | None = None


def test_a_type_that_nothing_reads_is_no_input() -> None:
    for wrong in ({"ware": "tulips"}, {"share": "a third"}):
        with pytest.raises(NotImplementedError):
            convert(Odd, wrong)


def faults(data: Any) -> list[tuple[str | None, str]]:
    found = convert(Form, data)
    assert isinstance(found, list), found
    return [(fault.param, fault.code) for fault in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, [(None, "invalid_type")]),
        ({"part": {}}, [("part.name", "required")]),
        ({"part": {"name": None}}, [("part.name", "required")]),
        ({"part": {"name": "x", "least": 1}}, [("part.most", "required")]),
        ({"part": {"name": "x", "least": 0}}, [("part.most", "required"), ("part.least", "out_of_range")]),
        ({"parts": []}, [("parts", "too_few")]),
        ({"parts": [{"name": "x"}] * 3}, [("parts", "too_many")]),
        ({"parts": [{"name": "x"}, None]}, [("parts[1]", "required")]),
        ({"parts": [{"name": "123456"}, {"name": 1}]}, [("parts[0].name", "too_long"), ("parts[1].name", "invalid_type")]),
        ({"to": "\u2003"}, [("to", "too_short")]),
        ({"to": "a@b.nl\n"}, [("to", "invalid_format")]),
        ({"words": "a,c"}, [("words", "invalid_choice")]),
        ({"at": "2026-11-22T09:30:00"}, [("at", "invalid_time")]),
        ({"at": "0001-01-01T00:00:00+10:00"}, [("at", "out_of_range")]),
        ({"limit": True}, [("limit", "invalid_type")]),
        ({"metadata": {"": "x", "k": 1}}, [("metadata.k", "invalid_type"), ("metadata", "too_long")]),
        ({"odd": 1, "4111 1111 1111 1111": 1, "part": 5}, [("odd", "unknown_field"), ("[redacted]", "unknown_field"), ("part", "invalid_type")]),
    ],
)  # fmt: skip
def test_each_fault_has_its_place_and_code(data: Any, expected: list[tuple[str | None, str]]) -> None:
    assert faults(data) == expected


def test_null_says_the_same_as_nothing_but_where_it_does_not() -> None:
    found = convert(Form, {"part": None, "limit": None, "words": "b,a,b"})
    assert isinstance(found, Form)
    assert found.given() == {"limit": None, "words": "b,a,b"}
    assert chosen(found.words) == ("b", "a")
    nothing = convert(Form, {})
    assert isinstance(nothing, Form)
    assert nothing.given() == {}


def test_times_are_read_in_utc() -> None:
    found = convert(Form, {"at": "2026-11-22T09:30:00+01:00"})
    assert isinstance(found, Form)
    assert found.at is not None
    assert found.at.isoformat() == "2026-11-22T08:30:00+00:00"
