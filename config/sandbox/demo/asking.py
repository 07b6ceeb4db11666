"""The demo's payment links: sent by e-mail and paid on the customer's telephone, and the one that the banner shows."""

import random
import re
import time
from typing import Any, Final

from config.sandbox.demo.cast import BY, Cast
from config.sandbox.demo.web import Api
from payments.models import Channel, PaymentLink
from payments.services import link as links
from payments.services.send_link import send_link

GOODS: Final = (
    (4950, "Autumn bouquet"),
    (8900, "Olive tree, ordered in the store"),
    (30000, "Invoice: wedding flowers"),
    (1750, "Workshop, one place"),
)
METHODS: Final = ("ideal", "ideal", "card", "bancontact")
ATTEMPT: Final = re.compile(r'name="attempt" value="([0-9a-f]{32})"')
PATIENCE: Final = 20  # looks, half a second apart
SHOWN: Final = {"demo": "banner"}


class Asking:
    """Staff ask customers to pay by a link, and send the receipt of what was paid."""

    def __init__(self, cast: Cast, chance: random.Random) -> None:
        self._api, self._cast, self._chance = Api(cast.api_key), cast, chance

    def ask(self) -> None:
        """One link: sent, and mostly paid; one that nobody wants any more is canceled."""
        made = self._api.post("/v1/payment_links", self._link_request())
        if made is None:
            return
        to = f"customer{self._chance.randrange(60)}@shop.example"
        self._api.post(f"/v1/payment_links/{made['id']}/send", {"via": "email", "to": to})
        luck = self._chance.random()
        if luck < 0.7:
            self._pay(made, to)
        elif luck < 0.8:
            self._api.post(f"/v1/payment_links/{made['id']}/cancel", {})

    def _link_request(self) -> dict[str, Any]:
        amount, description = self._chance.choice(GOODS)
        return {
            "amount": amount,
            "currency": "EUR",
            "description": description,
            "order_reference": f"L{self._chance.randrange(10**9):09d}",
            "channel": self._chance.choice([*self._cast.webshops, *self._cast.stores]),
        }

    def _pay(self, link: dict[str, Any], to: str) -> None:
        """Open the page, choose a method, pay with the provider; the counter mails the receipt."""
        attempt = ATTEMPT.search(self._api.page(link["url"]))
        if attempt is None:
            return
        there = self._api.press(link["url"], {"attempt": attempt[1], "method": self._chance.choice(METHODS)})
        self._api.visit(there, "approve")
        for _ in range(PATIENCE):
            link = self._api.get(f"/v1/payment_links/{link['id']}")
            if link["status"] == "paid":
                self._api.post(f"/v1/payments/{link['payments'][-1]}/send_receipt", {"to": to})
                return
            time.sleep(0.5)


def shown(cast: Cast) -> str:
    """Return the URL of a link shown in the banner, to be paid by hand; a new one once the last was paid."""
    channel = Channel.objects.select_related("merchant").get(id=cast.channel)
    made = PaymentLink.objects.filter(merchant_id=cast.merchant, metadata=SHOWN, canceled_at=None).last()
    if made is None or links.read(made.id).status != PaymentLink.Status.ACTIVE:
        amount, description = GOODS[0]
        request = links.LinkRequest(
            channel=channel, currency="EUR", description=description, amount=amount, metadata=SHOWN
        )
        made = links.create_link(request, actor=BY)
        send_link(made, to="you@shop.example", actor=BY)
    return links.address(made)
