"""The advice on a chargeback's page: what to do about the dispute in its current status."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from payments.admin.base import render
from payments.models import Chargeback

Status, Stage = Chargeback.Status, Chargeback.Stage


def advice(row: Chargeback, now: datetime) -> list[Any]:
    """One sentence or a few; needs its order and merchant."""
    sentences = [_situation(row)]
    if row.status in (Status.INQUIRY, Status.OPEN):
        sentences.append(_deadline(row, now))
    if row.order.excess and row.status in (Status.OPEN, Status.LOST):
        sentences.append(_twice(row))
    return [text for text in sentences if text]


def _situation(row: Chargeback) -> str:
    amount = render.amount(row.amount, row.currency)
    if row.stage == Stage.INQUIRY and row.status == Status.WON:
        return _("The inquiry was closed without a chargeback. You do not have to do anything.")
    if row.status == Status.INQUIRY:
        return _(
            "The cardholder's bank asks about this sale; no money has moved yet. Answer it at the provider with what "
            "proves the sale (receipt, delivery, correspondence), or refund the customer now: without an answer it "
            "usually becomes a chargeback."
        )
    if row.status == Status.WON:
        return _("The money is yours again. The bank may still contest this in a later stage.")
    if row.status == Status.LOST:
        return _("The customer keeps %(amount)s. It is booked as the cost of a chargeback.") % {"amount": amount}
    if row.stage == Stage.CHARGEBACK:
        return _(
            "The cardholder's bank has taken %(amount)s, for now. Send evidence at the provider, or accept the loss. "
            "Do not refund it as well: the customer has the money."
        ) % {"amount": amount}
    return _(
        "The cardholder's bank contests what was decided, and has the %(amount)s again. The party that loses from "
        "here on also pays the scheme's costs: go on only with new evidence, or accept the loss at the provider."
    ) % {"amount": amount}


def _deadline(row: Chargeback, now: datetime) -> str:
    if row.respond_by is None:
        return _("The provider named no deadline; look there until when you may answer.")
    if row.respond_by <= now:
        return _("The deadline for evidence has passed; the bank decides now.")
    left = {"moment": render.moment(row.respond_by, row.merchant.zone), "left": render.age(row.respond_by - now)}
    return _("Evidence may be sent until %(moment)s: %(left)s from now.") % left


def _twice(row: Chargeback) -> str:
    text = _(
        "Of this order %(amount)s more was given back than was paid: the customer has a refund and this money. The "
        "refund is your evidence; send it to the provider."
    )
    return text % {"amount": render.amount(row.order.excess, row.currency)}
