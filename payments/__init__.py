"""The life of a payment, whatever the channel."""
