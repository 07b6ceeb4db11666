"""The counter's page: store staff at a tablet or a phone."""
