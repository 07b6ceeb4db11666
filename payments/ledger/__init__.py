"""The lowest layer: double-entry books, written by `posting.post` alone."""
