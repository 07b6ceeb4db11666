"""Card terminals: pairing, signed transactions, actions, shifts."""
