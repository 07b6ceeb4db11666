"""Exports for the accountant's software."""
