"""A payment service provider in a process of its own, with the faults that real ones have."""
