"""The house, tried from outside."""
