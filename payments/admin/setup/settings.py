"""Merchants, channels and provider accounts: who is paid, where, and by whose hands."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import ScopedAdmin, merchants, person
from payments.admin.base.links import add_link, list_link, named_list_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.setup import setting_actions
from payments.models import Channel, Merchant, Payment, ProviderAccount
from payments.models.merchant import WITH_COUNTER
from payments.models.refund import Route
from payments.people.permissions import May, may
from payments.queries import account_status
from payments.services.submit import webhook_url


class SettingAdmin(ReadOnlyModelAdmin):
    """Rows of settings; who has a role in one channel sees their merchant's."""

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super(ScopedAdmin, self).get_queryset(request)
        return rows.filter(**{f"{self.merchant_path}__in": merchants(person(request), self.sees)})

    @admin.display(description="id", ordering="id")
    def shown_id(self, row: Any) -> SafeString:
        return render.quiet(row.id)


def _log(request: HttpRequest, row: Any, merchant: Merchant) -> list[Section]:
    allowed = may(person(request), May.SEE_AUDIT_LOG, merchant_id=merchant.id, channel_id=None)
    return [tables.audit(row.id, merchant.zone)] if allowed else []


@admin.register(Merchant)
class MerchantAdmin(SettingAdmin):
    """Legal entities with books of their own."""

    empty_text = gettext_lazy(
        "No merchant was set up yet. Whoever runs this installation does so with manage.py create_merchant."
    )
    page_actions = setting_actions.OF_MERCHANT
    merchant_path = "id"
    list_display = ("name", "books", "country", "currency", "timezone", "shown_id")
    list_filter = (("mode", ChoicesDropdownFilter),)
    search_fields = ("name", "=id")

    @admin.display(description=gettext_lazy("mode"))
    def books(self, row: Merchant) -> SafeString:
        return mode(row)

    def page(self, request: HttpRequest, row: Merchant) -> Page:
        """The merchant, its channels and its provider accounts."""
        alone = row.decides_alone_from
        facts = [
            (_("country"), row.country),
            (_("currency"), row.currency),
            (_("time zone"), row.timezone),
            ("IBAN", row.iban),
            (_("address on receipts"), row.address),
            (_("trade register number (KvK)"), row.registration_number),
            (_("VAT number"), row.vat_number),
            (_("financial year begins in month"), row.fiscal_year_start),
            (_("receipts by e-mail"), _("yes") if row.mail_receipts else _("no")),
            (_("payments by one card are tied"), _("yes") if row.tie_cards else _("no")),
            (_("cash is rounded to"), render.amount(row.cash_rounding, row.currency)),
            (_("refunds need a second person above"), _limit(row.second_person_above, row.currency, _("never"))),
            (
                _("what one person decides alone in a day, at most"),
                _limit(row.second_person_above_daily, row.currency, _("no limit")),
            ),
            (
                _("open differences with which a day may still be closed, at most"),
                render.amount(row.close_threshold, row.currency),
            ),
            (_("one person decides where there is no other, from"), alone and render.moment(alone, row.zone)),
            (_("refunds without another way back"), row.get_refund_fallback_display()),
            (_("created at"), render.moment(row.created_at, row.zone)),
            ("id", row.id),
        ]
        return Page(
            title=row.name,
            label=mode(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_channels(row), _accounts(row), *_log(request, row, row)],
        )


def _limit(limit: int | None, currency: str, none: str) -> str:
    return none if limit is None else render.amount(limit, currency)


def mode(row: Merchant) -> SafeString:
    """Test or live."""
    return render.label(row.get_mode_display(), "warning" if row.test_mode else "success")


def _channels(merchant: Merchant) -> Section:
    return Section(
        id="channels",
        title=_("Channels"),
        columns=[_("name"), _("kind"), _("order namespace"), _("active")],
        rows=[
            [
                render.link(row.id, row.name),
                row.get_kind_display(),
                _namespace(row),
                _("yes") if row.active else _("no"),
            ]
            for row in merchant.channels.order_by("name")
        ],
        empty=_("No channel yet."),
    )


def _namespace(channel: Channel) -> str:
    return channel.namespace if channel.namespace != channel.id else _("its own")


def _accounts(merchant: Merchant) -> Section:
    return Section(
        id="accounts",
        title=_("Provider accounts"),
        columns=[_("name"), _("provider"), _("settlement currency"), _("used when none is named"), _("active")],
        rows=[
            [
                render.link(row.id, row.name),
                row.provider,
                row.currency,
                _("yes") if row.default else _("no"),
                _("yes") if row.active else _("no"),
            ]
            for row in merchant.provider_accounts.order_by("name")
        ],
        empty=_("No provider account yet."),
    )


