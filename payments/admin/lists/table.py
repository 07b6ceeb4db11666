"""A list's table: its heads, and its rows with a place for each cell on a telephone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.admin.templatetags.admin_list import items_for_result
from django.contrib.admin.utils import label_for_field
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from payments.admin.base.addresses import SORT, address

_PLACES: Final = ("ot-a", "ot-b", "ot-c", "ot-d")
_CHECKBOX: Final = "action_checkbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One column's head; `link` sorts by it, the other way round if it is sorted by it already."""

    name: str
    text: Any
    link: str = ""
    order: str = ""  # "ascending" or "descending", as ARIA says it


def heads(cl: Any) -> Iterator[Head]:
    """The heads of a list's columns."""
    for name in cl.list_display:
        if name == _CHECKBOX:
            yield Head(name=name, text=_all_rows())
            continue
        text = label_for_field(name, cl.model, model_admin=cl.model_admin)
        if cl.get_ordering_field(name) is None:
            yield Head(name=name, text=text)
            continue
        turned = name if cl.sorted_by == f"-{name}" else f"-{name}"
        order = {name: "ascending", f"-{name}": "descending"}.get(cl.sorted_by, "")
        yield Head(name=name, text=text, link=address(cl.request.GET, {SORT: turned}), order=order)


def rows(cl: Any) -> Iterator[list[SafeString]]:
    """The cells of each row, those that a telephone shows marked with their place."""
    places = dict(zip(cl.model_admin.phone, _PLACES, strict=False))
    for row in cl.result_list:
        cells = items_for_result(cl, row, None)
        yield [_placed(cell, places.get(name, "")) for name, cell in zip(cl.list_display, cells, strict=True)]


def _placed(cell: SafeString, place: str) -> SafeString:
    return SafeString(cell.replace('class="', f'class="{place} ', 1)) if place else cell


def _all_rows() -> SafeString:
    text = _("Tick all rows of this page")
    return format_html('<input type="checkbox" id="action-toggle" class="action-toggle" aria-label="{}">', text)
