"""Codes to scan."""

import io

import segno


def qr(text: str) -> str:
    """Return an SVG of a text; black on white, whatever the page's colors."""
    drawn = io.BytesIO()
    segno.make(text, error="m").save(drawn, kind="svg", scale=5, xmldecl=False, light="#fff", title="QR")
    return drawn.getvalue().decode()
