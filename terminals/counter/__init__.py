"""The page for store staff at `/counter/`: find an order, give back, ask for a payment, on a tablet or a phone."""
