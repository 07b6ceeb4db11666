"""Where a search looks: for each kind of object the questions that a name or an amount puts to it.

Each question is answered from an index of its own, so that they are asked apart and not with OR. All of them travel in
one statement, those by part of a name in another, and what was found is read by one more for each kind.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

from django.contrib import admin
from django.db.models import CharField, Model, Q, QuerySet, Value
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils.safestring import SafeString

from payments.admin.base.access import ScopedAdmin, merchants, person
from payments.admin.base.addresses import list_url, row_url
from payments.admin.base.patience import patience
from payments.admin.search.terms import Terms
from payments.core.money import EXPONENTS
from payments.text.form_fields import TypedAmount

USUAL: Final = 2  # decimals
SHOWN: Final = 8  # of each kind; more are a list of their own
PATIENCE: Final = 2_000  # milliseconds for one statement
_FEW_MERCHANTS: Final = 5  # up to so many are asked one by one, each from the newest end of its index

# What to ask for these terms, of the merchants with these ids.
Questions = Callable[[Terms, Sequence[str]], Sequence[Q]]


def none(_terms: Terms, _merchants: Sequence[str]) -> Sequence[Q]:
    """No questions."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One found object: what it is called, what tells it apart, its amount and status; its page is added by `find`."""

    title: str
    detail: str
    amount: str | SafeString = ""
    label: str | SafeString = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The first hits of one kind. `more` leads to the list of all, where there are more."""

    title: str
    hits: list[Hit]
    more: str = ""
    cut: bool = False  # there are more, and no list shows just them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finder:
    """One kind of object. `named` asks by a name, `amounts` by an amount, `parts` by a part of a name.

    `parts` are asked only where nothing of this kind was found otherwise. `seen` learns which rows the reader was
    shown. `named_filter` and `amount_filter` say whether the kind's list can be narrowed down alike.
    """

    model: type[Model]
    title: Any
    hit: Callable[[Any], Hit]
    named: Questions = none
    parts: Questions = none
    amounts: Questions = none
    related: tuple[str, ...] = ()
    seen: Callable[[HttpRequest, Sequence[Any]], None] | None = None
    named_filter: bool = True
    amount_filter: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Branch:
    """Questions to one kind that become one group."""

    finder: Finder
    questions: tuple[Q, ...]
    more: tuple[tuple[str, str], ...]  # the parameters by which the kind's list shows all of them


def by_id(terms: Terms) -> list[Q]:
    """Ask for the row of an id of ours, where one was typed."""
    return [Q(pk=terms.name)] if terms.is_id else []


def joined(*parts: Any) -> str:
    """What tells a hit apart, without what there is none of."""
    return " · ".join(str(part) for part in parts if part)


def amount_is(typed: TypedAmount | None, column: str = "amount", *, signed: bool = False) -> list[Q]:
    """Ask for an amount in whatever currency; a `signed` column holds it on either side of zero."""
    questions: list[Q] = []
    if typed is None:
        return questions
    for exponent, of_these in _currencies(typed):
        minor = abs(typed.value).scaleb(exponent)
        if minor == int(minor):
            values = {int(minor), -int(minor)} if signed else {int(minor)}
            questions += [of_these & Q(**{column: value}) for value in sorted(values)]
    return questions


def _currencies(typed: TypedAmount) -> Iterator[tuple[int, Q]]:
    """The number of decimals of the currencies that may be meant, and those currencies."""
    if typed.currency is not None:
        yield EXPONENTS[typed.currency], Q(currency=typed.currency)
        return
    unusual = [code for code, exponent in EXPONENTS.items() if exponent != USUAL]
    yield USUAL, ~Q(currency__in=unusual)
    for exponent in sorted({EXPONENTS[code] for code in unusual}):
        yield exponent, Q(currency__in=[code for code in unusual if EXPONENTS[code] == exponent])


def of_day(questions: Iterable[Q], terms: Terms, *columns: str) -> list[Q]:
    """The same questions about the day that was typed beside the amount; none beside a card's digits."""
    if terms.together and terms.last4:
        return []
    if terms.day is None:
        return list(questions)
    return [question & Q(**{column: terms.day}) for question in questions for column in columns]


