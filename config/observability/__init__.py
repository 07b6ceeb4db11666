"""Health checks, heartbeats, metrics and redacted logs."""
