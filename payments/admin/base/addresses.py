"""Where the pages of the admin are."""

from typing import Any

from django.db.models import Model
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


def _name(model: type[Model], page: str) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
