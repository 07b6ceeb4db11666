"""A Stripe on loopback that remembers: the unmodified SDK talks to it, and it refuses what Stripe refuses."""
