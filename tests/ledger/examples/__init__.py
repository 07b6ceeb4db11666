"""The books by example: stories told by the real services, and the postings that each step made."""

from typing import Final

WRITE: Final = "WRITE_EXAMPLES"  # set in the environment, the test writes the page before it compares
