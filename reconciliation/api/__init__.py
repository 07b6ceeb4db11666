"""The REST API of reconciliation: files in, payouts, discrepancies."""
