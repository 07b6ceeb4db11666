"""The cast of the counter: a tablet that is paired to the store, and the people who sign in at it with their codes."""

import re
from dataclasses import dataclass
from typing import Any

from django.test import Client

from payments.models import Channel
from payments.people.models import Role, User
from terminals.models import CounterBrowser
from terminals.services.counter.pair import offer
from terminals.services.counter.staff_codes import choose
from tests.builders import BY
from tests.people.cast import person
from tests.responses import ClientResponse

CODE = "271828"


@dataclass
class Tablet:
    """A browser in the store, which knows nothing but its cookies."""

    channel: Channel
    browser: Client

    @property
    def row(self) -> CounterBrowser:
        return CounterBrowser.objects.filter(channel=self.channel).latest("id")

    def signs_in(self, user: User, code: str = CODE, **more: str) -> ClientResponse:
        """Touch one's name, type one's code."""
        return self.sends("/counter/sign-in", person=user.id, code=code, **more)

    def opens(self, path: str, **query: str) -> ClientResponse:
        return self.browser.get(path, query)

    def reads(self, path: str, **query: str) -> str:
        """The text of a page that is there."""
        answer = self.opens(path, **query)
        assert answer.status_code == 200, (answer.status_code, answer.content.decode()[:2000])
        return text(answer)

    def sends(self, path: str, **fields: str) -> ClientResponse:
        """Send a form; a page that answers it stands at an address of its own, to which the browser goes."""
        answer = self.browser.post(path, fields)
        away = answer.get("Location", "")
        return self.browser.get(away) if away.startswith("/counter/answers/") else answer

    def fields(self, answer: ClientResponse) -> dict[str, str]:
        """What a page's own form would send: hidden fields, and what stands in the others."""
        page = answer.content.decode().partition("<main")[2]
        found = re.findall(r'<input[^>]*name="(\w+)"[^>]*?value="([^"]*)"', page)
        return {name: value.replace("&quot;", '"') for name, value in found if name != "csrfmiddlewaretoken"}

    def gives_back(self, order_id: str, amount: str, **fields: str) -> ClientResponse:
        """Fill in the form, read the plan, agree to it; the answer is the page that is then shown."""
        path = f"/counter/orders/{order_id}/refund"
        once = self.fields(self.opens(path))["once"]
        plan = self.sends(path, once=once, amount=amount, reason="Too small", **fields)
        assert plan.status_code == 200, text(plan)
        done = self.agrees(path, plan)
        assert done.status_code == 302, text(done)
        return self.opens(done["Location"])

    def agrees(self, path: str, plan: ClientResponse) -> ClientResponse:
        """Press the button under the plan."""
        (fingerprint,) = re.findall(r'name="confirmed" value="([^"]*)"', plan.content.decode())
        return self.sends(path, **self.fields(plan), confirmed=fingerprint)


def text(answer: ClientResponse) -> str:
    """What somebody reads of a page."""
    page = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(page.replace("\xa0", " ").replace("&#x27;", "'").split())


def pair_tablet(channel: Channel, *, csrf: bool = False) -> Tablet:
    """A new tablet, paired with a code from the admin."""
    made = offer(channel=channel, label="Tablet", actor=BY)
    browser = Client(enforce_csrf_checks=csrf)
    if not csrf:
        answer = browser.post("/counter/pair", {"code": made.pairing_code})
        assert answer.status_code == 302, text(answer)
    return Tablet(channel, browser)


def staff(name: str, channel: Channel, *, role: Role.Name = Role.Name.CLERK, code: str = CODE) -> User:
    """Somebody with a role in the store, who has chosen a code."""
    user = person(name, channel.merchant_id, role=role, channel_id=channel.id)
    user.first_name = name.capitalize()
    user.save()
    choose(user=user, channel=channel, code=code)
    return user


def signed_in(channel: Channel, user: User) -> Tablet:
    """A tablet at which this person has signed in."""
    tablet = pair_tablet(channel)
    answer: Any = tablet.signs_in(user)
    assert answer.status_code == 302, text(answer)
    return tablet
