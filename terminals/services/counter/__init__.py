"""The counter's page: which browsers may show it, and who is signed in there."""
