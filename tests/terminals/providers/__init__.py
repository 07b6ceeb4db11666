"""Terminals that are driven through their maker."""
