"""An Adyen on loopback that remembers: idempotency keys, answers that decide nothing, and items signed one by one."""
