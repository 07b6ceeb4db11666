"""Receipts of payments and refunds: shown as PDF, and sent."""

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from payments.admin.base.actions import AdminAction
from payments.admin.base.links import page_link
from payments.admin.base.page import Fact
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.customers.link_actions import SendForm
from payments.models import Payment, Refund
from payments.people.models import User
from payments.people.permissions import May
from payments.services.send_receipt import address_of, is_available, receipt_of, send_receipt

RECEIPT_PAGE: Final = "receipt_pdf"


class ReceiptForm(SendForm):
    """To whom; the customer's own address stands there if it is known."""

    def __init__(self, *args: Any, row: Payment | Refund, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        self.fields["to"].initial = address_of(row)


def _send(*, user: User, row: Payment | Refund, form: Any) -> str:
    given = form.cleaned_data
    send_receipt(row, to=given["to"], language=given["language"] or None, actor=user.id)
    return _("Sent to %(to)s.") % {"to": given["to"]}


SEND_RECEIPT = AdminAction(
    name="receipt",
    title=gettext_lazy("Send the receipt"),
    needs=May.SEND_MAIL,
    form=ReceiptForm,
    act=_send,
    possible=is_available,
)


class ReceiptAdmin(ReadOnlyModelAdmin):
    """Pages of what has a receipt."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.receipt_pdf)
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}_{RECEIPT_PAGE}"
        return [path("<str:object_id>/receipt.pdf", view, name=name), *super().get_urls()]

    def receipt_pdf(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The receipt in the reader's language, to be shown or printed."""
        row = self.row(request, object_id)
        if not is_available(row):
            raise Http404
        receipt, content = receipt_of(row, language=get_language())
        named = {"Content-Disposition": f'inline; filename="{receipt.number}.pdf"', "Cache-Control": "no-store"}
        return HttpResponse(content, content_type="application/pdf", headers=named)

    def receipt_facts(self, row: Payment | Refund) -> list[Fact]:
        """Where the receipt is, once there is one."""
        if not is_available(row):
            return []
        return [Fact(_("receipt"), page_link(row, RECEIPT_PAGE, "PDF", new_tab=True))]
