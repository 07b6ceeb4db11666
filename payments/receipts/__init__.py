"""What customers get in their hands: a receipt of a payment or a refund, as text, as HTML and as PDF."""
