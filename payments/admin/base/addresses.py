"""Where the pages of the admin are."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db.models import Model
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode


def row_url(model: type[Model], object_id: Any, page: str = "change") -> str:
    """The address of a row's page, or of another page about the row."""
    return reverse(_name(model, page), args=[object_id])


def list_url(model: type[Model], **filters: Any) -> str:
    """The address of the list of a model, narrowed down by these parameters."""
    return model_page_url(model, "changelist", **filters)


def model_page_url(model: type[Model], page: str, **parameters: Any) -> str:
    """The address of a page that a model has beside its list."""
    query = urlencode(parameters)
    return reverse(_name(model, page)) + (f"?{query}" if query else "")


PAGE: Final = "p"  # which page of a list: of another list it would be another
SORT: Final = "sort"  # a column's name, with a minus where the largest comes first


def address(given: QueryDict, more: Mapping[str, str], without: Collection[str] = ()) -> str:
    """The same page with other parameters: those that were given but for some, from its first page on."""
    return f"?{urlencode([*kept(given, [*without, *more]), *more.items()])}"


def kept(given: QueryDict, without: Collection[str]) -> list[tuple[str, str]]:
    """The parameters that were given, but for some and for the page's number."""
    left = [(name, value) for name, values in given.lists() for value in values if name not in (*without, PAGE)]
    return sorted(left)


def list_tool_url(name: str, model: type[Model], given: QueryDict | None = None, **parts: str) -> str:
    """What a list offers beside its rows (`payments.admin.lists`), for the list as these parameters narrow it down."""
    query = urlencode(kept(given, ())) if given is not None else ""
    return reverse(name, kwargs={"page": model._meta.label_lower, **parts}) + (f"?{query}" if query else "")


def _name(model: type[Model], page: str) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
