"""Links of the admin's pages, all made here, so that none leads to a page that its reader may not open.

Most people may do the same wherever they may do anything; their role alone tells whether a link leads somewhere. For
others, as who works in one channel, it depends on the row: their links are marked, and `settle_links` asks for all rows
of a finished page at once, by one query for each kind of row, and leaves of the other links only the text.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString

from payments.admin.base.addresses import list_url, model_page_url, row_url
from payments.core.ids import PATTERN
from payments.people.models import User
from payments.people.permissions import is_same_everywhere
from payments.text.formatting import NOTHING, short

# Where an object of ours is shown, by the prefix of its id.
_MODELS: Final[Mapping[str, str]] = {
    "pay": "payments.payment",
    "ord": "payments.order",
    "ref": "payments.refund",
    "cbk": "payments.chargeback",
    "vch": "payments.voucher",
    "rrl": "payments.refundrule",
    "rrs": "payments.refundreason",
    "trb": "payments.transferbatch",
    "lnk": "payments.paymentlink",
    "msg": "notify.mail",
    "dsc": "payments.discrepancy",
    "chn": "payments.channel",
    "pac": "payments.provideraccount",
    "mer": "payments.merchant",
    "pev": "payments.providerevent",
    "txn": "payments.cardevidence",
    "drw": "payments.till",
    "trm": "terminals.terminal",
    "shf": "terminals.shift",
    "act": "terminals.terminalaction",
    "cbr": "terminals.counterbrowser",
    "stc": "terminals.staffcode",
    "usr": "people.user",
    "acc": "ledger.account",
    "jrn": "ledger.journalentry",
    "key": "people.apikey",
    "cus": "people.customer",
    "evt": "notify.event",
    "we": "notify.webhookendpoint",
    "dlv": "notify.webhookdelivery",
    "stl": "reconciliation.settlementfile",
    "pyo": "reconciliation.payout",
    "bnk": "reconciliation.bankaccount",
    "prd": "reconciliation.period",
    "con": "reconciliation.connector",
    "cdo": "reconciliation.connectordocument",
    "exp": "reconciliation.export",
    "exs": "reconciliation.exportschedule",
    "acm": "reconciliation.accountmapping",
    "mrl": "reconciliation.matchingrule",
}
# A link as `_to_row` marks it. Its text is escaped, so that no other link stands in it, and nobody else can write one.
_MARKED: Final = re.compile(
    r'(<a href="[^"]*" class="ot-link") data-row="([\w.]+) (\w+) ([^"]+)"([^>]*>)(.*?)</a>', re.DOTALL
)

current_request: Final[ContextVar[HttpRequest | None]] = ContextVar("request of an admin page", default=None)


@contextmanager
def answering(request: HttpRequest) -> Iterator[None]:
    """Bind the reader of what is rendered within to the sender of this request."""
    token = current_request.set(request)
    try:
        yield
    finally:
        current_request.reset(token)


def link(object_id: str | None, text: str | None = None) -> str | SafeString:
    """An object of ours by its id, leading to its page where it has one that the reader may open."""
    if not object_id:
        return NOTHING
    model = _model(_MODELS.get(object_id.partition("_")[0]))
    if model is None or not PATTERN.fullmatch(object_id):
        return text or object_id
    return _to_row(model, object_id, text or short(object_id))


def named_link(text: str) -> str | SafeString:
    """What was written down, where it is the id of an object of ours: leading to it, by the name that it has now."""
    model = _model(_MODELS.get(text.partition("_")[0]))
    if model is None or not PATTERN.fullmatch(text):
        return text
    rows: QuerySet[Model] = QuerySet(model)
    row = rows.filter(pk=text).first()
    return link(text) if row is None else row_link(row)


def rows_by_id(ids: Iterable[str]) -> dict[str, Model]:
    """Return the objects of ours that have these ids, by id, with one statement for each kind of object."""
    wanted: dict[type[Model], set[str]] = defaultdict(set)
    for object_id in ids:
        model = _model(_MODELS.get(object_id.partition("_")[0]))
        if model is not None:
            wanted[model].add(object_id)
    found: dict[str, Model] = {}
    for model, some in wanted.items():
        rows: QuerySet[Model] = QuerySet(model)
        found |= rows.in_bulk(some)
    return found


def row_link(row: Model | None, text: str = "") -> str | SafeString:
    """The page of a row, by its name."""
    return NOTHING if row is None else _to_row(type(row), row.pk, text or str(row))


def page_link(row: Model, page: str, text: str, *, new_tab: bool = False) -> str | SafeString:
    """Another page about a row, by the name that it has among the row's pages."""
    return _to_row(type(row), row.pk, text, page=page, new_tab=new_tab)


