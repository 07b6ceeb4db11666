"""Which columns of a list a person looks at: those of the list, or what they chose; the first one always stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import label_for_field
from django.http import HttpRequest

from payments.people.models import ListColumns, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A column that may be chosen."""

    name: str
    title: Any
    chosen: bool


def chosen(request: HttpRequest, page: str, usual: Sequence[str], offered: Sequence[str]) -> list[str]:
    """The columns of a list for its reader, in the list's own order; asked once for each request."""
    kept: dict[str, list[str]] = request.__dict__.setdefault("_list_columns", {})
    if page not in kept:
        row = ListColumns.objects.filter(user_id=request.user.pk, page=page).first()
        kept[page] = list(usual) if row is None else in_order(row.columns, usual, offered)
    return kept[page]


def in_order(names: Sequence[str], usual: Sequence[str], offered: Sequence[str]) -> list[str]:
    """These columns as the list orders them, with the first; what the list has no more is left out."""
    every = [*usual, *offered]
    return [name for name in every if name == every[0] or name in names]


def choices(cl: Any) -> list[Choice]:
    """What the reader of a list may choose from."""
    pages = cl.model_admin
    return [
        Choice(
            name=name,
            title=label_for_field(name, cl.model, model_admin=pages),
            chosen=name in cl.list_display,
        )
        for name in [*pages.list_display, *pages.more_columns][1:]
    ]


def choose(user: User, page: str, names: Sequence[str], usual: Sequence[str], offered: Sequence[str]) -> None:
    """Keep a person's columns; the list's own are kept by keeping none."""
    wanted = in_order(names, usual, offered)
    if wanted == list(usual):
        ListColumns.objects.filter(user=user, page=page).delete()
        return
    ListColumns.objects.update_or_create(user=user, page=page, defaults={"columns": wanted})
