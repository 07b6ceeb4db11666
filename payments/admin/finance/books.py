"""The books: journal entries with their postings, accounts with their balance."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments import object_index
from payments.admin.base import render
from payments.admin.base.filters import OfMerchant
from payments.admin.base.links import same_page_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ByIdAdmin, clock
from payments.ledger import balances, queries
from payments.ledger.models import Account, JournalEntry, Posting
from payments.models import Merchant
from payments.people.permissions import May
from payments.queries import books
from payments.text.formatting import whole

POSTINGS = 200


class BooksAdmin(ByIdAdmin):
    """Rows of the ledger."""

    sees = May.SEE_BOOKS
    channel_path = None


@admin.register(JournalEntry)
class JournalEntryAdmin(BooksAdmin):
    """Every event in the books; nothing here is ever changed."""

    empty_text = gettext_lazy("Nothing is booked yet. Every payment, refund and settlement is booked by itself.")
    list_display = ("booked_on", "event_label", "shown_key", "lines", "occurred", "is_reversal")
    list_display_links = ("booked_on", "shown_key")
    list_filter = (OfMerchant, ("book_date", DayRange))
    search_fields = ("=id", "=key")
    search_help_text = gettext_lazy("Key, as capture:op_…")

    @admin.display(description=gettext_lazy("booked on"), ordering="book_date")
    def booked_on(self, row: JournalEntry) -> str:
        return render.day(row.book_date)

    @admin.display(description=gettext_lazy("event"), ordering="event")
    def event_label(self, row: JournalEntry) -> str:
        return render.event(row.event)

    @admin.display(description=gettext_lazy("key"), ordering="key")
    def shown_key(self, row: JournalEntry) -> SafeString:
        return render.quiet(row.key)

    @admin.display(description=gettext_lazy("occurred at"), ordering="id")
    def occurred(self, row: Any) -> str:
        return render.moment(row.occurred_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("reverses"))
    def is_reversal(self, row: JournalEntry) -> str | SafeString:
        return render.link(row.reverses_id)

    def page(self, request: HttpRequest, row: JournalEntry) -> Page:
        """The entry in two columns, and what each line is about."""
        zone = clock(row)
        before = _number(request.GET.get("after"))
        rest = row.postings.select_related("account").filter(line__gt=before).order_by("line")
        postings = list(rest[:POSTINGS])
        names = books.names({posting.account.code for posting in postings})
        about = object_index.objects_of([posting.item for posting in postings if posting.item is not None])
        rows = [
            [
                posting.line,
                render.link(posting.account.id, names[posting.account.code]),
                render.quiet(posting.account.code),
                render.link(about.get(posting.item or 0)) if posting.item in about else posting.item or "",
                render.money(posting.amount, posting.account.currency) if posting.amount > 0 else "",
                render.money(-posting.amount, posting.account.currency) if posting.amount < 0 else "",
            ]
            for posting in postings
        ]
        facts = [
            (_("event"), render.event(row.event)),
            (_("key"), render.quiet(row.key)),
            (_("booked on"), render.day(row.book_date)),
            (_("occurred at"), render.moment(row.occurred_at, zone)),
            (_("booked at"), render.moment(row.booked_at, zone)),
            (_("reverses"), row.reverses_id and self.is_reversal(row)),
            ("id", row.id),
        ]
        columns = [_("line"), _("account"), _("code"), _("about"), _("debit"), _("credit")]
        return Page(
            title=_("Journal entry %(event)s") % {"event": render.event(row.event)},
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                Section(
                    id="postings", title=_("Postings"), columns=columns, rows=rows, more=_more(row, before, postings)
                )
            ],
        )


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else 0


def _more(row: JournalEntry, before: int, postings: list[Posting]) -> SafeString | str:
    """Which lines of a long entry these are, and the way to the next and the first ones."""
    if row.lines <= len(postings):
        return ""
    first, last = before + 1, before + len(postings)
    position = _("Lines %(first)s to %(last)s of %(lines)s.") % {
        "first": whole(first),
        "last": whole(last),
        "lines": whole(row.lines),
    }
    first_ones = same_page_link("", _("First lines")) if before else ""
    next_ones = same_page_link(f"after={last}", _("Next lines")) if last < row.lines else ""
    return format_html_join(" ", "{}", ((each,) for each in (position, first_ones, next_ones) if each))


@admin.register(Account)
class AccountAdmin(BooksAdmin):
    """The accounts that were ever posted to, with what stands on them now."""

    empty_text = gettext_lazy("There are no accounts yet. They are opened by themselves with the first bookings.")
    list_display = ("name", "shown_code", "kind", "currency", "amount_debit", "amount_credit")
    list_display_links = ("name",)
    list_filter = (OfMerchant, ("kind", ChoicesDropdownFilter))
    search_fields = ("code", "=id")
    ordering = ("code", "currency")
    list_per_page = 100

    def complete(self, rows: list[Any]) -> None:
        """Give each account its name and balance."""
        super().complete(rows)
        names = books.names({row.code for row in rows})
        sums = balances.balances([row.number for row in rows])
        for row in rows:
            row.called, row.stands = names[row.code], sums.get(row.number, 0)

    @admin.display(description=gettext_lazy("account"))
    def name(self, row: Any) -> str:
        return str(row.called)

    @admin.display(description=gettext_lazy("code"), ordering="code")
    def shown_code(self, row: Account) -> SafeString:
        return render.quiet(row.code)

    @admin.display(description=gettext_lazy("debit"))
    def amount_debit(self, row: Any) -> str | SafeString:
        return render.money(row.stands, row.currency) if row.stands > 0 else ""

    @admin.display(description=gettext_lazy("credit"))
    def amount_credit(self, row: Any) -> str | SafeString:
        return render.money(-row.stands, row.currency) if row.stands < 0 else ""

    def page(self, request: HttpRequest, row: Account) -> Page:
        """The account's balance, what is open on it, and its latest postings."""
        merchant: Merchant = row.merchant  # type: ignore[attr-defined]
        stands = balances.balances([row.number]).get(row.number, 0)
        facts = [
            (_("balance"), f"{render.amount(abs(stands), row.currency)} {_('debit') if stands >= 0 else _('credit')}"),
            (_("code"), render.quiet(row.code)),
            (_("kind"), row.get_kind_display()),
            (_("merchant"), merchant.name),
            ("id", row.id),
        ]
        return Page(
            title=books.names([row.code])[row.code],
            facts=[Fact(name, value) for name, value in facts],
            sections=[*([_open(row, merchant)] if row.item_required else []), _latest(row, merchant)],
        )


def _open(row: Account, merchant: Merchant) -> Section:
    found = balances.open_items(merchant.id, row.id, limit=POSTINGS)
    about = object_index.objects_of([one.item for one in found])
    return Section(
        id="open",
        title=_("Open items"),
        columns=[_("item"), _("about"), _("since"), _("amount")],
        rows=[
            [
                one.item,
                render.link(about.get(one.item)),
                render.moment(one.since, merchant.zone),
                render.money(one.amount, one.currency),
            ]
            for one in found
        ],
        empty=_("Nothing is open."),
    )


def _latest(row: Account, merchant: Merchant) -> Section:
    postings = queries.account_postings(row.number, limit=POSTINGS)
    return Section(
        id="postings",
        title=_("Latest postings"),
        columns=[_("booked on"), _("event"), _("item"), _("debit"), _("credit")],
        rows=[
            [
                render.day(one.entry.book_date),
                render.link(one.entry_id, render.event(one.entry.event)),
                one.item or "",
                render.money(one.amount, row.currency) if one.amount > 0 else "",
                render.money(-one.amount, row.currency) if one.amount < 0 else "",
            ]
            for one in postings
        ],
    )