@admin.register(Channel)
class ChannelAdmin(SettingAdmin):
    """Webshops and stores."""

    empty_text = gettext_lazy("There are no channels yet: a webshop, a store or a telephone desk.")
    page_actions = setting_actions.OF_CHANNEL
    list_display = ("name", "kind", "of", "active", "shown_id")
    list_select_related = ("merchant",)
    list_filter = (("kind", ChoicesDropdownFilter), ("active", BooleanRadioFilter))
    search_fields = ("name", "=id")

    @admin.display(description=gettext_lazy("merchant"))
    def of(self, row: Channel) -> str:
        return row.merchant.name

    def page(self, request: HttpRequest, row: Channel) -> Page:
        """The channel, and the way to its payments."""
        sees = may(person(request), May.SEE, merchant_id=row.merchant_id, channel_id=row.id)
        facts = [
            (_("kind"), row.get_kind_display()),
            (_("merchant"), render.link(row.merchant_id, row.merchant.name)),
            (_("order namespace"), _namespace(row)),
            (_("address on receipts"), row.address),
            (_("refund routes"), ", ".join(str(Route(route).label) for route in row.refund_routes or Route)),
            (_("payments"), sees and list_link(Payment, _("all payments here"), channel__id__exact=row.id)),
            *(_at_the_counter(request, row) if sees and row.kind in WITH_COUNTER else ()),
            (_("created at"), render.moment(row.created_at, row.merchant.zone)),
            ("id", row.id),
        ]
        return Page(
            title=row.name,
            label=render.label(_("active"), "success") if row.active else render.label(_("closed")),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=_log(request, row, row.merchant),
        )


def _at_the_counter(request: HttpRequest, row: Channel) -> list[tuple[Any, Any]]:
    """The ways to what stands in the store, and for who manages it to pair another tablet or phone."""
    manages = may(person(request), May.MANAGE_TERMINALS, merchant_id=row.merchant_id, channel_id=row.id)
    pair = add_link("terminals.counterbrowser", _("pair a tablet or phone"), channel=row.id) if manages else ""
    return [
        (_("terminals"), named_list_link("terminals.terminal", _("all terminals here"), channel__id__exact=row.id)),
        (
            _("counter's page"),
            named_list_link("terminals.counterbrowser", _("all tablets and phones here"), channel__id__exact=row.id),
        ),
        (_("new at the counter"), pair if row.active else ""),
    ]


def _last(at: datetime | None, row: ProviderAccount) -> Any:
    return render.moment(at, row.merchant.zone) if at is not None else _("never")


@admin.register(ProviderAccount)
class ProviderAccountAdmin(SettingAdmin):
    """Contracts with providers; their credentials are set here and shown nowhere."""

    empty_text = gettext_lazy("There are no provider accounts yet: the contracts with providers and acquirers.")
    page_actions = setting_actions.OF_ACCOUNT
    list_display = ("name", "provider", "of", "currency", "default", "active", "shown_id")
    list_select_related = ("merchant",)
    list_filter = (("active", BooleanRadioFilter),)
    search_fields = ("name", "provider", "=external_id", "=id")

    @admin.display(description=gettext_lazy("merchant"))
    def of(self, row: ProviderAccount) -> str:
        return row.merchant.name

    def page(self, request: HttpRequest, row: ProviderAccount) -> Page:
        """The contract; of the credentials only their names."""
        status = account_status.of([row])[row.id]
        facts = [
            (_("provider"), row.provider),
            (_("merchant"), render.link(row.merchant_id, row.merchant.name)),
            (_("settlement currency"), row.currency),
            (_("account or MID at the provider"), row.external_id),
            (_("pays out to IBAN"), row.bank_iban),
            (_("bank days from a sale to its payout"), row.payout_days),
            (_("used when none is named"), _("yes") if row.default else _("no")),
            (_("credentials"), ", ".join(setting_actions.credential_names(row)) or _("none")),
            (_("webhook address"), render.quiet(webhook_url(row))),
            (_("last webhook"), _last(status.last_webhook_at, row)),
            (_("last settlement"), _last(status.last_settlement_at, row)),
            (_("what is wrong"), status.problem or _("nothing that is known")),
            (_("created at"), render.moment(row.created_at, row.merchant.zone)),
            ("id", row.id),
        ]
        rates = [[", ".join(f"{name}: {value}" for name, value in rate.items())] for rate in row.fee_rates]
        return Page(
            title=row.name,
            label=render.label(_("active"), "success") if row.active else render.label(_("closed")),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                Section(id="rates", title=_("Fee rates"), columns=[_("rate")], rows=rates),
                *_log(request, row, row.merchant),
            ],
        )
