"""What is written for the accountant's software: one module a kind; what they share is in `base`."""
