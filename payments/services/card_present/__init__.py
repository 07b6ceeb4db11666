"""Transactions that terminals report: registered, matched to their originals, booked."""
