"""What is read: querysets and stories that API and admin share, none with a query per row."""
