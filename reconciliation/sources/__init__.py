"""Settlements that no file brings: read at the provider itself, kept as a file, and booked like any other."""
