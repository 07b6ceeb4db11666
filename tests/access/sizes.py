"""How many cases there are at least where everybody asks for everything (`MATRIX=full`)."""

from typing import Final

API_CASES: Final = 7_000
ADMIN_CASES: Final = 26_000
