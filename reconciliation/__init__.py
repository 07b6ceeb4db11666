"""Reconciliation: match what till, terminal, acquirer and bank report."""
