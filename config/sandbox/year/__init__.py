"""A realistic year of a test merchant's shop, of any size, booked with the ledger's `post()`."""
