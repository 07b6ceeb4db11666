"""One verb, one file; the only writers."""
