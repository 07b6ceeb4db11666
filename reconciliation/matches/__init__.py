"""What a settlement's lines are about, found out as a set."""
