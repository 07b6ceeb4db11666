"""Card numbers of every brand, written as people and machines write them, and where they may be looked for."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.api.conformity import document

KNOWN: Final = Path(__file__).parents[2].parent / "shared" / "samples" / "lists" / "test-pans-adyen.json"
BRANDS: Final = (
    *(("4", 16), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15)),
    *(("6011", 16), ("65", 16), ("36", 14), ("3528", 16), ("6759", 19), ("5018", 16), ("62", 16), ("81", 16)),
)
# Test numbers of Bancontact and Maestro outside the ranges that the contract names.
OF_NO_RANGE: Final = {"6703444444444449", "6703000000000000003", "5000550000000029", "6771798021000008"}
DIGITS: Final = re.compile(r"[0-9](?:[ -]?[0-9]){12,}")


def numbers(count: int, chance: random.Random) -> list[str]:
    """Known test numbers first, then others, each valid by Luhn and there once."""
    found: dict[str, None] = {}
    if KNOWN.exists():
        schemes = json.loads(KNOWN.read_text())["valid_luhn"].values()
        found = dict.fromkeys(number for scheme in schemes for number in scheme if number not in OF_NO_RANGE)
    while len(found) < count:
        prefix, length = chance.choice(BRANDS)
        body = prefix + "".join(chance.choice("0123456789") for _ in range(length - len(prefix) - 1))
        found[body + _check_digit(body)] = None
    return chance.sample(sorted(found), count)


def written(number: str, chance: random.Random) -> str:
    """As it is, in groups, or somewhere in a text."""
    groups = [number[start : start + 4] for start in range(0, len(number), 4)]
    form = chance.choice([number, " ".join(groups), "-".join(groups)])
    return chance.choice(["{}", "{}", "paid with {} today", "({})", "card:{};exp 12/27", "«{}»"]).format(form)


def leaves(schema: dict[str, Any], text: str) -> Iterator[Any]:
    """Bodies that hold `text` in one place each: every field, member and name that a schema allows, and one more."""
    schema = _resolved(schema)
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from leaves(option, text)
    for name, part in schema.get("properties", {}).items():
        yield from ({name: value} for value in leaves(part, text))
    if schema.get("type") == "array":
        yield from ([value] for value in leaves(schema.get("items", {}), text))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from ({"key": text}, {text: "value"})
    if "properties" in schema:
        yield from ({"strange": text}, {text: 1})
    else:
        yield text
        yield int(digits) if (digits := "".join(filter(str.isdigit, text))) else text


def is_merchant_number(body: Any) -> bool:
    """Whether a body names the merchant at its acquirer, by up to 15 digits: they stay, whatever they look like."""
    if isinstance(body, list):
        return any(map(is_merchant_number, body))
    found = body.get("acquirer_mid") if isinstance(body, dict) else None
    return isinstance(found, str) and found.isdigit() and len(found) <= 15


def posts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every address that takes JSON by POST, with its schema."""
    for path, operations in document()["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {})
        if "application/json" in content:
            yield path, content["application/json"]["schema"]


def seen(text: str, known: set[str]) -> set[str]:
    """Which of these numbers stand in a text, in whatever form."""
    found = set()
    for run in DIGITS.finditer(text):
        digits = re.sub("[ -]", "", run.group())
        for length in (13, 14, 15, 16, 19):
            found |= known & {digits[start : start + length] for start in range(len(digits) - length + 1)}
    return found


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return dict(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def _check_digit(body: str) -> str:
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(body))]
    return str(-sum(number - 9 * (number > 9) for number in doubled) % 10)
