"""Pages of the set-up: merchant, channels, provider accounts, keys, people, webhooks."""
