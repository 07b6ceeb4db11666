"""What operators watch: health, heartbeats, metrics, logs without personal data."""
