"""Texts as spreadsheets may be given them."""

from typing import Final

# What a spreadsheet takes for a formula, also in the wide letters of East Asian keyboards.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def no_formula(text: str) -> str:
    """A text that no spreadsheet calculates: one that could be a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text
