"""Pay.nl as a provider, over real HTTP to a fake that remembers."""
