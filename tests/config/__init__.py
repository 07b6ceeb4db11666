"""Settings, servers and wiring."""
