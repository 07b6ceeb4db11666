"""A live day of a shop: the traffic that `make run` shows, sent by the same doors that real users have."""
