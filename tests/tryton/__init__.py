"""Tryton 8.2, a real accounting server, reads what Onetill exports; it lives in an environment of its own."""
