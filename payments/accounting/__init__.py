"""What the business books: the chart of accounts, and the entries of each event."""
