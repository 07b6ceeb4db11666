"""The filters of a list as chips: what is asked for at a glance, and each opened, changed or taken off by itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from payments.admin.base.addresses import address, kept
from payments.admin.base.periods import PERIODS
from payments.text import formatting
from payments.text.form_fields import TypedAmount


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer that a chip offers by a click."""

    text: str
    link: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One text that a chip asks for, with what is wrong with what was typed."""

    name: str
    label: str
    value: str
    faults: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One filter. `value` is what it asks for, empty while it asks for nothing; `kept` are the others' parameters."""

    name: str
    title: str
    value: str
    faults: list[str]
    without: str
    options: list[Option] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)


def chips(cl: Any) -> list[Chip]:
    """The filters of a list, in the order in which its page declares them."""
    return [_chip(cl, spec) for spec in cl.filter_specs]


def _chip(cl: Any, spec: Any) -> Chip:
    form: forms.Form = next(iter(spec.choices(cl)))["form"]
    names = [str(name) for name in spec.expected_parameters()]
    typed = {name: form.fields[name] for name in form.fields if not isinstance(form.fields[name], forms.ChoiceField)}
    return Chip(
        name=names[0],
        title=capfirst(str(spec.title)),
        value=_value(form) or _as_typed(form),
        faults=[str(fault) for faults in form.errors.values() for fault in faults],
        without=address(cl.request.GET, {}, names),
        options=list(_options(cl, form, names)),
        fields=[
            Field(
                name=name,
                label=capfirst(str(asked.label or spec.title)),
                value=str(form.data.get(name) or ""),
                faults=[str(fault) for fault in form.errors.get(name, ())],
            )
            for name, asked in typed.items()
        ],
        kept=kept(cl.request.GET, names),
    )


def _options(cl: Any, form: forms.Form, names: list[str]) -> Iterator[Option]:
    for name, asked in form.fields.items():
        if not isinstance(asked, forms.ChoiceField):
            continue
        given = str(form.data.get(name) or "")
        for value, text in _choices(asked):
            if value in ("", None):
                continue
            chosen = str(value) == given
            yield Option(text=str(text), link=address(cl.request.GET, {name: str(value)}, names), chosen=chosen)


def _as_typed(form: forms.Form) -> str:
    """What cannot be read, as it was typed, so that its chip stands out."""
    return " – ".join(str(form.data[name]) for name in form.errors if form.data.get(name))


def _value(form: forms.Form) -> str:
    """What a filter asks for, as people say it."""
    if not form.is_valid():
        return ""
    given = {name: value for name, value in form.cleaned_data.items() if value not in (None, "", [])}
    if not given:
        return ""
    names = list(form.fields)
    for name, value in given.items():
        asked = form.fields[name]
        if isinstance(asked, forms.ChoiceField):
            return str(PERIODS.get(value) or _named(asked, value))
    if len(names) == 1:
        return str(given[names[0]])
    return _between(*(None if given.get(name) is None else _written(given[name]) for name in names[:2]))


def _named(asked: forms.ChoiceField, value: Any) -> str:
    return next((str(text) for known, text in _choices(asked) if str(known) == str(value)), str(value))


def _choices(asked: forms.ChoiceField) -> list[tuple[Any, Any]]:
    """The choices of a field of ours: pairs, in no groups."""
    choices: Any = asked.choices
    return list(choices)


def _written(value: Any) -> str:
    if not isinstance(value, TypedAmount):
        return formatting.day(value)
    return formatting.typed_amount(value.value, value.currency)


def _between(first: str | None, last: str | None) -> str:
    if first == last:
        return first or ""
    if last is None:
        return _("from %(first)s") % {"first": first}
    return _("up to %(last)s") % {"last": last} if first is None else f"{first} – {last}"
