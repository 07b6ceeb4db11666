"""The hosted pay page behind a payment link: no card number is ever typed here."""
