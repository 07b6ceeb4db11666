"""What happens when things break at the worst moment."""
