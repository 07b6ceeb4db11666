"""The provider's side: settlements and payouts."""
