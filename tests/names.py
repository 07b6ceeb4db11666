"""Names for what tests make."""

import uuid
from typing import Final

_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")


def reference() -> str:
    """A name of its own without digits: a random row of them now and then is a card number's, and refused."""
    return uuid.uuid4().hex.translate(_LETTERS)
