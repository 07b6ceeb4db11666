"""After every story the books are proven."""

from tests.payments.conftest import books_hold as books_hold
