"""A Pay.nl on loopback that remembers: no idempotency, two APIs, exchanges of both kinds, and terminals."""
