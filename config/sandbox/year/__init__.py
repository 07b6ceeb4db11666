"""A realistic year of a test merchant's shop, of any size, booked through the ledger's own door."""
