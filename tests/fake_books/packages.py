"""All fakes, by the code of the connector that asks them."""

from typing import Final

from tests.fake_books.eboekhouden import EBoekhouden
from tests.fake_books.exact_online import ExactOnline
from tests.fake_books.moneybird import Moneybird
from tests.fake_books.server import Package
from tests.fake_books.snelstart import SnelStart
from tests.fake_books.xero import Xero

PACKAGES: Final[dict[str, type[Package]]] = {
    one.code: one for one in (Moneybird, SnelStart, ExactOnline, EBoekhouden, Xero)
}
