"""Who drives terminals: our own protocol, and makers of terminals that are driven over their own; see `base`."""
