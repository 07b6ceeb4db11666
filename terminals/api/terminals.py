"""Terminals as a back office sees them: made, paired once, unpaired, revoked."""

from typing import Annotated, ClassVar

from django.conf import settings
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request

from payments.api.idempotency import Answer
from payments.api.inputs import Nothing, Paging
from payments.api.openapi import described
from payments.api.schemas import page_of
from payments.api.views import ApiView
from payments.core.input_types import one_of, text, text_of
from payments.core.inputs import Input, Together
from payments.models import Channel, ProviderAccount
from payments.services.idempotency import IdempotencyGuard
from terminals import payloads, queries
from terminals.api.schemas import TERMINAL
from terminals.models import Terminal
from terminals.providers.registry import OWN
from terminals.services.create import NewTerminal, create
from terminals.services.revoke import revoke
from terminals.services.unpair import unpair

TAG = "Terminals"
MOST_BRANDS = 50


DeviceId = Annotated[str, text_of(r"[0-9A-Za-z._-]+", longest=64, form="letters, digits, dots and dashes")]


class MerchantIdsInput(Input):
    """What an acquirer calls the terminal and the merchant for one brand of card."""

    brand: Annotated[str, text(32)]
    """Card brand that the numbers are for, as `visa`."""
    provider_account: ProviderAccount | None = None
    """Id of the provider account that settles this brand; the terminal's own when left out."""
    tid: Annotated[str, text(40)] | None = None
    """Terminal id (TID) at the acquirer."""
    mid: Annotated[str, text(40)] | None = None
    """Merchant id (MID) at the acquirer."""


class TerminalInput(Input, kw_only=True):
    """A terminal to be paired, or one that its maker drives."""

    rules = (Together(("driver", "device_id")),)

    channel: Channel | None = None
    """Id of the store where it stands; required unless the key is tied to one."""
    label: Annotated[str, text(100)]
    """Name that staff knows the terminal by, as `Till 1`."""
    provider_account: ProviderAccount | None = None
    """Id of the provider account that settles its transactions; the default when left out."""
    serial_number: Annotated[str, text(64)] | None = None
    """Serial number of the device."""
    model: Annotated[str, text(64)] | None = None
    """Maker's name of the model."""
    driver: Annotated[str, one_of(settings.TERMINAL_DRIVERS)] | None = None
    """Who drives it: the paired device itself (`onetill_device`, the default), or its maker."""
    device_id: DeviceId | None = None
    """How its maker knows it; with a maker as the driver."""
    merchant_ids: Annotated[list[MerchantIdsInput], Meta(max_length=MOST_BRANDS)] | None = None
    """Numbers at the acquirer, per card brand, by which settlements find the terminal."""


class TerminalFilter(Paging):
    """Which terminals to list."""

    status: Terminal.Status | None = None
    """Only terminals of this status."""
    channel: Channel | None = None
    """Only terminals of this channel, by its id."""


class TerminalView(ApiView):
    """What the addresses of terminals share."""

    scopes: ClassVar[dict[str, str]] = {"GET": "terminals:read", "POST": "terminals:write"}

    def terminal(self, terminal_id: str) -> Terminal:
        """One terminal of the caller's."""
        return self.one(self.own(queries.terminals()), id=terminal_id)

    def again(self, terminal_id: str, status: int = 200) -> Answer:
        """A terminal as it is shown again: its pairing code never is."""
        return Answer(status, payloads.terminal(self.terminal(terminal_id)))


class Terminals(TerminalView):
    """All terminals."""

    @described("list_terminals", "Terminals", {200: page_of(TERMINAL)}, query=TerminalFilter, tag=TAG)
    def get(self, request: Request) -> HttpResponse:
        """List terminals, newest first."""
        query = self.query(TerminalFilter)
        rows = queries.terminals(status=query.status, channel_id=query.channel.id if query.channel else None)
        return self.page(self.own(rows), payloads.terminal, query)

    @described("create_terminal", "Add a terminal", {201: TERMINAL}, body=TerminalInput, tag=TAG)
    def post(self, request: Request) -> HttpResponse:
        """Add a terminal and show the code that pairs its device, this once and for ten minutes."""
        return self.once(self._create, lambda object_id: self.again(object_id, 201))

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(TerminalInput)
        made = create(
            channel=self.channel(given.channel),
            label=given.label,
            provider_account=given.provider_account,
            serial_number=given.serial_number,
            model=given.model,
            merchant_ids=[_merchant_ids(ids) for ids in given.merchant_ids or ()],
            driver=given.driver or OWN,
            device_id=given.device_id,
            actor=self.caller.actor,
            guard=guard,
        )
        return _once(made, 201)


class OneTerminal(TerminalView):
    """One terminal."""

    @described("get_terminal", "One terminal", {200: TERMINAL}, refusals=[404], tag=TAG)
    def get(self, request: Request, terminal_id: str) -> HttpResponse:
        """Return one terminal, with when it was last heard of."""
        self.no_query()
        return self.answer(self.again(terminal_id).shape)


class Unpair(TerminalView):
    """A device that leaves, or a code that ran out."""

    @described("unpair_terminal", "A new pairing code", {200: TERMINAL}, body=Nothing, refusals=[404, 409], tag=TAG)
    def post(self, request: Request, terminal_id: str) -> HttpResponse:
        """End a device's pairing and show a new code; the old secret is refused from now on."""

        def take_key(guard: IdempotencyGuard) -> Answer:
            self.terminal(terminal_id)
            self.input(Nothing)
            return _once(unpair(terminal_id=terminal_id, actor=self.caller.actor, guard=guard), 200)

        return self.once(take_key, self.again)


class Revoke(TerminalView):
    """A device that is lost."""

    @described("revoke_terminal", "Revoke it for good", {200: TERMINAL}, body=Nothing, refusals=[404], tag=TAG)
    def post(self, request: Request, terminal_id: str) -> HttpResponse:
        """End a terminal for good, as when it is lost; its transactions stay."""

        def end(guard: IdempotencyGuard) -> Answer:
            self.terminal(terminal_id)
            self.input(Nothing)
            return Answer(200, payloads.terminal(revoke(terminal_id=terminal_id, actor=self.caller.actor, guard=guard)))

        return self.once(end, self.again)


def _once(made: NewTerminal, status: int) -> Answer:
    """The pairing code is shown this once; a repetition of the request has null there."""
    return Answer(
        status,
        payloads.terminal(made.terminal, pairing_code=made.pairing_code or None),
        kept=payloads.terminal(made.terminal),
    )


def _merchant_ids(given: MerchantIdsInput) -> dict[str, str | None]:
    account = given.provider_account
    return {
        "brand": given.brand,
        "provider_account": account.id if account else None,
        "tid": given.tid,
        "mid": given.mid,
    }
