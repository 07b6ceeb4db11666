"""The cast of the admin's tests: a shop that sold in every way, and people who look at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from payments.people.models import Role, User
from tests.builders import Shop, open_shop
from tests.people import cast
from tests.responses import ClientResponse


@dataclass
class Browser:
    """Somebody who is signed in."""

    user: User
    client: Client

    def get(self, path: str, status: int = 200, **parameters: Any) -> str:
        """The page, which is expected to be answered so."""
        return page_text(self.client.get(f"/admin/{path}", parameters), status)

    def post(self, path: str, status: int = 200, **data: Any) -> str:
        """What follows pressing a button: the page it leads to."""
        return page_text(self.client.post(f"/admin/{path}", data, follow=True), status)

    def prove(self) -> None:
        """Prove a second factor, as the page for it does."""
        cast.prove(self.user, self.client)


def page_text(response: ClientResponse, status: int) -> str:
    text = response.content.decode()
    assert response.status_code == status, (response.status_code, text[:2000])
    return text


SignIn = Callable[..., Browser]


@pytest.fixture
def shop(db: None) -> Shop:
    return open_shop(second_person_above=10_000, refund_fallback="voucher")


@pytest.fixture
def sign_in(shop: Shop) -> SignIn:
    """Signs somebody in by their role at the shop; `root` has none and sees all."""

    def make(role: str = "root", *, channel_id: str | None = None, language: str = "en") -> Browser:
        user = User.objects.create_user(
            f"{role}{User.objects.count()}", is_staff=True, is_superuser=role == "root", language=language
        )
        if role != "root":
            Role.objects.create(user=user, merchant_id=shop.merchant.id, channel_id=channel_id, role=role)
        return Browser(user, cast.signed_in(user, proved=False))

    return make


@pytest.fixture
def root(sign_in: SignIn) -> Browser:
    return sign_in()
