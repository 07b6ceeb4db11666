"""What every fake provider has: HTTP on loopback, faults, traps, an effect log, webhooks and checked requests."""
