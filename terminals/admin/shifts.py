"""Shifts: what terminals counted between two closings, beside what the books hold of the same numbers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.base import render
from payments.admin.base.filters import OwnRelated
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.models import Discrepancy
from terminals import totals
from terminals.models import Shift
from terminals.services.judge_shifts import numbers_of
from terminals.shift_report import counted
from terminals.texts import TYPES
from terminals.totals import Counted, Group

COLORS = {"open": "info", "agrees": "success", "differs": "warning"}


@admin.register(Shift)
class ShiftAdmin(ReadOnlyModelAdmin):
    """Each shift of a terminal, whether it agrees with the books, and if not which transactions to look at."""

    empty_text = gettext_lazy("No terminal has closed a shift yet. One that can sends its totals when it is closed.")
    list_display = ("shift", "device", "channel", "state", "opened", "closed", "numbers")
    list_display_links = ("shift",)
    list_filter = (("status", ChoicesDropdownFilter), ("channel", OwnRelated), ("business_day", DayRange))
    list_select_related = ("merchant", "channel", "terminal")
    search_fields = ("=id", "=label", "=terminal__id", "terminal__label")
    search_help_text = _("Shift or terminal")

    @admin.display(description=_("shift"), ordering="id")
    def shift(self, row: Shift) -> str:
        """By the device's own label."""
        return row.label

    @admin.display(description=_("terminal"))
    def device(self, row: Shift) -> str | SafeString:
        return render.link(row.terminal_id, row.terminal.label)

    @admin.display(description=_("status"), ordering="status")
    def state(self, row: Shift) -> SafeString:
        """Open, or how it compares with the books."""
        return state_of(row)

    @admin.display(description=_("opened at"), ordering="opened_at")
    def opened(self, row: Shift) -> str:
        """On the merchant's clocks."""
        return render.moment(row.opened_at, row.merchant.zone)

    @admin.display(description=_("closed at"), ordering="closed_at")
    def closed(self, row: Shift) -> str:
        """On the merchant's clocks; nothing while it is open."""
        return render.NOTHING if row.closed_at is None else render.moment(row.closed_at, row.merchant.zone)

    @admin.display(description=_("sequences"))
    def numbers(self, row: Shift) -> str:
        """The numbers that it covers."""
        return f"{row.first_sequence}–{render.NOTHING if row.last_sequence is None else row.last_sequence}"

    def page(self, request: HttpRequest, row: Shift) -> Page:
        """The totals side by side, and what a person looks at first where they differ."""
        found = _discrepancies(row)
        facts: list[tuple[Any, Any]] = [
            (_("terminal"), self.device(row)),
            (_("channel"), render.link(row.channel_id, row.channel.name)),
            (_("opened at"), self.opened(row)),
            (_("closed at"), row.closed_at and self.closed(row)),
            (_("business day"), render.day(row.business_day)),
            (_("series"), row.series),
            (_("sequences"), self.numbers(row)),
            (_("discrepancies"), ", ".join(str(render.link(one.id, one.get_kind_display())) for one in found)),
            (_("compared at"), row.judged_at and render.moment(row.judged_at, row.merchant.zone)),
            (_("merchant"), row.merchant.name),
        ]
        return Page(
            title=f"{capfirst(_('shift'))} {row.label}",
            label=self.state(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[] if row.status == Shift.Status.OPEN else [_totals(row), _differences(row)],
            notes=_notes(row),
        )


def state_of(row: Shift) -> SafeString:
    """A shift's status, in the color of how it stands."""
    return render.label(row.get_status_display(), COLORS[row.status])


def ranges(sequences: list[list[int]]) -> str:
    """Inclusive ranges as people write them: `2, 7–9`."""
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in sequences)


def _notes(row: Shift) -> list[Any]:
    notes = []
    if row.corrected_by is not None:
        notes.append(_("The device has reported this shift again with totals that agree. These count; both are kept."))
    if row.overlaps:
        notes.append(_("An earlier shift of this terminal covers some of the same numbers."))
    return notes


def _totals(row: Shift) -> Section:
    """What both count of each brand and type."""
    device = counted(row.corrected_by.posted["totals"] if row.corrected_by is not None else row.totals)
    books = totals.booked(numbers_of(row))
    groups = sorted(device.keys() | books.keys())
    return Section(
        id="totals",
        title=capfirst(_("totals")),
        columns=[
            _("card"),
            _("type"),
            _("device: number"),
            _("device: amount"),
            _("books: number"),
            _("books: amount"),
        ],
        rows=[
            [*_name(group), *_sum(group, device.get(group, Counted())), *_sum(group, books.get(group, Counted()))]
            for group in groups
        ],
        empty=_("Neither the device nor the books count anything in this shift."),
    )


def _differences(row: Shift) -> Section:
    return Section(
        id="differences",
        title=capfirst(_("differences")),
        columns=[_("card"), _("type"), _("device less books"), _("look at the numbers")],
        rows=[
            [
                *_name(Group(each["brand"] or "", each["type"], each["currency"])),
                render.money(each["device"]["amount"] - each["books"]["amount"], each["currency"]),
                ranges(each["sequences"]) or _("none that explains it"),
            ]
            for each in row.differences
        ],
    )


def _name(group: Group) -> list[Any]:
    return [render.brand(group.brand) if group.brand else render.NOTHING, TYPES[group.type]]


def _sum(group: Group, counted_: Counted) -> list[Any]:
    return [counted_.count, render.money(counted_.amount, group.currency)]


def _discrepancies(row: Shift) -> list[Discrepancy]:
    keys = [f"shift_differs:{row.id}", f"shift_conflict:{row.id}"]
    return list(Discrepancy.objects.filter(merchant=row.merchant_id, key__in=keys).order_by("id"))
