"""JSON Schemas of the OpenAPI document, made from the types that requests are read with."""

from collections.abc import Mapping
from enum import Enum
from inspect import cleandoc
from typing import Any, Final

import msgspec
from django.core.exceptions import ImproperlyConfigured
from msgspec import Struct, inspect

import payments.api.references  # noqa: F401  (registers the types of fields that name objects)
from payments.api import answer_docs
from payments.api.field_docs import sentences
from payments.api.inputs import SCHEMAS
from payments.api.schemas import COMPONENTS, Schema, many, maybe
from payments.core.input_faults import described, enum_values
from payments.core.input_types import END, NOT_BLANK
from payments.core.inputs import Input, OneOf

_FORMS: Final[dict[str, type[Struct]]] = {}  # by the name of the component
_JSON_TYPES: Final = {str: "string", int: "integer"}


def body_of(form: type[Input], *, prefix: str = "") -> Schema:
    """Return the reference to an input's schema. It and its parts become components, whose names get the prefix."""
    return _Schemas(prefix).struct(described(form))


def parameters_of(form: type[Input]) -> dict[str, Schema]:
    """Return the schema of each parameter of an address: it may be left out, and is never null."""
    return {field.encode_name: _Schemas().field(field, null=False) for field in described(form).fields}


def with_sentences(name: str, schema: Schema) -> Schema:
    """A component, each member with what is told of it: under its field of an input, or of an answer by its name."""
    members = schema.get("properties")
    if not members:
        return schema
    known = field_descriptions(_FORMS[name]) if name in _FORMS else _answer_descriptions(name, members)
    return {**schema, "properties": {member: {**kind, **known.get(member, {})} for member, kind in members.items()}}


def _answer_descriptions(name: str, members: Mapping[str, Schema]) -> dict[str, Schema]:
    known = {**answer_docs.EVERYWHERE, **answer_docs.OF.get(name, {})}
    sentences_of = {member: _sentence(known.get(member, ""), members[member]) for member in members}
    return {member: {"description": sentence} for member, sentence in sentences_of.items() if sentence}


def _sentence(sentence: str, schema: Schema) -> str:
    """What is told of a member, and the words it may be; of an amount at least its unit."""
    unit = "In minor units." if not sentence and schema.get("format") == "int64" else ""
    return " ".join(filter(None, [sentence, schema.get("description", ""), unit]))


def field_descriptions(form: type[Struct]) -> dict[str, Schema]:
    """What is told of each field of an input, by its name in JSON."""
    known = sentences(form)
    return {
        field.encode_name: {"description": known[field.name]} for field in described(form).fields if field.name in known
    }


class _Schemas:
    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix

    def struct(self, kind: inspect.StructType) -> Schema:
        name = f"{self.prefix}{kind.cls.__name__}"
        if _FORMS.setdefault(name, kind.cls) is not kind.cls:
            raise ImproperlyConfigured(f"{kind.cls} and {_FORMS[name]} would both be {name} in the OpenAPI document")
        if name not in COMPONENTS:
            required = [field.encode_name for field in kind.fields if field.required]
            COMPONENTS[name] = {
                "type": "object",
                "description": " ".join([cleandoc(kind.cls.__doc__ or ""), *map(str, getattr(kind.cls, "rules", ()))]),
                "properties": {field.encode_name: self.field(field) for field in kind.fields},
                **({"required": required} if required else {}),
                **_alternatives(kind.cls),
                "additionalProperties": False,
            }
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: inspect.Field, *, null: bool = True) -> Schema:
        default = {} if field.default in (None, msgspec.NODEFAULT) else {"default": field.default}
        return {**self.of(field.type, null=null), **default}

    def of(self, kind: inspect.Type, *, null: bool = True) -> Schema:
        """Return the schema of a type; without `null`, of what it is otherwise."""
        match kind:
            case inspect.Metadata():
                return _narrowed(self.of(kind.type), kind.extra_json_schema or {})
            case inspect.UnionType():
                kinds = [self.of(one) for one in kind.types if not isinstance(one, inspect.NoneType)]
                schema = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
                return maybe(schema) if kind.includes_none and null else schema
            case inspect.StructType():
                return self.struct(kind)
            case inspect.ListType():
                return {**many(self.of(kind.item_type)), **_bounds("Items", kind.min_length, kind.max_length)}
            case inspect.DictType():
                members = {"type": "object", "additionalProperties": self.of(kind.value_type)}
                return {**members, **_bounds("Properties", kind.min_length, kind.max_length)}
            case _:
                return _leaf(kind)


def _alternatives(form: type[Struct]) -> Schema:
    """The fields of which a request needs one."""
    needed = [rule.names for rule in getattr(form, "rules", ()) if isinstance(rule, OneOf) and rule.required]
    return {"anyOf": [{"required": [name]} for name in needed[0]]} if needed else {}


def _leaf(kind: inspect.Type) -> Schema:
    match kind:
        case inspect.StrType():
            return {"type": "string", **_bounds("Length", kind.min_length, kind.max_length), **_pattern(kind)}
        case inspect.IntType():
            return {"type": "integer", **_present(minimum=kind.ge, maximum=kind.le)}
        case inspect.FloatType():
            return {"type": "number", **_present(minimum=kind.ge, maximum=kind.le)}
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.LiteralType():
            return {"type": _JSON_TYPES[type(kind.values[0])], "enum": list(kind.values)}
        case inspect.EnumType() | inspect.CustomType() if issubclass(kind.cls, Enum):
            return {"type": "string", "enum": enum_values(kind)}
        case inspect.CustomType():
            return dict(SCHEMAS[kind.cls])
        case _:
            return {"type": "string", "format": _FORMATS[type(kind)]}


_FORMATS: Final = {inspect.DateTimeType: "date-time", inspect.DateType: "date"}


def _pattern(kind: inspect.StrType) -> Schema:
    """A pattern that every engine reads, with a plain end; that a text is not blank goes without saying."""
    plain = kind.pattern and kind.pattern.replace(END, "$")
    return {"pattern": plain} if plain and plain != NOT_BLANK else {}


def _narrowed(schema: Schema, noted: dict[str, Any]) -> Schema:
    """A schema with what a type notes of itself; words that are listed need no pattern beside."""
    return {name: value for name, value in {**schema, **noted}.items() if not (name == "pattern" and "enum" in noted)}


def _bounds(of: str, least: int | None, most: int | None) -> Schema:
    return _present(**{f"min{of}": least or None, f"max{of}": most})


def _present(**members: Any) -> Schema:
    return {name: value for name, value in members.items() if value is not None}
