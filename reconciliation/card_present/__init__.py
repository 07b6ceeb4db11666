"""Lines of PIN acquirers, and the devices' transactions that they are about."""
