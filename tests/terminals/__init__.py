"""Devices: pairing, signed transactions, and what they do to the books."""
