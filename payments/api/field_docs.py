"""What the OpenAPI document says of each field of an input: the sentence that stands under the field.

    amount: Amount | None = None
    \"\"\"How much to capture, in minor units; all that is capturable when left out.\"\"\"

A type says what fits, and is read with every request; its sentence is read from the source, when the document is made.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from msgspec import Struct


def sentences(form: type[Struct]) -> dict[str, str]:
    """Return the sentence under each field, by the name of its attribute; fields of bases have theirs too."""
    found: dict[str, str] = {}
    for kind in reversed(form.__mro__):
        found |= _of_module(kind.__module__).get(kind.__qualname__, {})
    return found


@cache
def _of_module(name: str) -> dict[str, dict[str, str]]:
    """The sentences of a module's classes, by class and attribute; nothing of what is no Python."""
    path = getattr(sys.modules[name], "__file__", None)
    if path is None or not path.endswith(".py"):
        return {}
    parsed = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {node.name: dict(_fields(node)) for node in parsed.body if isinstance(node, ast.ClassDef)}


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(node.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())
