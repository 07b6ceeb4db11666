"""The ground floor: double-entry books with one door."""
