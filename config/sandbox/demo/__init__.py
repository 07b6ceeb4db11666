"""A live day of a shop: the traffic that `make run` shows, sent over the same interfaces that real users have."""
