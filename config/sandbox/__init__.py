"""What only a trial needs: a payment service provider to play with, a live demo, a generated year."""
