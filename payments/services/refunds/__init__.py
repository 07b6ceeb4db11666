"""Refunds: requested, planned over routes, executed, decided by people, reported from outside."""
