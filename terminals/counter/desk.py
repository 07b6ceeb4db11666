"""Who stands at which counter: every page of it begins here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from payments.core.errors import OnetillError
from payments.models import Channel, Merchant
from payments.people.models import User
from payments.people.permissions import May, may
from terminals.counter import cookies
from terminals.counter.answers import lead_to
from terminals.counter.page import guarded, language_of, page
from terminals.models import CounterBrowser
from terminals.services.counter import passkeys, sign_ins
from terminals.services.counter.browsers import paired_by

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Desk:
    """A person who is signed in at a paired browser of a store."""

    browser: CounterBrowser
    user: User

    @property
    def channel(self) -> Channel:
        """The store."""
        return self.browser.channel

    @property
    def merchant(self) -> Merchant:
        """Whose store it is."""
        return self.browser.merchant

    @property
    def operator(self) -> str:
        """What the person is called in records."""
        return self.user.get_full_name() or self.user.get_username()

    @property
    def idle_seconds(self) -> int:
        """After how long without a touch the code is asked for again."""
        return int(sign_ins.idle().total_seconds())

    def can(self, what: May) -> bool:
        """Whether the person may do this in this store."""
        return may(self.user, what, merchant_id=self.merchant.id, channel_id=self.channel.id)

    @property
    def keeps_passkeys(self) -> bool:
        """Whether the person adds and removes passkeys here."""
        return passkeys.may_add(self.user)

    @property
    def can_refund(self) -> bool:
        return self.can(May.REFUND)

    @property
    def can_request_payment(self) -> bool:
        return self.can(May.REQUEST_PAYMENT)

    @property
    def can_send_mail(self) -> bool:
        return self.can(May.SEND_MAIL)


def paired(request: HttpRequest) -> CounterBrowser | None:
    """The paired browser that asks; None: it never was, it was unpaired, or its store is closed."""
    return paired_by(cookies.read(request, cookies.BROWSER))


def with_browser(view: View) -> View:
    """A page of a paired browser, whoever sits before it; others are led to where browsers are paired."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        browser = paired(request)
        if browser is None:
            return guarded(redirect("counter_pair"))
        with translation.override(language_of(request, "")), timezone.override(browser.merchant.zone):
            return guarded(lead_to(request, view(request, browser, *args, **kwargs), browser))

    return answer


def at_counter(view: View) -> View:
    """A page for who is signed in; others sign in first, and what they had typed is kept for them."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        browser = paired(request)
        if browser is None:
            return guarded(redirect("counter_pair"))
        user = sign_ins.current(
            browser, cookies.read(request, cookies.SIGN_IN), timezone.now(), attended="unattended" not in request.GET
        )
        if user is None:
            return guarded(lead_to(request, _sign_in_first(request, browser), browser))
        with translation.override(language_of(request, user.language)), timezone.override(browser.merchant.zone):
            return guarded(lead_to(request, _answered(view, request, Desk(browser, user), *args, **kwargs), browser))

    return answer


def _answered(view: View, request: HttpRequest, desk: Desk, *args: Any, **kwargs: Any) -> HttpResponse:
    """The page; where there is none, or none for this person, one that says so and leads on."""
    try:
        return view(request, desk, *args, **kwargs)
    except Http404:
        return page(request, "message.html", {"desk": desk, "what": "missing"}, title=_("Not found"), status=404)
    except PermissionDenied:
        return page(request, "message.html", {"desk": desk, "what": "denied"}, title=_("Not allowed"), status=403)


def _sign_in_first(request: HttpRequest, browser: CounterBrowser) -> HttpResponse:
    """The way to sign in, and back here. A form that was sent goes along, sealed, for the person who filled it in."""
    from terminals.counter.entry import sign_in_page  # noqa: PLC0415 (its pages are a desk's, too)
    from terminals.counter.kept import seal  # noqa: PLC0415

    if "unattended" in request.GET:
        return HttpResponse(status=401)
    if request.method != "POST":
        return redirect(f"{reverse('counter_sign_in')}?{urlencode({'next': request.get_full_path()})}")
    lapsed = sign_ins.of(browser, cookies.read(request, cookies.SIGN_IN))
    with translation.override(language_of(request, "")), timezone.override(browser.merchant.zone):
        return sign_in_page(request, browser, kept=seal(request, lapsed.user_id if lapsed else None), status=401)


def refusal_of(error: OnetillError) -> str:
    """A service's refusal in the reader's language."""
    from payments.admin.base.error_messages import explain  # noqa: PLC0415 (it comes with the admin's pages)

    return explain(error)
