"""Settlements read from a provider's API, stored as a file and booked like an uploaded one."""
