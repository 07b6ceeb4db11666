"""The collected specifications, read where they lie: what a request and an answer must look like."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[3] / "shared" / "samples" / "bookkeeping"


@cache
def document(name: str) -> dict[str, Any]:
    """A specification; empty where it is not at hand."""
    path = FOLDER / name
    read: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return read


def faults(name: str, path: str, method: str, body: Any, *, status: int | None = None) -> list[str]:
    """What is wrong with the body of a request, or of the answer with a status. Nothing is, without the document."""
    spec = document(name)
    if not spec:
        return []
    operation = spec["paths"][path][method]
    part = operation["requestBody"] if status is None else operation["responses"][str(status)]
    content = part.get("content", {})
    schema = next((kind["schema"] for kind in content.values() if "schema" in kind), None)
    if schema is None:
        return []
    validator = Draft202012Validator({"components": spec["components"], **schema})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(body)]


def unknown_fields(entity: str, body: dict[str, Any]) -> list[str]:
    """Which members an entity of Exact Online's descriptors does not have."""
    entities = document("exact-online-entities.json").get("entities")
    return sorted(set(body) - set(entities[entity]["fields"])) if entities else []