def find(request: HttpRequest, terms: Terms, finders: Iterable[Finder]) -> list[Group]:
    """Return what there is of each kind that the reader may see, in the order of the finders.

    Raises:
        TooMuchToReadError: a part of a name was looked for in too many names.
    """
    own = [finder for finder in finders if _pages(finder).has_view_permission(request)]
    reach = list(merchants(person(request)).values_list("id", flat=True))
    found = _ask(request, reach, [*_by_name(own, terms, reach), *_by_amount(own, terms, reach)])
    if terms.part:
        known = {branch.finder for branch in found}
        missing = [finder for finder in own if finder not in known]
        found |= _ask(request, reach, _by_part(missing, terms, reach))
    return [_group(request, branch, found[branch]) for branch in sorted(found, key=lambda one: own.index(one.finder))]


def _by_name(finders: Iterable[Finder], terms: Terms, reach: Sequence[str]) -> Iterator[_Branch]:
    for finder in finders if terms.name else ():
        yield _Branch(finder, tuple(finder.named(terms, reach)), _named_filter(finder, terms))


def _by_part(finders: Iterable[Finder], terms: Terms, reach: Sequence[str]) -> Iterator[_Branch]:
    for finder in finders:
        yield _Branch(finder, tuple(finder.parts(terms, reach)), ())


def _by_amount(finders: Iterable[Finder], terms: Terms, reach: Sequence[str]) -> Iterator[_Branch]:
    for finder in finders:
        yield _Branch(finder, tuple(finder.amounts(terms, reach)), _amount_filter(finder, terms))


def _named_filter(finder: Finder, terms: Terms) -> tuple[tuple[str, str], ...]:
    return (("q", terms.name),) if finder.named_filter else ()


def _amount_filter(finder: Finder, terms: Terms) -> tuple[tuple[str, str], ...]:
    """The list's own filter, where it asks for just this."""
    if not finder.amount_filter or terms.together:
        return ()
    return (("amount_from", terms.text), ("amount_to", terms.text))


def _ask(request: HttpRequest, reach: Sequence[str], branches: Iterable[_Branch]) -> dict[_Branch, list[str]]:
    """The keys of the first rows that each branch finds, the newest first, in one statement."""
    with_questions = [branch for branch in branches if branch.questions]
    selects = [
        rows.annotate(search_branch=Value(at), search_key=Cast("pk", CharField()))
        .order_by("-pk")
        .values_list("search_branch", "search_key")[: SHOWN + 1]
        for at, branch in enumerate(with_questions)
        for rows in _selects(request, branch, reach)
    ]
    keys: dict[_Branch, list[str]] = defaultdict(list)
    for at, key in _within_time(selects) if selects else ():
        if key not in keys[with_questions[at]]:
            keys[with_questions[at]].append(key)
    return dict(keys)


def _selects(request: HttpRequest, branch: _Branch, reach: Sequence[str]) -> Iterator[QuerySet[Any]]:
    """The reader's rows for each question, one merchant at a time: so each is the newest end of an index."""
    pages = _pages(branch.finder)
    rows = pages.get_queryset(request).select_related(None).order_by()
    one_by_one = [Q(**{pages.merchant_path: merchant}) for merchant in reach]
    places = one_by_one if len(reach) <= _FEW_MERCHANTS else [Q(**{f"{pages.merchant_path}__in": reach})]
    for question in branch.questions:
        for place in places:
            yield rows.filter(place, question)


def _within_time(selects: Sequence[QuerySet[Any]]) -> list[tuple[int, str]]:
    union = reduce(lambda one, other: one.union(other, all=True), selects)
    with patience(PATIENCE):
        return list(union)


def _group(request: HttpRequest, branch: _Branch, keys: Sequence[str]) -> Group:
    """The hits of one kind, the newest first."""
    finder = branch.finder
    rows = _pages(finder).get_queryset(request).select_related(*finder.related).filter(pk__in=keys).order_by("-pk")
    shown = list(rows[:SHOWN])
    if finder.seen is not None:
        finder.seen(request, shown)
    more = len(keys) > SHOWN
    return Group(
        title=str(finder.title),
        hits=[replace(finder.hit(row), url=row_url(finder.model, row.pk)) for row in shown],
        more=list_url(finder.model, **dict(branch.more)) if more and branch.more else "",
        cut=more and not branch.more,
    )


def _pages(finder: Finder) -> ScopedAdmin:
    pages = admin.site.get_model_admin(finder.model)
    assert isinstance(pages, ScopedAdmin), f"{finder.model} has no list of ours"
    return pages
