"""XML as text, piece by piece: an audit file of a year is never held as a tree."""

from xml.sax.saxutils import escape

from reconciliation.exports.text import xml

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def element(name: str, text: str | int, longest: int | None = None) -> str:
    """An element with a text, cut to what its schema takes. A bare carriage return would be read as a line feed."""
    return f"<{name}>{escape(xml(str(text), longest), {chr(13): '&#13;'})}</{name}>"


def optional(name: str, text: str, longest: int | None = None) -> str:
    """The element, or nothing where there is no text."""
    return element(name, text, longest) if xml(text) else ""
