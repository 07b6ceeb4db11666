"""Saved views: a list as it was filtered and sorted, by a name; one's own, or shared at a merchant."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from payments import audit_log
from payments.admin.base.access import ScopedAdmin, merchants, person, whole_merchants
from payments.admin.base.addresses import kept, list_url
from payments.admin.base.links import answering
from payments.admin.base.patience import TooMuchToReadError, patience
from payments.people.models import SavedView, User
from payments.people.models.list_use import LONGEST_NAME

MOST: Final = 20  # of one person, and shown of one list
_PATIENCE: Final = 500  # milliseconds for one count


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A saved view as its list shows it. `count` is None while it is not counted."""

    id: str
    name: str
    link: str
    own: bool
    shared: bool
    here: bool
    count: int | None = None
    more: bool = False


def views(request: HttpRequest, pages: ScopedAdmin, *, counted: bool = False) -> list[View]:
    """The views of a list that its reader has or is shown, by name; `counted` with how many rows each has."""
    return [
        _view(request, pages, row, *(_count(request, pages, row) if counted else (None, False)))
        for row in _rows(person(request), pages).order_by("name", "id")[:MOST]
    ]


def save(request: HttpRequest, pages: ScopedAdmin, *, name: str, query: str, merchant_id: str) -> SavedView:
    """Keep a list's filters under a name, for its reader or for all who see the list at a merchant.

    Raises:
        ValidationError: no name, one that is taken, or one view too many.
        PermissionDenied: shared at a merchant of which the reader does not see the whole list.
    """
    user, name = person(request), " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValidationError(_("Give the view a name of at most %(longest)d characters.") % {"longest": LONGEST_NAME})
    if merchant_id and not whole_merchants(user, pages.sees).filter(id=merchant_id).exists():
        raise PermissionDenied
    if SavedView.objects.filter(user=user, page=_page(pages)).count() >= MOST:
        raise ValidationError(_("Keep at most %(most)d views of one list. Remove one first.") % {"most": MOST})
    row = SavedView(
        user=user, merchant_id=merchant_id or None, page=_page(pages), name=name, query=_plain(QueryDict(query))
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            if merchant_id:
                after = {"name": name, "page": row.page}
                audit_log.write(
                    actor=user.id, action="saved_view.shared", subject=row, merchant_id=merchant_id, after=after
                )
    except IntegrityError:
        raise ValidationError(_("You have a view with this name already. Choose another name.")) from None
    return row


def remove(request: HttpRequest, pages: ScopedAdmin, view_id: str) -> bool:
    """Forget a view of one's own; shared or not. Return whether there was one."""
    return bool(SavedView.objects.filter(user=person(request), page=_page(pages), id=view_id).delete()[0])


def listed(user: User, pages: ScopedAdmin, query: str) -> Any:
    """The list as somebody sees it at an address, outside of their request for it."""
    request = HttpRequest()
    request.method, request.user, request.GET = "GET", user, QueryDict(query)
    request.path = request.path_info = list_url(pages.model)
    with answering(request):
        return pages.get_changelist_instance(request)


def _rows(user: User, pages: ScopedAdmin) -> Any:
    reach = Q(user=user) | Q(merchant_id__in=merchants(user, pages.sees).values("id"))
    return SavedView.objects.filter(reach, page=_page(pages))


def _view(request: HttpRequest, pages: ScopedAdmin, row: SavedView, count: int | None, more: bool) -> View:
    return View(
        id=row.id,
        name=row.name,
        link=f"{list_url(pages.model)}?{row.query}",
        own=row.user_id == request.user.pk,
        shared=row.merchant_id is not None,
        here=_plain(request.GET) == row.query,
        count=count,
        more=more,
    )


def _count(request: HttpRequest, pages: ScopedAdmin, row: SavedView) -> tuple[int | None, bool]:
    """How many rows a view has, and whether there are more; nothing where that takes too long."""
    try:
        with patience(_PATIENCE):
            cl = listed(person(request), pages, row.query)
            return cl.paginator.count, bool(cl.paginator.more)
    except TooMuchToReadError:
        return None, False


def _plain(given: QueryDict) -> str:
    """Parameters in one order, without what is of one visit only."""
    left = QueryDict(mutable=True)
    for name, value in _named(given):
        left.appendlist(name, value)
    return left.urlencode()


def _named(given: QueryDict) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in kept(given, ()) if value)


def _page(pages: ScopedAdmin) -> str:
    return str(pages.model._meta.label_lower)
