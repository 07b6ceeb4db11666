"""Buttons: each is a page that says what will happen, asks what it must, and calls one service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from payments.admin.base.access import person, require_second_factor
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.forms import ActionForm, note_refused_choices
from payments.admin.base.navigation import environment
from payments.core.errors import OnetillError
from payments.people.models import User
from payments.people.permissions import May, may
from payments.services.idempotency import KeyTaken

if TYPE_CHECKING:
    from payments.admin.base.read_only_admin import ReadOnlyModelAdmin


class ActionHandler(Protocol):
    """Calls the service and tells what became of it, or hands out a file that it made."""

    def __call__(self, *, user: User, row: Any, form: Any) -> str | HttpResponse: ...


def _where(row: Any) -> tuple[str, str | None]:
    return row.merchant_id, getattr(row, "channel_id", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAction:
    """One thing that may be done with a row. `where` tells the merchant and channel whose permission it takes."""

    name: str
    title: Any
    needs: May
    act: ActionHandler
    form: type[ActionForm] = ActionForm
    possible: Callable[[Any], bool] = lambda row: True
    where: Callable[[Any], tuple[str, str | None]] = _where
    explanation: Any = ""
    dangerous: bool = False
    second_factor: bool = False
    template: str = "payments/admin/action.html"

    def allowed(self, user: User, row: Any) -> bool:
        """Whether this person may, whatever state the row is in."""
        merchant_id, channel_id = self.where(row)
        return may(user, self.needs, merchant_id=merchant_id, channel_id=channel_id)

    def offered(self, user: User, row: Any) -> bool:
        """Whether the button is there."""
        return self.possible(row) and self.allowed(user, row)


def view(admin: "ReadOnlyModelAdmin", action: AdminAction) -> Callable[..., HttpResponse]:
    """The page of an action: shown, shown again with its faults, or done, with a message."""

    @never_cache
    def answer(request: HttpRequest, object_id: str) -> HttpResponse:
        row = admin.row(request, object_id)
        user = person(request)
        if not action.allowed(user, row):
            raise PermissionDenied
        if action.second_factor and (step_up := require_second_factor(request)):
            return step_up
        form = action.form(request.POST if request.method == "POST" else None, row=row, user=user)
        if request.method == "POST" and form.is_valid() and form.complete():
            done = _do(request, admin, action, row, form)
            if done is not None:
                return done
        elif request.method == "POST":
            note_refused_choices(form, user=user, action=f"{admin.model._meta.model_name}.{action.name}")
        return _show(request, admin, action, row, form)

    return answer


def _do(
    request: HttpRequest, admin: "ReadOnlyModelAdmin", action: AdminAction, row: Any, form: ActionForm
) -> HttpResponse | None:
    """Call the service; None where it refuses, with the refusal on the form."""
    try:
        done = action.act(user=person(request), row=row, form=form)
    except KeyTaken:
        messages.info(request, _("This had already been done. Nothing was done twice."))
    except OnetillError as refusal:
        form.add_error(None, explain(refusal))
        return None
    else:
        if isinstance(done, HttpResponse):
            return done
        messages.success(request, done)
    return redirect(row_url(admin.model, row.pk))


def _show(
    request: HttpRequest, admin: "ReadOnlyModelAdmin", action: AdminAction, row: Any, form: ActionForm
) -> HttpResponse:
    context = {
        **admin.admin_site.each_context(request),
        "environment": environment(request, row),
        "opts": admin.model._meta,
        "title": action.title,
        "action": action,
        "form": form,
        "row": row,
        "back": row_url(admin.model, row.pk),
    }
    return TemplateResponse(request, action.template, context, status=422 if form.errors else 200)
