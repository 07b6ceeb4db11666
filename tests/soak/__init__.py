"""The long fault and fuzz runs: `make soak SUITE=core MINUTES=30`."""
