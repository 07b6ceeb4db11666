"""Where the search looks among terminals."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.admin.search.finder import Finder, Hit, by_id
from payments.admin.search.terms import Terms
from terminals.models import Terminal


def _names(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    """By the acquirer's number, too, of whichever brand."""
    return [*by_id(terms), Q(serial_number=terms.name), Q(merchant_ids__contains=[{"tid": terms.name}])]


def _parts(terms: Terms, _merchants: Sequence[str]) -> list[Q]:
    return [Q(label__icontains=terms.part)]


def _hit(row: Terminal) -> Hit:
    return Hit(title=row.label, detail=row.channel.name, label=row.get_status_display())


FINDERS: Final = (
    Finder(
        model=Terminal,
        title=_("terminals"),
        hit=_hit,
        named=_names,
        parts=_parts,
        related=("channel",),
        named_filter=False,
    ),
)