def settlement_link(key: str, text: str) -> str | SafeString:
    """A settlement's page by the key of an entry that books it, `settlement:{item}` or `settlement:{item}:{part}`."""
    kind, _, rest = key.partition(":")
    item, model = rest.partition(":")[0], _model("reconciliation.settlement")
    if kind != "settlement" or not item.isdecimal() or model is None:  # it is about something else
        return text
    return _to_row(model, item, text, page="of_item", known_by="item")


def list_link(model: type[Model], text: Any, **filters: Any) -> str | SafeString:
    """The list of a model, narrowed down by lookups; only the text where the reader sees none of its rows."""
    request = current_request.get()
    if not _may_open(model):
        return str(text)
    if request is not None and not _sees_all_alike(request):
        pages = admin.site.get_model_admin(model)
        if not pages.get_queryset(request).filter(**filters).exists():
            return str(text)
    return format_html('<a href="{}" class="ot-link">{}</a>', list_url(model, **filters), text)


def named_list_link(model: str, text: Any, **filters: Any) -> str | SafeString:
    """The list of a model of a floor above, which is known by its name alone."""
    found = _model(model)
    return NOTHING if found is None else list_link(found, text, **filters)


def overview_link(model: type[Model], address: str, text: Any) -> str | SafeString:
    """A page about many rows of a model at once; only the text where the reader's roles open none of them."""
    if not _may_open(model):
        return str(text)
    return format_html('<a href="{}" class="ot-link">{}</a>', address, text)


def add_link(model: str, text: Any, **given: Any) -> str | SafeString:
    """The form of a new row with these fields filled in; nothing where the reader may add none."""
    found, request = _model(model), current_request.get()
    if found is None or request is None or not admin.site.get_model_admin(found).has_add_permission(request):
        return ""
    return format_html('<a href="{}" class="ot-link">{}</a>', model_page_url(found, "add", **given), text)


def same_page_link(parameters: str, text: str) -> SafeString:
    """The page that it stands on, with other parameters."""
    return format_html('<a href="?{}" class="ot-link">{}</a>', parameters, text)


def open_page_link(address: str, text: Any) -> SafeString:
    """A page of the admin that whoever may open this one may open too, as it shows the same of the same merchant."""
    return format_html('<a href="{}" class="ot-link">{}</a>', address, text)


def public_link(address: str, text: Any) -> SafeString:
    """A page outside of the admin, which is anybody's to open."""
    return format_html('<a href="{}" class="ot-link" target="_blank" rel="noreferrer">{}</a>', address, text)


def settle_links(request: HttpRequest, response: HttpResponseBase) -> None:
    """Keep of a page's marked links those to rows that the reader may see, and of the others the text."""
    if response.streaming or b" data-row=" not in response.content:  # type: ignore[attr-defined]
        return
    page: str = response.content.decode(response.charset)  # type: ignore[attr-defined]
    wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for mark in _MARKED.finditer(page):
        wanted[mark[2], mark[3]].add(mark[4])
    seen = {(*kind, value) for kind, values in wanted.items() for value in _seen(request, *kind, values)}

    def settled(mark: re.Match[str]) -> str:
        return f"{mark[1]}{mark[5]}{mark[6]}</a>" if (mark[2], mark[3], mark[4]) in seen else mark[6]

    response.content = _MARKED.sub(settled, page)  # type: ignore[attr-defined]


def _seen(request: HttpRequest, model: str, known_by: str, values: set[str]) -> set[str]:
    """Of these rows those whose pages the reader may open."""
    rows = admin.site.get_model_admin(apps.get_model(model)).get_queryset(request)
    found = rows.filter(**{f"{known_by}__in": values}).order_by().values_list(known_by, flat=True)
    return {str(value) for value in found}


def _to_row(
    model: type[Model], value: Any, text: str, *, page: str = "change", known_by: str = "pk", new_tab: bool = False
) -> str | SafeString:
    if not _may_open(model):
        return text
    request = current_request.get()
    alike = request is None or _sees_all_alike(request)
    mark = "" if alike else format_html(' data-row="{} {} {}"', model._meta.label_lower, known_by, value)
    tab = SafeString(' target="_blank"' if new_tab else "")
    return format_html('<a href="{}" class="ot-link"{}{}>{}</a>', row_url(model, value, page), mark, tab, text)


def _may_open(model: type[Model]) -> bool:
    """Tell whether the reader's roles allow pages of this model. Outside of a request there is nobody to forbid it."""
    if not admin.site.is_registered(model):
        return False
    request = current_request.get()
    return request is None or admin.site.get_model_admin(model).has_view_permission(request)


def _sees_all_alike(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and is_same_everywhere(request.user)


def _model(name: str | None) -> type[Model] | None:
    """The model of that name; None for what this installation does not have."""
    try:
        return apps.get_model(name) if name else None
    except LookupError:
        return None
